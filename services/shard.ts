// Doing a shard, in a thread: from end to end with synchronous file calls, each shard with a Postgres connection of its
// own, so that while one waits for the database, the files of another are read.
import { type MessagePort, threadId } from 'node:worker_threads';
import { RollcallError } from '../domain/exit.ts';
import type { Connection } from './catalog/database.ts';
import { connect } from './catalog/database.ts';
import type { DatabaseAddress } from './catalog/database.ts';
import { databaseAdvice, databaseCode, isConnectionLost, isTransient } from './catalog/advice.ts';
import { AttributeIds } from './catalog/rows.ts';
import { loadScanContext } from './catalog/scan-context.ts';
import type { ScanContext } from './catalog/scan-context.ts';
import { writeShard } from './catalog/shard-result.ts';
import { assertClaim, FenceLost } from './catalog/shards.ts';
import { readAttributesUnder } from './files/brick-attributes.ts';
import { Columns } from './files/columns.ts';
import { reachHostsBy } from './files/elsewhere.ts';
import { createHasher } from './files/hash.ts';
import { callOut } from './process/blocking-call.ts';
import { keepPace } from './process/pace.ts';
import type { Hasher } from './files/hash.ts';
import { openEnvironment } from './scan/open-environment.ts';
import { LinkDigests } from './scan/link-digests.ts';
import { RECONNECT_PAUSE_MS, RECONNECT_TRIES } from './scan/limits.ts';
import { runListShard } from './scan/list-shard.ts';
import { ProgressCounters } from './scan/progress.ts';
import { runReadShard } from './scan/read-shard.ts';
import { runRelistShard } from './scan/relist-shard.ts';
import type { ShardAnswer, ShardTask, ThreadOrder, ThreadWord } from './scan/task.ts';
import { Whereabouts } from './scan/whereabouts.ts';

/** Deadlocks and serialisation failures in a row. */
const CONFLICTS_MAX = 20;

/**
 * One connection, and what may be remembered only as long as it lives: rows of a server that crashed may never have
 * been written.
 */
interface Session {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  readonly columns: Columns;
  lost: boolean;
  /** While it is idle. */
  leaves: NodeJS.Timeout | undefined;
}

/** Sessions that no shard uses at the moment: as many as there are lanes, at most. The one used last comes first. */
const idle: Session[] = [];
/** A server has only so many connections: those of a thread that has nothing to do are for others. */
const IDLE_MS = 5_000;
let hasher: Promise<Hasher> | null = null;
/** Of the scan and root whose shards this thread did last. */
let held: ScanContext | null = null;

async function openSession(address: DatabaseAddress): Promise<Session> {
  for (let session = idle.pop(); session !== undefined; session = idle.pop()) {
    clearTimeout(session.leaves);
    if (!session.lost) return session;
    await leaveSession(session);
  }
  const client = await connect(address, { applicationName: 'rollcall thread', relaxed: true });
  const opened: Session = {
    client,
    attributes: new AttributeIds(),
    columns: new Columns(),
    lost: false,
    leaves: undefined,
  };
  client.on('error', () => {
    opened.lost = true;
  });
  client.on('end', () => {
    opened.lost = true;
  });
  return opened;
}

async function leaveSession({ client }: Session): Promise<void> {
  await client.end().catch(() => undefined);
}

async function contextOf(client: Connection, { scanId, shard: { rootId } }: ShardTask): Promise<ScanContext> {
  if (held?.scanId !== scanId || held.rootId !== rootId) held = await loadScanContext(client, scanId, { rootId });
  return held;
}

/**
 * Never rejects. After a lost connection the shard is done again from its beginning: whether its write had
 * happened is answered by the fence row, and what the old connection had been told of new rows is not relied on.
 */
async function runShard(task: ShardTask): Promise<ShardAnswer> {
  const progress = new ProgressCounters(task.progress);
  inHands.add(progress);
  try {
    return await repeated(task, progress);
  } finally {
    inHands.delete(progress);
  }
}

/** Of the shards that this thread does side by side: while it waits for another host, none of them stands still. */
const inHands = new Set<ProgressCounters>();

async function repeated(task: ShardTask, progress: ProgressCounters): Promise<ShardAnswer> {
  keepPace(task.pace);
  readAttributesUnder(task.attributePrefix);
  // Taken up: from here on standing still is told.
  new Whereabouts(task.whereabouts).takeUp(threadId);
  progress.tick();
  for (let attempt = 1; ; attempt++) {
    try {
      return await doShard(task, progress, attempt > 1);
    } catch (error) {
      if (error instanceof FenceLost) return { outcome: 'lost' };
      if (!isTransient(error) || attempt >= RECONNECT_TRIES) return failed(error);
      await pause(RECONNECT_PAUSE_MS);
      // Waiting for the database is no hanging system call.
      progress.tick();
    }
  }
}

/** @param again the connection was lost when it was done before */
async function doShard(task: ShardTask, progress: ProgressCounters, again: boolean): Promise<ShardAnswer> {
  const session = await openSession(task.address);
  try {
    const answer = await doShardIn(session, task, progress, again);
    rest(session);
    return answer;
  } catch (error) {
    if (isConnectionLost(error) || session.lost) await leaveSession(session);
    else rest(session);
    throw error;
  }
}

function rest(session: Session): void {
  idle.push(session);
  session.leaves = setTimeout(() => {
    idle.splice(idle.indexOf(session), 1);
    void leaveSession(session);
  }, IDLE_MS).unref();
}

async function doShardIn(
  session: Session,
  task: ShardTask,
  progress: ProgressCounters,
  again: boolean,
): Promise<ShardAnswer> {
  const { client, attributes, columns } = session;
  columns.reset();
  await assertClaim(client, task.shard);
  const context = await contextOf(client, task);
  hasher ??= createHasher();
  const opened = openEnvironment({
    client,
    attributes,
    context,
    hasher: await hasher,
    columns,
    links: new LinkDigests(task.links),
    progress,
    whereabouts: new Whereabouts(task.whereabouts),
    budget: task.budget,
    hung: task.shard.work.hung ?? [],
    nowMs: Date.now,
  });
  if ('quarantine' in opened) return { outcome: 'quarantine', reason: opened.quarantine };
  const { environment } = opened;
  try {
    const result = await (task.shard.kind === 'list'
      ? runListShard(environment, task.shard, again || task.shard.fence > 1)
      : task.shard.kind === 'read'
        ? runReadShard(environment, task.shard)
        : runRelistShard(environment, task.shard));
    if (environment.mountsMoved()) return failed(new Error('file systems below the root were mounted or unmounted'));
    await repeating(() => writeShard(client, context, task.shard, result, { last: true, nowMs: Date.now() }));
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
    stops: advice === null ? null : { next: advice.next, code: databaseCode(error) },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Does the shards that are ordered on the port, until the order to end. */
export function takeShards(port: MessagePort): void {
  const say = (word: ThreadWord): void => port.postMessage(word);
  const call = (host: string, question: string): string =>
    callOut(
      (word, moved) => port.postMessage(word, moved),
      host,
      question,
      () => {
        for (const progress of inHands) progress.tick();
      },
    );
  port.on('message', (told: ThreadOrder) => {
    if ('end' in told) process.exit(0);
    reachHostsBy(told.task.host, call);
    void runShard(told.task).then((answer) => say({ order: told.order, answer }));
  });
  say({ ready: true });
}
