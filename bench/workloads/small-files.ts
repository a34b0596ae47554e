// Many small files on both sides, equal: the first assessment, the second, the one after a change, and a bundle of what
// has rotted.
import { join } from 'node:path';
import { figure, memory, ratio } from '../figures.ts';
import { type Findings, type Ground, mustFit, type Workload } from '../ground.ts';
import {
  bfsPrintf,
  diffBrief,
  findPrintf,
  hashdeep,
  rcloneCheck,
  rsyncContents,
  rsyncTimes,
  xxhsum,
} from '../peers.ts';
import { assess, call, emptyState, firstAssess, judgeOnly, rollcall, roomOf, stopped } from '../rollcall.ts';
import { alternate, type Measurement, type Subject } from '../runs.ts';
import { changeOnePercent, copyTree, makeTree, needsOf, rotOnePercent, settled, type Tree } from '../trees.ts';

interface Place {
  readonly live: string;
  readonly backup: string;
  readonly tree: Tree;
}

const FILES_PER_PROCESS = 500;

export const small: Workload = {
  name: 'small',
  about: '100,000 small files a side (lognormal, median 5 KB, 50 a directory): first, second, judge, changed, bundle',
  bars: ['first-small', 'second-small', 'rclone', 'hashdeep', 'changed', 'version-bytes'],
  async run(ground) {
    const place = await makePlace(ground, { files: ground.quick ? 5_000 : 100_000, medianBytes: 5_000, seed: 5 });
    const { live, backup, tree } = place;
    const first = await alternate(ground, 'first', [
      firstAssess(ground, { live, backup }, tree.files),
      rsyncContents(live, backup),
      xxhsum(ground, FILES_PER_PROCESS, live, backup),
      diffBrief(live, backup),
      rcloneCheck(live, backup),
      rcloneCheck(live, backup, ['--download']),
      hashdeep(ground, live, backup),
    ]);
    const later = await laterRuns(ground, place, [findPrintf(live, backup), bfsPrintf(live, backup)]);
    return {
      about: `${tree.files} files a side`,
      measurements: [first, ...later.measurements, await bundle(ground, place, later.state)],
      figures: [
        ratio('first-small', first, 'rsync -rnc'),
        ratio('second-small', later.second, 'rsync -rn'),
        ratio('rclone', first, 'rclone check --download'),
        ratio('hashdeep', first, 'hashdeep -r, then -a'),
        ratio('changed', later.changed, 'unchanged'),
        figure('version-bytes', later.room.bytes / later.room.versions),
      ],
      notes: [`The catalog holds ${later.room.versions} file versions in ${later.room.bytes} bytes.`],
    };
  },
};

export const million: Workload = {
  name: 'million',
  about: '1,000,000 small files a side (lognormal, median 1 KB, 50 a directory): first, second, judge, changed',
  bars: ['first-million', 'second-million', 'memory-million'],
  async run(ground): Promise<Findings> {
    if (ground.quick) throw new Error('left out of a quick run: it is the work of `small`, ten times as much');
    const place = await makePlace(ground, { files: 1_000_000, medianBytes: 1_000, seed: 6 });
    const { live, backup, tree } = place;
    const first = await alternate(ground, 'first', [
      firstAssess(ground, { live, backup }, tree.files),
      rsyncContents(live, backup),
    ]);
    const { second, measurements, room } = await laterRuns(ground, place, [findPrintf(live, backup)]);
    return {
      about: `${tree.files} files a side`,
      measurements: [first, ...measurements],
      figures: [
        ratio('first-million', first, 'rsync -rnc'),
        ratio('second-million', second, 'rsync -rn'),
        memory('memory-million', [first, ...measurements]),
      ],
      notes: [`The catalog holds ${room.versions} file versions in ${room.bytes} bytes.`],
    };
  },
};

async function makePlace(ground: Ground, tree: Tree): Promise<Place> {
  mustFit(ground, needsOf(tree, 2));
  const place = { live: join(ground.dir, 'live'), backup: join(ground.dir, 'backup'), tree };
  await makeTree(ground, place.live, tree);
  await copyTree(ground, place.live, place.backup);
  await settled(ground);
  return place;
}

/** The runs of a catalog that knows both sides already. */
async function laterRuns(ground: Ground, { live, backup, tree }: Place, lists: readonly Subject[]) {
  const state = await emptyState(ground, 'later');
  await call(ground, rollcall(state, ['assess', '--live', live, '--backup', backup]), state);
  const room = await roomOf(ground, state);
  const again = (name: string): Subject => assess(ground, { name, state, live, backup }, tree.files);
  const second = await alternate(ground, 'second, unchanged', [
    again('rollcall assess'),
    rsyncTimes(live, backup),
    ...lists,
  ]);
  const judging = await alternate(ground, 'judge only, unchanged', [judgeOnly(ground, state, tree.files)]);
  let night = 0;
  const changed: Measurement = await alternate(ground, 'after 1 % change', [
    { ...again('rollcall assess'), before: () => changeOnePercent(ground, live, tree, ++night) },
    again('unchanged'),
  ]);
  return { state, room, second, changed, measurements: [second, judging, changed] };
}

/** Rot in one file of a hundred is found once, and then bundled anew each time. */
async function bundle(ground: Ground, { live, backup, tree }: Place, state: string): Promise<Measurement> {
  const rotten = rotOnePercent(live, tree, tree.seed + 1);
  const out = join(ground.dir, 'bundle');
  await call(ground, rollcall(state, ['assess', '--live', live, '--backup', backup, '--out', out], [1]), state);
  let made = 0;
  return alternate(ground, `bundle of ${rotten} files`, [
    {
      name: 'rollcall bundle',
      command: () => rollcall(state, ['bundle', out, '--out', `${out}-${++made}`], [0, 1]),
      after: () => stopped(ground, state),
    },
  ]);
}
