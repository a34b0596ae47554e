// A series of nightly snapshots that share unchanged files by hard links: the next one, and the room that all of them
// take.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { figure, ratio } from '../figures.ts';
import { mustFit, type Workload } from '../ground.ts';
import { bfsPrintf, findPrintf } from '../peers.ts';
import { call, emptyState, rollcall, roomOf, stopped } from '../rollcall.ts';
import { alternate } from '../runs.ts';
import { makeTree, nameOfNight, needsOf, nextSnapshot, settled, type Tree } from '../trees.ts';

/** A directory entry that is a hard link, with its part of the directory. */
const LINK_BYTES = 80;

export const snapshots: Workload = {
  name: 'snapshots',
  about: '30 snapshots of 1,000,000 files with 1 % churn (hard links), then the 31st and more: scan, room',
  bars: ['snapshot', 'snapshots-bytes'],
  async run(ground) {
    const nights = ground.quick ? 5 : 30;
    const tree: Tree = { files: ground.quick ? 5_000 : 1_000_000, medianBytes: 1_000, seed: 31 };
    const once = needsOf(tree, 1);
    const links = tree.files * (nights + ground.rounds);
    mustFit(ground, { bytes: 1.4 * once.bytes + links * LINK_BYTES, inodes: 1.4 * once.inodes + links / 50 });
    const series = join(ground.dir, 'snapshots');
    mkdirSync(series);
    await makeTree(ground, join(series, nameOfNight(0)), tree);
    await settled(ground);
    const state = await emptyState(ground, 'series');
    const scan = rollcall(state, ['scan', `${series}/*`]);
    await call(ground, scan, state);
    const one = await roomOf(ground, state);
    for (let night = 1; night < nights; night++) await nextSnapshot(ground, series, tree, night);
    await settled(ground);
    await call(ground, scan, state);
    const all = await roomOf(ground, state);

    let night = nights - 1;
    let newest = '';
    const next = async (): Promise<void> => {
      newest = await nextSnapshot(ground, series, tree, ++night);
      await settled(ground);
    };
    // Everybody looks at the newest one, which has just been made: its names are warm.
    const late = (list: typeof findPrintf) => ({ ...list(''), command: () => list(newest).command() });
    const measurement = await alternate(ground, `snapshot ${nights + 1} and those after it`, [
      { name: 'rollcall scan', before: next, command: () => scan, after: () => stopped(ground, state) },
      late(findPrintf),
      late(bfsPrintf),
    ]);
    return {
      about: `${nights} snapshots of ${tree.files} files`,
      measurements: [measurement],
      figures: [ratio('snapshot', measurement, 'find -printf'), figure('snapshots-bytes', all.bytes / one.bytes)],
      notes: [
        `One snapshot: ${one.versions} file versions in ${one.bytes} bytes.`,
        `All ${nights}: ${all.versions} in ${all.bytes}.`,
      ],
    };
  },
};
