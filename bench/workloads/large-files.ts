// Few large files on both sides: nothing but reading and hashing counts.
import { join } from 'node:path';
import { rate } from '../figures.ts';
import { mustFit, type Workload } from '../ground.ts';
import { rsyncContents, xxhsum } from '../peers.ts';
import { firstAssess } from '../rollcall.ts';
import { alternate } from '../runs.ts';
import { copyTree, makeLargeFiles, makeOneFile, settled } from '../trees.ts';

const FILES = 8;
/** The same command on a file a side: what it takes besides reading. */
const EMPTY = 'rollcall assess, one file';

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
    const [oneLive, oneBackup] = [join(ground.dir, 'one-live'), join(ground.dir, 'one-backup')];
    for (const root of [oneLive, oneBackup]) makeOneFile(root);
    await settled(ground);
    const peer = xxhsum(ground, 1, live, backup);
    const first = await alternate(ground, 'first', [
      firstAssess(ground, { live, backup }, FILES),
      peer,
      rsyncContents(live, backup),
      firstAssess(ground, { name: EMPTY, live: oneLive, backup: oneBackup }, 1),
    ]);
    return {
      about: `${FILES} files of ${bytes / 1024 / 1024} MB a side`,
      measurements: [first],
      figures: [rate('large', first, peer.name, EMPTY)],
      notes: [
        'The rate is that of reading: the time of an assessment less that of one that reads one file, which has a bar of its own.',
      ],
    };
  },
};
