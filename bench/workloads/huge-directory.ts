// One directory with nothing but names (the files are empty), on both sides.
import { join } from 'node:path';
import { mustFit, type Workload } from '../ground.ts';
import { bfsPrintf, findPrintf, rsyncContents, rsyncTimes } from '../peers.ts';
import { assess, call, emptyState, firstAssess, rollcall } from '../rollcall.ts';
import { alternate } from '../runs.ts';
import { copyTree, makeHugeDirectory, settled } from '../trees.ts';

export const hugeDirectory: Workload = {
  name: 'huge-directory',
  about: 'one directory with 1,000,000 names a side: first, second',
  bars: [],
  async run(ground) {
    const files = ground.quick ? 10_000 : 1_000_000;
    mustFit(ground, { bytes: 2 * files * 1_000, inodes: 2 * files + 10 });
    const [live, backup] = [join(ground.dir, 'live'), join(ground.dir, 'backup')];
    await makeHugeDirectory(ground, live, files);
    await copyTree(ground, live, backup);
    await settled(ground);
    const first = await alternate(ground, 'first', [
      firstAssess(ground, { live, backup }, files),
      rsyncContents(live, backup),
    ]);
    const state = await emptyState(ground, 'later');
    await call(ground, rollcall(state, ['assess', '--live', live, '--backup', backup]), state);
    const second = await alternate(ground, 'second, unchanged', [
      assess(ground, { name: 'rollcall assess', state, live, backup }, files),
      rsyncTimes(live, backup),
      findPrintf(live, backup),
      bfsPrintf(live, backup),
    ]);
    return { about: `${files} names a side`, measurements: [first, second], figures: [], notes: [] };
  },
};
