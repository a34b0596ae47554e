// Few large files on both sides: nothing but reading and hashing counts.
import { join } from 'node:path';
import { rate } from '../figures.ts';
import { mustFit, type Workload } from '../ground.ts';
import { rsyncContents, xxhsum } from '../peers.ts';
import { firstAssess } from '../rollcall.ts';
import { alternate } from '../runs.ts';
import { copyTree, makeLargeFiles, settled } from '../trees.ts';

const FILES = 8;

export const large: Workload = {
  name: 'large',
  about: '8 files of 256 MB a side: first',
  bars: ['large'],
  async run(ground) {
    const bytes = (ground.quick ? 32 : 256) * 1024 * 1024;
    mustFit(ground, { bytes: 2 * FILES * bytes, inodes: 2 * FILES });
    const [live, backup] = [join(ground.dir, 'live'), join(ground.dir, 'backup')];
    await makeLargeFiles(ground, live, FILES, bytes);
    await copyTree(ground, live, backup);
    await settled(ground);
    const peer = xxhsum(ground, 1, live, backup);
    const first = await alternate(ground, 'first', [
      firstAssess(ground, live, backup, FILES),
      peer,
      rsyncContents(live, backup),
    ]);
    return {
      about: `${FILES} files of ${bytes / 1024 / 1024} MB a side`,
      measurements: [first],
      figures: [rate('large', first, peer.name)],
      notes: [],
    };
  },
};
