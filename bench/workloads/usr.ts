// What a real machine holds: links, programs, a few large files, many small ones.
import { join } from 'node:path';
import { make, mustFit, type Workload } from '../ground.ts';
import { diffBrief, findPrintf, rsyncContents, rsyncTimes } from '../peers.ts';
import { assess, call, emptyState, firstAssess, rollcall } from '../rollcall.ts';
import { alternate } from '../runs.ts';
import { copyTree, settled } from '../trees.ts';

export const usr: Workload = {
  name: 'usr',
  about: '/usr of this machine, copied (a quick run: /usr/share/doc): first, second',
  bars: [],
  async run(ground) {
    const from = ground.quick ? '/usr/share/doc' : '/usr';
    const kilobytes = Number((await make(ground, 'du', ['-skx', '--', from])).split('\t')[0]);
    const names = (await make(ground, 'find', [from, '-xdev', '-printf', '.'])).length;
    mustFit(ground, { bytes: 2 * kilobytes * 1024, inodes: 2 * names });
    const [live, backup] = [join(ground.dir, 'live'), join(ground.dir, 'backup')];
    await make(ground, 'cp', ['-ax', '--', from, live]);
    await copyTree(ground, live, backup);
    await settled(ground);
    const first = await alternate(ground, 'first', [
      firstAssess(ground, { live, backup }, null),
      rsyncContents(live, backup),
      diffBrief(live, backup),
    ]);
    const state = await emptyState(ground, 'later');
    await call(ground, rollcall(state, ['assess', '--live', live, '--backup', backup]), state);
    const second = await alternate(ground, 'second, unchanged', [
      assess(ground, { name: 'rollcall assess', state, live, backup }, null),
      rsyncTimes(live, backup),
      findPrintf(live, backup),
    ]);
    return {
      about: `${from}: ${names} names, ${Math.round(kilobytes / 1024)} MB a side`,
      measurements: [first, second],
      figures: [],
      notes: [],
    };
  },
};
