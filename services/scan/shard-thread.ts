// The thread: does one shard from end to end with synchronous file calls and a Postgres connection of its own. Loaded by piscina.
import { RollcallError } from '../../domain/exit.ts';
import type { Connection } from '../catalog/database.ts';
import { connect } from '../catalog/database.ts';
import type { DatabaseAddress } from '../catalog/database.ts';
import { databaseAdvice, isConnectionLost, isTransient } from '../catalog/advice.ts';
import { AttributeIds } from '../catalog/rows.ts';
import { loadScanContext } from '../catalog/scans.ts';
import type { ScanContext } from '../catalog/scans.ts';
import { assertClaim, FenceLost, writeShard } from '../catalog/shards.ts';
import type { Shard, ShardCounts } from '../catalog/shards.ts';
import { createHasher } from '../files/hash.ts';
import type { Hasher } from '../files/hash.ts';
import { openEnvironment } from './open-environment.ts';
import type { LinkDigest } from './environment.ts';
import { RECONNECT_PAUSE_MS, RECONNECT_TRIES } from './limits.ts';
import { runListShard } from './list-shard.ts';
import { runReadShard } from './read-shard.ts';
import { runRelistShard } from './relist-shard.ts';

export interface ShardTask {
  readonly address: DatabaseAddress;
  readonly scanId: bigint;
  readonly shard: Shard;
  /** Three counters: any progress, files, bytes. The main thread reads them. */
  readonly progress: SharedArrayBuffer;
}

export type ShardAnswer =
  | { readonly outcome: 'done'; readonly counts: ShardCounts }
  /** Another holder has the shard now, or the scan is over: nothing was written. */
  | { readonly outcome: 'lost' }
  /** The root is not what it was when the scan began. */
  | { readonly outcome: 'quarantine'; readonly reason: string }
  /** Plain text, because an error crosses threads without its class, and some do not cross at all. */
  | {
      readonly outcome: 'failed';
      readonly message: string;
      readonly stack: string | null;
      /** Set where the catalog cannot be written (a full disk, no connection left): no fault of the shard's, so it must not become a gap. */
      readonly stops: { readonly next: string | null } | null;
    };

/** Deadlocks and serialisation failures in a row. */
const CONFLICTS_MAX = 20;

interface Held {
  context: ScanContext;
  links: Map<string, LinkDigest>;
}

/** One connection, and what may be remembered only as long as it lives: rows of a server that crashed may never have been written. */
interface Session {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  lost: boolean;
}

let session: Session | null = null;
let hasher: Hasher | null = null;
let held: Held | null = null;

async function openSession(address: DatabaseAddress): Promise<Session> {
  if (session !== null && !session.lost) return session;
  const client = await connect(address, { applicationName: 'rollcall thread', relaxed: true });
  const opened: Session = { client, attributes: new AttributeIds(), lost: false };
  client.on('error', () => {
    opened.lost = true;
  });
  client.on('end', () => {
    opened.lost = true;
  });
  session = opened;
  return opened;
}

async function leaveSession(): Promise<void> {
  const left = session;
  session = null;
  await left?.client.end().catch(() => undefined);
}

async function contextOf(client: Connection, scanId: bigint): Promise<Held> {
  if (held?.context.scanId !== scanId) held = { context: await loadScanContext(client, scanId), links: new Map() };
  return held;
}

/**
 * The task that piscina calls. Never rejects. After a lost connection the shard is done again from its beginning: whether its write had
 * happened is answered by the fence row, and what the old connection had been told of new rows is not relied on.
 */
export async function runShard(task: ShardTask): Promise<ShardAnswer> {
  const counters = new BigInt64Array(task.progress);
  // Taken up: from here on standing still is told.
  Atomics.add(counters, 0, 1n);
  for (let attempt = 1; ; attempt++) {
    try {
      return await doShard(task, counters);
    } catch (error) {
      if (error instanceof FenceLost) return { outcome: 'lost' };
      if (!isTransient(error) || attempt >= RECONNECT_TRIES) return failed(error);
      if (isConnectionLost(error)) await leaveSession();
      await pause(RECONNECT_PAUSE_MS);
      // Waiting for the database is no hanging system call.
      Atomics.add(counters, 0, 1n);
    }
  }
}

async function doShard(task: ShardTask, counters: BigInt64Array): Promise<ShardAnswer> {
  const { client, attributes } = await openSession(task.address);
  await assertClaim(client, task.shard);
  const { context, links } = await contextOf(client, task.scanId);
  hasher ??= await createHasher();
  const opened = openEnvironment({ client, attributes, context, hasher, links, counters, nowMs: Date.now });
  if ('quarantine' in opened) return { outcome: 'quarantine', reason: opened.quarantine };
  const { environment } = opened;
  try {
    const result = await (task.shard.kind === 'list'
      ? runListShard(environment, task.shard)
      : task.shard.kind === 'read'
        ? runReadShard(environment, task.shard)
        : runRelistShard(environment, task.shard));
    await repeating(() =>
      writeShard(client, context, task.shard, result, attributes, { last: true, nowMs: Date.now() }),
    );
    return { outcome: 'done', counts: result.counts };
  } finally {
    environment.close();
  }
}

/** After a deadlock or a serialisation failure the same is written again, from memory. */
async function repeating(write: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      if (!isTransient(error) || isConnectionLost(error) || attempt >= CONFLICTS_MAX) throw error;
    }
  }
}

function failed(error: unknown): ShardAnswer {
  const advice = error instanceof RollcallError ? error : databaseAdvice(error);
  return {
    outcome: 'failed',
    message: advice?.message ?? (error instanceof Error ? error.message : String(error)),
    stack: error instanceof Error ? (error.stack ?? null) : null,
    stops: advice === null ? null : { next: advice.next },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
