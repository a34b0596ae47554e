// A serve as a process, on a real tree with real snapshots, under a clock that the test moves.
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, onTestFinished, test, vi } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { type KeptRun, newestRuns } from '../../services/catalog/schedule-runs.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { REDIS_MISSING, startRedis } from '../support/redis.ts';
import { startServeProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { house, watching } from './house.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

vi.setConfig({ testTimeout: 120_000 });

const { database, db } = await databaseForFile();
const world = house();
const clockFile = join(world.directory, 'clock');
const serves: WorkerProcess[] = [];
afterEach(async () => {
  await stopWorkers(serves.splice(0));
});
afterAll(() => world.remove());

let aheadMs = 0;
function forward(ms: number): void {
  aheadMs += ms;
  // Whole or not at all: a serve that reads it half written would be at another time.
  writeFileSync(`${clockFile}.new`, String(aheadMs));
  renameSync(`${clockFile}.new`, clockFile);
}
forward(0);
const nowMs = (): number => Date.now() + aheadMs;

const start = (redisUrl: string | null = null): void =>
  void serves.push(startServeProcess({ address: database.address, clockFile, redisUrl }));
const said = (): string => serves.map((serve) => serve.said()).join('');
const apply = (document: Configuration): Promise<void> =>
  keepConfiguration(db.pool, { document, actor: 'test', appliedMs: nowMs() });
const runs = (): Promise<KeptRun[]> => newestRuns(db.pool, { subject: null, max: 1_000 });
/** Oldest first, when none is left. */
async function settled(count: number): Promise<KeptRun[]> {
  await until(
    `${count} runs have ended`,
    async () => {
      const all = await runs();
      return all.length >= count && all.every(({ state }) => state !== 'left');
    },
    30_000,
  ).catch(async (error: unknown) => {
    throw new Error(
      `${String(error)}\n${said()}\n${JSON.stringify(await runs(), (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}`,
    );
  });
  return (await runs()).reverse();
}

test('what is watched is audited when it is due; a loss has its bundle at once', async () => {
  world.backup(nowMs() - 24 * HOUR_MS);
  start();
  await until('it says what to do', () => said().includes('Nothing is watched yet'));
  await apply(watching(world));
  const first = await settled(2);
  expect(first.map(({ subject, kind, state, exit }) => [subject, kind, state, exit])).toEqual(
    expect.arrayContaining([
      ['house', 'quick', 'done', 0],
      ['nights', 'snapshots', 'done', 0],
    ]),
  );
  expect(readdirSync(world.bundles)).toEqual([]);
  // A snapshot that comes is seen within its hour, and what it protects is assessed at once.
  world.lose('file 1', 'file 2');
  world.backup(nowMs());
  forward(HOUR_MS);
  const second = await settled(4);
  expect(second.slice(2).map(({ subject, kind, exit }) => [subject, kind, exit])).toEqual([
    ['nights', 'snapshots', 0],
    ['house', 'quick', 1],
  ]);
  const [bundle = '', ...more] = readdirSync(world.bundles);
  expect(bundle).toMatch(/^house-\d{8}T\d{6}Z$/);
  expect(more).toEqual([]);
  expect(readdirSync(join(world.bundles, bundle))).toContain('restore.sh');
});

test(`two serves and a queue that is emptied: each due time has one run${REDIS_MISSING ?? ''}`, async () => {
  const redis = REDIS_MISSING === null ? await startRedis() : null;
  onTestFinished(async () => redis?.close());
  const hourly = watching(world, { volume: { quick: { everyMs: HOUR_MS, window: null } } });
  const before = (await runs()).length;
  for (let n = 0; n < 2; n++) start(redis?.redisUrl ?? null);
  await apply(hourly);
  const hours = 2;
  for (let n = 0; n < hours; n++) {
    forward(HOUR_MS);
    await until('both are left', async () => (await runs()).length >= before + 2 * (n + 1), 30_000);
    await redis?.command('FLUSHALL');
  }
  const all = (await settled(before + 2 * hours)).slice(before);
  expect(all.map(({ kind, state }) => `${kind} ${state}`).sort()).toEqual([
    ...Array<string>(hours).fill('quick done'),
    ...Array<string>(hours).fill('snapshots done'),
  ]);
  const left = async (): Promise<number> =>
    (await db.pool.query("select from task where parent is null and kind <> 'deliver'")).rowCount ?? 0;
  expect(await left()).toBe(before + 2 * hours);
});
