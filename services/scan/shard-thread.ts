// The thread: does one shard from end to end with synchronous file calls and a Postgres connection of its own. Loaded by piscina.
import type { Connection } from '../catalog/database.ts';
import { connect } from '../catalog/database.ts';
import type { DatabaseAddress } from '../catalog/database.ts';
import { isTransient } from '../catalog/advice.ts';
import { AttributeIds } from '../catalog/rows.ts';
import { loadScanContext } from '../catalog/scans.ts';
import type { ScanContext } from '../catalog/scans.ts';
import { FenceLost, writeShard } from '../catalog/shards.ts';
import type { Shard, ShardCounts } from '../catalog/shards.ts';
import { createHasher } from '../files/hash.ts';
import type { Hasher } from '../files/hash.ts';
import { openEnvironment } from './open-environment.ts';
import type { LinkDigest } from './environment.ts';
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
  | { readonly outcome: 'quarantine'; readonly reason: string };

/** Tries of a write whose outcome a broken connection left unknown; the fence row answers whether it had happened. */
const WRITE_TRIES = 60;
const WRITE_PAUSE_MS = 500;

interface Held {
  context: ScanContext;
  links: Map<string, LinkDigest>;
}

let client: Connection | null = null;
let hasher: Hasher | null = null;
let held: Held | null = null;
const attributes = new AttributeIds();

async function connection(address: DatabaseAddress): Promise<Connection> {
  if (client === null) {
    client = await connect(address, { applicationName: 'rollcall thread', relaxed: true });
    client.on('error', () => {
      client = null;
    });
    client.on('end', () => {
      client = null;
    });
  }
  return client;
}

async function contextOf(address: DatabaseAddress, scanId: bigint): Promise<Held> {
  if (held?.context.scanId !== scanId) {
    held = { context: await loadScanContext(await connection(address), scanId), links: new Map() };
  }
  return held;
}

/** The task that piscina calls. Fails (and the shard is claimed again) on what is neither a finding nor a passing fault. */
export async function runShard(task: ShardTask): Promise<ShardAnswer> {
  const counters = new BigInt64Array(task.progress);
  // Taken up: from here on standing still is told.
  Atomics.add(counters, 0, 1n);
  const db = await retrying(() => connection(task.address));
  const { context, links } = await retrying(() => contextOf(task.address, task.scanId));
  hasher ??= await createHasher();
  const opened = openEnvironment({ client: db, attributes, context, hasher, links, counters, nowMs: Date.now });
  if ('quarantine' in opened) return { outcome: 'quarantine', reason: opened.quarantine };
  const { environment } = opened;
  try {
    const result = await (task.shard.kind === 'list'
      ? runListShard(environment, task.shard)
      : task.shard.kind === 'read'
        ? runReadShard(environment, task.shard)
        : runRelistShard(environment, task.shard));
    await retrying(async () =>
      writeShard(await connection(task.address), context, task.shard, result, attributes, {
        last: true,
        nowMs: Date.now(),
      }),
    );
    return { outcome: 'done', counts: result.counts };
  } catch (error) {
    if (error instanceof FenceLost) return { outcome: 'lost' };
    throw error;
  } finally {
    environment.close();
  }
}

/** After a deadlock, a serialisation failure or a lost connection the same statement is made again, from memory. */
async function retrying<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (error instanceof FenceLost || !isTransient(error) || attempt >= WRITE_TRIES) throw error;
      await client?.end().catch(() => undefined);
      client = null;
      await new Promise((resolve) => setTimeout(resolve, WRITE_PAUSE_MS));
    }
  }
}
