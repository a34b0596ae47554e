// Workers as processes, on a real tree: two share a scan, one is killed, and the catalog holds exactly what lies on
// disk.
import { cp, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { leave } from '../../services/detach.ts';
import { inTransaction, openPool, type Database } from '../../services/catalog/database.ts';
import { taskState } from '../../services/catalog/steer-tasks.ts';
import { dueTasks, takeTask } from '../../services/catalog/tasks.ts';
import { newHolder } from '../../services/catalog/holders.ts';
import { beginScan, scanState } from '../../services/catalog/scans.ts';
import { ensureVolume } from '../../services/catalog/volumes.ts';
import { identifyRoot } from '../../services/files/identity.ts';
import { createHasher } from '../../services/files/hash.ts';
import { openQueue } from '../../services/queue/queue.ts';
import { allVersions, type DrivenVolume } from '../catalog/drive.ts';
import { scanToBegin } from '../support/begin.ts';
import { until } from '../support/poll.ts';
import { startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';
import { REDIS_MISSING, startRedis, type TestRedis } from '../support/redis.ts';
import type { WorkerSettings } from './worker-child.ts';

/**
 * Holes are read as fast as memory, and still keep a thread busy long enough to be caught at it. Two do not fit into
 * one shard.
 */
const LARGE_BYTES = 520 * 1024 * 1024;
const LARGE_FILES = 4;

const copyOptions = { recursive: true, preserveTimestamps: true };

let directory: string;
let database: TestDatabase | undefined;
let client: Client;
let db: Database;
let redis: TestRedis | undefined;
const workers: WorkerProcess[] = [];

/** Processes are started and gigabytes are read: on a busy machine that takes its time. */
vi.setConfig({ testTimeout: 180_000 });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rollcall-worker-'));
  database = await testDatabase();
  client = await database.connect();
  db = openPool(database.address);
  if (REDIS_MISSING === null) redis = await startRedis();
});
afterEach(async () => {
  await stopWorkers(workers.splice(0));
});
afterAll(async () => {
  await db?.close();
  await client?.end();
  await database?.close();
  await redis?.close();
  await rm(directory, { recursive: true, force: true });
});

function startWorker(where: Partial<WorkerSettings> = {}, said: string[] = []): WorkerProcess {
  const worker = startWorkerProcess({ address: database!.address, lookEveryMs: 50, ...where });
  worker.child.stderr?.on('data', (text: string) => said.push(text));
  workers.push(worker);
  return worker;
}

async function tree(name: string, largeFiles: number): Promise<string> {
  const root = join(directory, name);
  await mkdir(join(root, 'small'), { recursive: true });
  for (let index = 0; index < 20; index += 1) await writeFile(join(root, 'small', `f${index}`), `content ${index}`);
  for (let index = 0; index < largeFiles; index += 1) {
    const file = await open(join(root, `large${index}`), 'w');
    await file.truncate(LARGE_BYTES);
    await file.close();
  }
  return root;
}

/** A scan that is begun and left to any worker, as --detach leaves it. */
async function leaveScan(path: string): Promise<{ scanId: bigint; volume: DrivenVolume }> {
  const key = `tree:here:${path}`;
  const volume = await ensureVolume(db.pool, {
    role: 'live',
    layout: 'tree',
    key,
    name: path,
    host: 'here',
    path,
    nowMs: Date.now(),
  });
  const nowMs = Date.now();
  const scanId = await inTransaction(db, (tx) =>
    beginScan(
      tx,
      scanToBegin({
        volumeId: volume.id,
        rootId: volume.rootId,
        seq: BigInt(nowMs),
        path,
        identity: identifyRoot(path, []),
        readOnly: false,
        mode: 'read',
      }),
    ),
  );
  if (scanId === null) throw new Error('a scan is running');
  return { scanId, volume: { volumeId: volume.id, rootId: volume.rootId } };
}

async function isComplete(scanId: bigint): Promise<boolean> {
  const { state, reason } = await scanState(client, scanId);
  if (state === 'aborted') throw new Error(`aborted: ${reason}`);
  return state === 'complete';
}

