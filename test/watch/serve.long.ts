// Serves that are killed at any moment of their work, for a fortnight of hours: each due time has one run all the same,
// and what the catalog then says is what the tree is.
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { newestRuns } from '../../services/catalog/schedule-runs.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { startServeProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { SEED } from '../support/random.ts';
import { house, watching } from './house.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

const { database, db } = await databaseForFile();
const world = house(50);
const clockFile = join(world.directory, 'clock');
const serves: WorkerProcess[] = [];
afterEach(async () => {
  await stopWorkers(serves.splice(0));
});
afterAll(() => world.remove());

const HOURS = 30;
let aheadMs = 0;
const nowMs = (): number => Date.now() + aheadMs;
const forward = (ms: number): void => {
  aheadMs += ms;
  // Whole or not at all: a serve that reads it half written would be at another time.
  writeFileSync(`${clockFile}.new`, String(aheadMs));
  renameSync(`${clockFile}.new`, clockFile);
};

test('serves that are killed at any moment run each due time once', async () => {
  let state = SEED;
  /** Of a linear congruential generator; below 1. */
  const random = (): number => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  forward(0);
  await keepConfiguration(db.pool, {
    document: watching(world, { volume: { quick: { everyMs: HOUR_MS, window: null } } }),
    actor: 'test',
    appliedMs: nowMs(),
  });
  world.backup(nowMs());
  const pause = (ms: number): Promise<void> => {
    const endMs = performance.now() + ms;
    return until('the moment', () => performance.now() >= endMs);
  };
  const runs = () => newestRuns(db.pool, { subject: null, max: 1_000 });
  const start = (): void =>
    void serves.push(startServeProcess({ address: database.address, clockFile, tickEveryMs: 5 }));
  start();
  start();
  await until('the first', async () => (await runs()).length === 2);
  for (let hour = 1; hour <= HOURS; hour++) {
    if (hour % 5 === 0) world.backup(nowMs());
    forward(HOUR_MS);
    await pause(random() * 600);
    await stopWorkers(serves.splice(0, 1));
    start();
    await until(
      'nothing is left',
      async () => {
        const all = await runs();
        return all.every(({ state }) => state !== 'left') && all[0] !== undefined && all[0].leftMs > nowMs() - HOUR_MS;
      },
      60_000,
    );
  }
  const all = await runs();
  expect(all.map(({ state }) => state)).toEqual(all.map(() => 'done'));
  const key = ({ subject, kind, dueMs }: (typeof all)[number]): string => `${subject} ${kind} ${dueMs}`;
  expect(new Set(all.map(key)).size).toBe(all.length);
  const tasks = await db.pool.query("select from task where parent is null and kind <> 'deliver'");
  expect(tasks.rowCount).toBe(all.length);
  // One for each hour of each of the two, and no more than one more for each snapshot that came.
  const quick = all.filter(({ kind }) => kind === 'quick').length;
  expect(quick).toBeGreaterThanOrEqual(HOURS);
  expect(quick).toBeLessThanOrEqual(HOURS + 1 + HOURS / 5);
}, 600_000);
