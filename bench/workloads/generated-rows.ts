// Judging alone, over a catalog whose rows were generated: no file is scanned, and none is there.
import { join } from 'node:path';
import { figure, memory } from '../figures.ts';
import { type Ground, mustFit, type Workload } from '../ground.ts';
import { makeRows } from '../rows.ts';
import { copyState, emptyState, judgeOnly, withSession } from '../rollcall.ts';
import { alternate, type Measurement } from '../runs.ts';
import { median } from '../statistics.ts';

const BYTES_A_ROW = 2 * 250;

export const generatedRows: Workload = {
  name: 'rows',
  about: '1, 3 and 10 million generated files, live and in the newest snapshot: judge only',
  bars: ['judge-rows', 'judge-linear', 'memory-rows'],
  async run(ground) {
    const sizes = ground.quick ? [10_000, 30_000, 100_000] : [1_000_000, 3_000_000, 10_000_000];
    const measurements: Measurement[] = [];
    for (const files of sizes) measurements.push(await generateAndJudge(ground, files));
    const secondsOf = ({ rows: [row] }: Measurement): number => median(row?.seconds ?? []);
    const [one, , ten] = measurements;
    const trouble = measurements.flatMap(({ rows }) => rows).find((row) => row.trouble !== null)?.trouble;
    if (trouble !== undefined || one === undefined || ten === undefined) throw new Error(trouble ?? 'nothing was run');
    return {
      about: `${sizes.join(', ')} files`,
      measurements,
      figures: [
        figure('judge-rows', secondsOf(ten)),
        figure('judge-linear', secondsOf(ten) / 10 / secondsOf(one)),
        memory('memory-rows', [ten]),
      ],
      notes: ['The time is that of judging alone, without starts; the program says it.'],
    };
  },
};

async function generateAndJudge(ground: Ground, files: number): Promise<Measurement> {
  mustFit(ground, { bytes: 2 * files * BYTES_A_ROW * 1.5, inodes: 10_000 });
  const made = await emptyState(ground, 'rows');
  await withSession(ground, made, async ({ db }) => {
    const client = await db.pool.connect();
    try {
      await makeRows(client, { files, filesPerDirectory: 50, snapshots: 1, churn: 0, lossy: 0 });
    } finally {
      client.release();
    }
  });
  // The catalog keeps the sums that judging makes: only in a catalog that was never judged it makes them.
  const state = join(ground.dir, 'judged');
  const first = judgeOnly(ground, state, files);
  return alternate(ground, `judging ${files}`, [
    { ...first, before: () => copyState(ground, made, state) },
    { ...first, name: 'judge, once more' },
  ]);
}
