// Judging alone, over a catalog whose rows were generated: no file is scanned, and none is there.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Session } from '../../services/session.ts';
import { figure, memory } from '../figures.ts';
import { type Ground, mustFit, type Workload } from '../ground.ts';
import { emptyState, judgeOnly, withSession } from '../rollcall.ts';
import { alternate, type Measurement } from '../runs.ts';
import { median } from '../statistics.ts';

/** What bench/rows.ts has to export, by the name `generateRows`. */
export type GenerateRows = (
  session: Session,
  order: {
    /** So many live, and the same in the newest snapshot. */
    readonly files: number;
    readonly seed: number;
    /** An existing, empty directory, to stand for the root of the live volume. */
    readonly live: string;
    /** The pattern that the backup's series goes by. */
    readonly pattern: string;
  },
) => Promise<void>;

const GENERATOR = new URL('../rows.ts', import.meta.url);
const BYTES_A_ROW = 2 * 250;

export const generatedRows: Workload = {
  name: 'rows',
  about: '1, 3 and 10 million generated files, live and in the newest snapshot: judge only',
  bars: ['judge-rows', 'judge-linear', 'memory-rows'],
  async run(ground) {
    if (!existsSync(GENERATOR)) throw new Error('there is no generator of rows yet (bench/rows.ts)');
    const { generateRows } = (await import(GENERATOR.href)) as { readonly generateRows: GenerateRows };
    const sizes = ground.quick ? [10_000, 30_000, 100_000] : [1_000_000, 3_000_000, 10_000_000];
    const measurements: Measurement[] = [];
    for (const files of sizes) measurements.push(await generateAndJudge(ground, generateRows, files));
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

async function generateAndJudge(ground: Ground, generateRows: GenerateRows, files: number): Promise<Measurement> {
  mustFit(ground, { bytes: files * BYTES_A_ROW * 1.5, inodes: 10_000 });
  const state = await emptyState(ground, 'rows');
  const live = join(ground.dir, 'rows-live');
  mkdirSync(live, { recursive: true });
  const pattern = join(ground.dir, 'rows-backup', '*');
  await withSession(ground, state, (session) => generateRows(session, { files, seed: files, live, pattern }));
  return alternate(ground, `judging ${files}`, [judgeOnly(ground, state, files)]);
}
