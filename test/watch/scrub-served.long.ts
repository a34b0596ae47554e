// A serve that scrubs by itself: what rots on the medium is found, judged and told, and the bundle is there.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { keepConfiguration } from '../../services/catalog/configurations.ts';
import { newestRuns } from '../../services/catalog/schedule-runs.ts';
import { disk, flip } from '../support/disk.ts';
import { canMount } from '../support/machine.ts';
import { until } from '../support/poll.ts';
import { databaseForFile } from '../support/postgres.ts';
import { startServeProcess, stopWorkers } from '../support/processes.ts';
import { settled, temporaryDirectory, write } from '../support/tree.ts';
import { watching } from './house.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

vi.setConfig({ testTimeout: 120_000 });

const { database, db } = await databaseForFile();

test.skipIf(!canMount)(
  'a byte that rots is found by the scrub, judged at once, and its bundle is written (skipped where this process may not mount)',
  async () => {
    const place = temporaryDirectory();
    const [live, nights, bundles, clockFile] = ['live', 'nights', 'bundles', 'clock'].map((name) =>
      join(place, name),
    ) as [string, string, string, string];
    for (const path of [nights, bundles]) mkdirSync(path);
    const medium = disk(place, { at: live });
    for (const room of ['attic', 'cellar'])
      for (const name of ['chair', 'table']) write(live, { [`${room}/${name}`]: `${room} ${name} `.repeat(60) });
    await settled(live);
    execFileSync('cp', ['-a', live, join(nights, new Date().toISOString().slice(0, 10))]);
    const forward = (hours: number): void => writeFileSync(clockFile, String(hours * HOUR_MS));
    forward(0);
    const scrub = { withinDays: 4, graceDays: 1, bytesPerSecond: 1_000_000, window: null };
    const document = watching(
      { live, pattern: join(nights, '*'), bundles },
      { volume: { scrub, quick: { everyMs: 2_400 * HOUR_MS, window: null } } },
    );
    await keepConfiguration(db.pool, { document, actor: 'test', appliedMs: Date.now() });
    const serve = startServeProcess({ address: database.address, clockFile });
    onTestFinished(() => stopWorkers([serve]));
    const runs = async (): Promise<string[]> =>
      (await newestRuns(db.pool, { subject: 'house', max: 100 }))
        .map(({ kind, state, exit }) => `${kind} ${state} ${exit}`)
        .reverse();
    const becomes = async (...wanted: readonly string[]): Promise<void> =>
      until(
        wanted.join(', '),
        async () => JSON.stringify((await runs()).slice(-wanted.length)) === JSON.stringify(wanted),
        40_000,
      ).catch(async (cause: unknown) => {
        throw new Error(`${JSON.stringify(await runs())}\n${serve.said()}`, { cause });
      });
    await becomes('quick done 0');

    execFileSync('sync', ['--file-system', live]);
    flip(medium.image, 'cellar/chair');
    // Nobody looks at the medium before a file's time has come.
    forward(4);
    await until(
      'it has looked at what is due',
      async () => (await newestRuns(db.pool, { subject: 'nights', max: 9 })).length > 1,
      40_000,
    );
    expect(await runs()).toEqual(['quick done 0']);
    forward(96);
    // The neighbours of what is corrupt would come next; here they were read with it.
    await becomes('quick done 0', 'scrub done 1', 'quick done 1', 'scrub done 0');
    await until(
      'it is told',
      async () =>
        (await db.pool.query(`select from incident where kind = 'damage' and subject = 'house'`)).rowCount === 1,
      40_000,
    );
    expect(readdirSync(bundles)).toHaveLength(1);
    const found = await db.pool.query<{ path: string; verdict: string }>(
      `select path, verdict from finding where state = 'open'`,
    );
    expect(found.rows).toEqual([{ path: 'cellar/chair', verdict: 'corrupt' }]);
  },
);
