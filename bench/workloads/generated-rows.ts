// Judging alone, over a catalog whose rows were generated: no file is scanned, and none is there.
import { existsSync } from 'node:fs';
import type { PoolClient } from 'pg';
import { figure, memory } from '../figures.ts';
import { type Ground, mustFit, type Workload } from '../ground.ts';
import { emptyState, judgeOnly, withSession } from '../rollcall.ts';
import { alternate, type Measurement } from '../runs.ts';
import { median } from '../statistics.ts';

/** What bench/rows.ts exports by the name `makeRows`: it fills an empty catalog. */
type MakeRows = (
  client: PoolClient,
  wanted: {
    /** On each side. */
    readonly files: number;
    readonly filesPerDirectory: number;
    readonly snapshots: number;
    /** Share of the files that change from one snapshot to the next. */
    readonly churn: number;
    /** Share of the directories that have losses. */
    readonly lossy: number;
  },
) => Promise<unknown>;

const GENERATOR = new URL('../rows.ts', import.meta.url);
const BYTES_A_ROW = 2 * 250;

export const generatedRows: Workload = {
  name: 'rows',
  about: '1, 3 and 10 million generated files, live and in the newest snapshot: judge only',
  bars: ['judge-rows', 'judge-linear', 'memory-rows'],
  async run(ground) {
    if (!existsSync(GENERATOR)) throw new Error('there is no generator of rows yet (bench/rows.ts)');
    const { makeRows } = (await import(GENERATOR.href)) as { readonly makeRows: MakeRows };
    const sizes = ground.quick ? [10_000, 30_000, 100_000] : [1_000_000, 3_000_000, 10_000_000];
    const measurements: Measurement[] = [];
    for (const files of sizes) measurements.push(await generateAndJudge(ground, makeRows, files));
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

async function generateAndJudge(ground: Ground, makeRows: MakeRows, files: number): Promise<Measurement> {
  mustFit(ground, { bytes: files * BYTES_A_ROW * 1.5, inodes: 10_000 });
  const state = await emptyState(ground, 'rows');
  await withSession(ground, state, async ({ db }) => {
    const client = await db.pool.connect();
    try {
      await makeRows(client, { files, filesPerDirectory: 50, snapshots: 1, churn: 0, lossy: 0 });
    } finally {
      client.release();
    }
  });
  return alternate(ground, `judging ${files}`, [judgeOnly(ground, state, files)]);
}
