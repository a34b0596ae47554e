// Postgres goes away under workers at work: each lives, goes on when it is back, and what was asked is answered once,
// and right.
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { until } from '../support/poll.ts';
import { answersTold, isUp, openFleet, SMALL_FILES, startWorker, tree } from './fleet.ts';

vi.setConfig({ testTimeout: 400_000 });

const LARGE = { files: 3, bytes: 60_000_000 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.each([
  ['for 3 s, in order', 3_000, 'fast'],
  ['for 3 s, killed', 3_000, 'immediate'],
  ['for 70 s, longer than any lease', 70_000, 'fast'],
] as const)(
  'Postgres is away %s under two workers that scan and assess: both live, and all is answered once and right',
  async (_, awayMs, how) => {
    const fleet = await openFleet();
    const { directory, address, server } = fleet;
    const live = tree(join(directory, 'live'), LARGE);
    mkdirSync(join(directory, 'snapshots'));
    for (const day of ['2026-11-19', '2026-11-20'])
      cpSync(live, join(directory, 'snapshots', day), { recursive: true, preserveTimestamps: true });
    rmSync(join(live, 'small', 'f7'));
    const plain = tree(join(directory, 'plain'), LARGE);
    const workers = [0, 1].map(() => startWorker({ address, slots: 2, bytesPerSecond: 25_000_000 }));
    for (const worker of workers) await isUp(worker);
    const outDir = join(directory, 'bundle');
    const assess = await fleet.leave({ live, backups: [join(directory, 'snapshots/*')], outDir });
    const scan = await fleet.leave({ scan: plain });
    await until(
      'both are at work, and shards are held',
      async () => {
        const [row] = await fleet.rows(
          `select (select count(*) from task where state = 'taken')::int as taken, (select count(*) from shard where state = 'leased')::int as held`,
        );
        return row?.['taken'] === 2 && Number(row['held']) >= 2;
      },
      60_000,
    );
    await server.stop(how);
    await pause(awayMs);
    await server.start();
    const said = (): string => workers.map((worker) => worker.said()).join('\n---\n');
    const answer = await fleet.answer(assess).catch((error: unknown) => {
      throw new Error(said(), { cause: error });
    });
    expect(answer, said()).toEqual({
      kind: 'assess',
      parent: null,
      state: 'done',
      result: { exit: 1, message: expect.stringContaining('not intact: 1'), next: 'rollcall findings', bundle: outDir },
    });
    expect(readFileSync(join(outDir, 'findings.jsonl'), 'utf8')).toContain('small/f7');
    const files = SMALL_FILES + LARGE.files;
    expect((await fleet.answer(scan)).result, said()).toMatchObject({
      exit: 0,
      message: expect.stringContaining(`${files} files`),
    });
    // It is logged when it has been kept.
    await until('both are logged', () => [assess, scan].every((id) => answersTold(workers, id) > 0));
    expect([assess, scan].map((id) => answersTold(workers, id))).toEqual([1, 1]);
    expect(await fleet.rows('select count(*)::int as n from assessment')).toEqual([{ n: 1 }]);
    expect(await fleet.rows(`select count(*)::int as n from scan where state <> 'complete'`)).toEqual([{ n: 0 }]);
    expect(workers.map((worker) => worker.hasEnded())).toEqual([false, false]);
    for (const worker of workers) worker.child.kill('SIGTERM');
    expect(await Promise.all(workers.map((worker) => worker.ended)), said()).toEqual([0, 0]);
  },
);