async function expectWhole(volume: DrivenVolume, largeFiles: number): Promise<void> {
  const hasher = await createHasher();
  const versions = new Map((await allVersions(client, volume)).map((v) => [v.path, v]));
  expect(versions.size).toBe(1 + 20 + largeFiles);
  for (let index = 0; index < 20; index += 1) {
    const digest = hasher.one(Buffer.from(`content ${index}`));
    expect(versions.get(`small/f${index}`)).toMatchObject({ size: `content ${index}`.length, digest });
  }
  const digests = new Set<bigint | null>();
  for (let index = 0; index < largeFiles; index += 1) {
    const version = versions.get(`large${index}`);
    expect(version).toMatchObject({ size: LARGE_BYTES, endSeq: null });
    digests.add(version?.digest ?? null);
  }
  if (largeFiles > 0) expect([digests.size, digests.has(null)]).toEqual([1, false]);
}

async function holders(scanId: bigint): Promise<number> {
  const found = await client.query<{ count: number }>(
    `select count(distinct holder)::int as count from shard where scan = $1 and state = 'leased'`,
    [scanId],
  );
  return found.rows[0]?.count ?? 0;
}

test('two workers share a scan, and one that is killed costs only the shards in its hands', async () => {
  const said: [string[], string[]] = [[], []];
  const [doomed, other] = [startWorker({}, said[0]), startWorker({}, said[1])];
  await until('both are up', () => said.every((lines) => lines.join('').includes('worker on')), 60_000);
  const { scanId, volume } = await leaveScan(await tree('shared', LARGE_FILES));
  const attempts = new Map<bigint, number>();
  const look = async (): Promise<void> => {
    const found = await client.query<{ id: bigint; attempts: number }>(
      'select id, attempts from shard where scan = $1',
      [scanId],
    );
    for (const row of found.rows) attempts.set(row.id, row.attempts);
  };
  await until('both hold a shard', async () => (await holders(scanId)) === 2, 80_000);
  doomed.child.kill('SIGKILL');
  expect(await doomed.ended).toBe(137);
  await until(
    'the other one completes it',
    async () => {
      await look();
      return isComplete(scanId);
    },
    80_000,
  );
  // Two that its thread had in hands, and one claimed ahead for it.
  const again = [...attempts.values()].filter((count) => count > 1);
  expect([again.length >= 1 && again.length <= 3, new Set(again)]).toEqual([true, new Set([2])]);
  await expectWhole(volume, LARGE_FILES);
  other.child.kill('SIGTERM');
  expect(await other.ended).toBe(0);
});

test('a scan that was left without a word to anyone is found', async () => {
  const { scanId, volume } = await leaveScan(await tree('found', 0));
  startWorker();
  await until('it is complete', () => isComplete(scanId), 60_000);
  await expectWhole(volume, 0);
});

test('a worker that is asked to end gives back what it holds, and says why it ends', async () => {
  const { scanId, volume } = await leaveScan(await tree('given-back', 1));
  const said: string[] = [];
  const first = startWorker({}, said);
  await until('it holds a shard', async () => (await holders(scanId)) === 1, 60_000);
  first.child.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(await holders(scanId)).toBe(0);
  expect(said.join('')).toContain('stopping: no new work');
  expect((await scanState(client, scanId)).state).toBe('running');
  startWorker();
  await until('the next one completes it', () => isComplete(scanId), 80_000);
  await expectWhole(volume, 1);
});

test('an assessment that was left is done by whoever comes, its bundle where it was asked for', async () => {
  const live = await tree('live', 0);
  const snapshots = join(directory, 'snapshots');
  await mkdir(snapshots);
  for (const day of ['2026-11-19', '2026-11-20']) await cp(live, join(snapshots, day), copyOptions);
  await rm(join(live, 'small', 'f7'));
  const tools = { db, host: 'here', nowMs: Date.now };
  const request = {
    live: 'live',
    backups: ['snapshots/*'],
    sinceMs: null,
    outDir: 'bundle',
    snapshotsMax: null,
    excludes: [],
    crossMounts: false,
    tz: null,
    reread: false,
    side: null,
    newState: false,
    notGluster: false,
    bricksRescued: false,
  };
  const place = { cwd: directory, stateDir: null, program: 'rollcall' };
  const missing = { ...request, live: 'nowhere' };
  await expect(leave(tools, { kind: 'assess', ...place, volumes: [missing] })).rejects.toMatchObject({ exit: 2 });
  const id = await leave(tools, { kind: 'assess', ...place, volumes: [request] });
  const said: string[] = [];
  const worker = startWorker({ once: true, slots: 2 }, said);
  expect(await worker.ended, said.join('')).toBe(0);
  const bundle = join(directory, 'bundle');
  expect(await taskState(client, id)).toEqual({
    parent: null,
    kind: 'assess',
    state: 'done',
    result: { exit: 1, message: expect.stringContaining('not intact: 1'), next: 'rollcall findings', bundle },
  });
  expect(await readFile(join(bundle, 'findings.jsonl'), 'utf8')).toContain('small/f7');
});

