// Nothing of the files is in memory: they are on an ext4 image that is mounted anew before each run. That empties the
// caches of this file system and of no other, so that programs stay warm and others on the machine are left alone; what
// was read from the device proves that it was cold.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ratio } from '../figures.ts';
import { type Ground, isInMemory, make, mustFit, type Workload } from '../ground.ts';
import { rsyncContents, xxhsum } from '../peers.ts';
import { firstAssess } from '../rollcall.ts';
import { alternate, type Subject } from '../runs.ts';
import { copyTree, makeTree, needsOf, type Tree } from '../trees.ts';

const FILES_PER_PROCESS = 500;
const SECTOR = 512;
const DISK = '/var/tmp';

export const cold: Workload = {
  name: 'cold',
  about: '100,000 small files a side, cold, on a loop-mounted ext4 image: first (as root)',
  bars: ['cold'],
  async run(ground) {
    if (process.getuid?.() !== 0) throw new Error('needs root, to mount an image');
    const tree: Tree = { files: ground.quick ? 5_000 : 100_000, medianBytes: 5_000, seed: 5 };
    const { bytes, inodes } = needsOf(tree, 2);
    // Where all else is made in memory, the image still goes to a disk.
    const dir = isInMemory(ground.dir) ? mkdtempSync(join(DISK, 'rollcall-bench-')) : ground.dir;
    try {
      mustFit({ dir }, { bytes: bytes * 1.2, inodes: 1 });
      const image = await mountImage({ ...ground, dir }, bytes * 1.5, inodes * 1.2);
      try {
        return await measure(ground, image, tree);
      } finally {
        await image.remove();
      }
    } finally {
      if (dir !== ground.dir) rmSync(dir, { recursive: true });
    }
  },
};

async function measure(ground: Ground, image: Image, tree: Tree) {
  const [live, backup] = [join(image.path, 'live'), join(image.path, 'backup')];
  await makeTree(ground, live, tree);
  await copyTree(ground, live, backup);
  const dataBytes = Number((await make(ground, 'du', ['-sb', '--', image.path])).split('\t')[0]);
  const reads = new Map<string, number>();
  const colded = (subject: Subject): Subject => ({
    ...subject,
    async before() {
      await subject.before?.();
      await image.remount();
      reads.set(subject.name, -image.bytesRead());
    },
    async after() {
      reads.set(subject.name, (reads.get(subject.name) ?? 0) + image.bytesRead());
      await subject.after?.();
    },
  });
  const peer = xxhsum(ground, FILES_PER_PROCESS, live, backup);
  const first = await alternate(ground, 'first, cold', [
    colded(firstAssess(ground, { live, backup }, tree.files)),
    colded(peer),
    colded(rsyncContents(live, backup)),
  ]);
  const megabytes = (n: number): number => Math.round(n / 1e6);
  const readings = [...reads].map(([name, bytes]) => `${name} ${megabytes(bytes)} MB`).join(', ');
  return {
    about: `${tree.files} files a side, cold`,
    measurements: [first],
    figures: [ratio('cold', first, peer.name)],
    notes: [
      `Read from the device in the last run: ${readings}; the files hold ${megabytes(dataBytes)} MB.`,
      image.isDisk
        ? 'The loop device reads its image past the page cache, from a disk. Caches below this machine are beyond reach.'
        : 'The image itself is in memory: these times say nothing of a disk.',
    ],
  };
}

interface Image {
  readonly path: string;
  /** The image is read from a disk, past the page cache. */
  readonly isDisk: boolean;
  readonly remount: () => Promise<void>;
  readonly bytesRead: () => number;
  readonly remove: () => Promise<void>;
}

async function mountImage(ground: Ground, bytes: number, inodes: number): Promise<Image> {
  const [file, path] = [join(ground.dir, 'image'), join(ground.dir, 'cold')];
  // Taking away what was made goes on after an interruption.
  const always: Ground = { ...ground, signal: new AbortController().signal };
  mkdirSync(path);
  await make(ground, 'truncate', ['-s', String(Math.ceil(bytes / 4096) * 4096), file]);
  await make(ground, 'mkfs.ext4', ['-q', '-F', '-N', String(Math.ceil(inodes)), file]);
  const attach = (options: readonly string[]): Promise<string> =>
    make(always, 'losetup', ['--find', '--show', ...options, file]);
  const device = await attach(['--direct-io=on']);
  const direct = (await make(always, 'losetup', ['--noheadings', '--output', 'DIO', device])).trim() === '1';
  let isMounted = false;
  const mount = async (on: Ground): Promise<void> => {
    await make(on, 'mount', ['-o', 'noatime', device, path]);
    isMounted = true;
  };
  const unmount = async (): Promise<void> => {
    if (isMounted) await make(always, 'umount', [path]);
    isMounted = false;
  };
  const remove = async (): Promise<void> => {
    await unmount();
    await make(always, 'losetup', ['--detach', device]);
    await make(always, 'rm', ['-f', '--', file]);
  };
  await mount(always);
  return {
    path,
    isDisk: direct && !isInMemory(ground.dir),
    remount: async () => {
      await unmount();
      await mount(always);
    },
    bytesRead: () =>
      Number(
        readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
          .trim()
          .split(/ +/)[2],
      ) * SECTOR,
    remove,
  };
}
