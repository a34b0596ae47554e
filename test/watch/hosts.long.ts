// What is due across hosts, and what the scrub finds: serve on one host, a worker on the other, bundles on a third.
import { closeSync, existsSync, openSync, readdirSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Configuration } from '../../domain/watch/configuration.ts';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { type KeptRun, newestRuns } from '../../services/catalog/schedule-runs.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { startServeProcess, startWorkerProcess, stopWorkers, type WorkerProcess } from '../support/processes.ts';
import { house, watching } from './house.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

const { database, db } = await databaseForFile();
const world = house();
const clockFile = join(world.directory, 'clock');
const processes: WorkerProcess[] = [];
afterEach(async () => {
  await stopWorkers(processes.splice(0));
});
afterAll(() => world.remove());

let aheadMs = 0;
const nowMs = (): number => Date.now() + aheadMs;
const forward = (ms: number): void => {
  aheadMs += ms;
  writeFileSync(clockFile, String(aheadMs));
};
const apply = (document: Configuration): Promise<void> =>
  keepConfiguration(db.pool, { document, actor: 'test', appliedMs: nowMs() });
const runs = (): Promise<KeptRun[]> => newestRuns(db.pool, { subject: null, max: 1_000 });

async function run(what: string, holds: (all: readonly KeptRun[]) => boolean): Promise<void> {
  await until(what, async () => holds(await runs()), 60_000).catch(async (error: unknown) => {
    const shown = (await runs()).map(({ subject, kind, state, exit, message }) => [
      subject,
      kind,
      state,
      exit,
      message,
    ]);
    throw new Error(`${String(error)}\n${JSON.stringify(shown)}\n${processes.map((one) => one.said()).join('\n')}`);
  });
}

test('a loss is found across hosts, and its bundle is written where the configuration says', async () => {
  forward(0);
  const directory = join(world.directory, 'not yet', 'there');
  const configuration = watching(world, {
    backup: { host: 'vault' },
    configuration: { bundles: { host: 'vault', directory } },
  });
  world.backup(nowMs() - 24 * HOUR_MS);
  processes.push(startServeProcess({ address: database.address, clockFile }));
  processes.push(startWorkerProcess({ address: database.address, host: 'vault' }));
  await apply(configuration);
  await run('the first', (all) => all.length === 2 && all.every(({ state }) => state === 'done'));
  expect((await runs()).map(({ exit }) => exit)).toEqual([0, 0]);
  // A quiet night writes nothing.
  expect(existsSync(directory)).toBe(false);
  world.lose('file 1');
  forward(25 * HOUR_MS);
  await run('the loss', (all) => all.some(({ kind, exit }) => kind === 'quick' && exit === 1));
  const [bundle = ''] = readdirSync(directory);
  expect(readdirSync(join(directory, bundle))).toContain('restore.sh');
});

test('a byte that flips under its old time is read by the scrub, and judged by the assessment that follows', async () => {
  processes.push(startServeProcess({ address: database.address, clockFile }));
  processes.push(startWorkerProcess({ address: database.address, host: 'vault' }));
  const path = join(world.live, 'file 5');
  const { atime, mtime } = statSync(path);
  const file = openSync(path, 'r+');
  writeSync(file, 'X', 3);
  closeSync(file);
  utimesSync(path, atime, mtime);
  const scrub = { withinDays: 1, graceDays: 1, bytesPerSecond: null, window: null };
  await apply(watching(world, { volume: { scrub }, backup: { host: 'vault' } }));
  // No assessment is due by its schedule.
  forward(20 * HOUR_MS);
  await run('a slice', (all) => all.some(({ kind, state }) => kind === 'scrub' && state === 'done'));
  await until(
    'the damage is found',
    async () => {
      const found = await db.pool.query(
        "select from finding where state = 'open' and verdict = 'corrupt' and path = 'file 5'",
      );
      return found.rowCount === 1;
    },
    60_000,
  ).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${processes.map((one) => one.said()).join('\n')}`);
  });
});