test('a request whose worker was killed is taken by the next one', async () => {
  const path = await tree('taken-over', 0);
  const scan = { target: path, role: null, exportFile: null, snapshotsMax: null, excludes: [], crossMounts: false };
  const more = { tz: null, reread: false, newState: false, notGluster: false, bricksRescued: false };
  const work = { kind: 'scan', cwd: '/', stateDir: null, program: 'rollcall', scan: { ...scan, ...more } } as const;
  const id = await leave({ db, host: 'here', nowMs: Date.now }, work);
  const dead = await database!.connect();
  const holder = await newHolder(dead);
  const here = { host: 'here', kinds: ['scan'] };
  expect(await takeTask(dead, { ...here, holder, nowMs: Date.now() })).toMatchObject({ id, kind: 'scan', attempts: 1 });
  expect(await dueTasks(client, here)).toEqual([]);
  await dead.end();
  startWorker();
  await until('it is done', async () => (await taskState(client, id))?.state === 'done', 60_000);
  expect((await taskState(client, id))?.result).toMatchObject({ exit: 0 });
});

describe.skipIf(REDIS_MISSING !== null)(`with the queue on Redis${REDIS_MISSING ?? ''}`, () => {
  test('a scan is taken as soon as its host is woken, and without Redis all the same', async () => {
    const where = { redisUrl: redis!.redisUrl };
    const said: string[] = [];
    startWorker(where, said);
    await until('it is up', () => said.join('').includes('queue on Redis'), 60_000);
    const queue = openQueue({ ...where, onError: () => undefined });
    const one = await leaveScan(await tree('woken', 0));
    await queue.wake('here', { kind: 'drain-scan', id: one.scanId }, 1);
    await queue.close();
    await until('it is complete', () => isComplete(one.scanId), 60_000);
    await redis!.close();
    const two = await leaveScan(await tree('orphaned', 0));
    await until('it is complete without Redis', () => isComplete(two.scanId), 60_000);
    await expectWhole(two.volume, 0);
  });

  test('two workers share a scan while Redis is killed under them and comes back empty: nothing is read again, and the catalog is the same', async () => {
    const mortal = await startRedis();
    try {
      const where = { redisUrl: mortal.redisUrl };
      const said: string[][] = [[], []];
      for (const lines of said) startWorker(where, lines);
      await until('both are up', () => said.every((lines) => lines.join('').includes('queue on Redis')), 60_000);
      const { scanId, volume } = await leaveScan(await tree('redis-killed', LARGE_FILES));
      const shards = async (): Promise<{ done: number; again: number }> => {
        const found = await client.query<{ done: number; again: number }>(
          `select count(*) filter (where state = 'done')::int as done, count(*) filter (where attempts > 1)::int as again from shard where scan = $1`,
          [scanId],
        );
        return found.rows[0] ?? { done: 0, again: 0 };
      };
      let again = 0;
      const look = async (): Promise<number> => {
        const now = await shards();
        again = Math.max(again, now.again);
        return now.done;
      };
      await until('both hold a shard', async () => (await holders(scanId)) === 2, 80_000);
      const before = await look();
      await mortal.kill();
      const goesOn = async (): Promise<boolean> => (await look()) > before || (await isComplete(scanId));
      await until('it goes on without Redis', goesOn, 80_000);
      await mortal.start();
      const ends = async (): Promise<boolean> => (await look()) >= 0 && (await isComplete(scanId));
      await until('it ends', ends, 80_000);
      expect(again).toBe(0);
      await expectWhole(volume, LARGE_FILES);
      // The same workers, undisturbed, by a word through the Redis that is there now.
      const queue = openQueue({ ...where, onError: () => undefined });
      const other = await leaveScan(await tree('undisturbed', LARGE_FILES));
      await queue.wake('here', { kind: 'drain-scan', id: other.scanId }, 2);
      await queue.close();
      await until('the undisturbed one ends', () => isComplete(other.scanId), 80_000);
      const known = async (of: DrivenVolume): Promise<string[]> =>
        (await allVersions(client, of)).map((v) => [v.path, v.kind, v.size, v.digest, v.endSeq].join(' ')).sort();
      expect(await known(volume)).toEqual(await known(other.volume));
    } finally {
      await mortal.close();
    }
  });
});
