// Mounts that come and go, before a scan and in the middle of it: what is hidden is not lost, and another volume is not
// this one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disk } from '../support/disk.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, run } from '../support/machine.ts';

const catalog = await Catalog.forFile();

/** Files of a house that is filled with 4 rooms of 40: more than the first shard takes. */
const FILES = 160;

function filled(house: FaultyVolume): void {
  house.fill(4, 40);
  house.snapshot(1);
}

describe.skipIf(!canMount)('mounts (skipped where this process may not mount)', () => {
  test('a live tree that is not mounted, or that another volume has taken the place of, is no loss: exit 4 with what to check, and nothing is forgotten', async () => {
    const house = FaultyVolume.open(catalog, 1);
    const own = house.liveOn();
    house.fill(2, 3);
    house.snapshot(1);
    const unharmed = house.quiet({
      universe: '6 files, 4 directories',
      verdicts: { intact: 6 },
      directories: { intact: 4 },
    });
    expect(house.report(await house.assess(1))).toEqual(unharmed);

    own.unmount();
    // An empty mount point.
    await expect(house.assess(1.1)).rejects.toMatchObject({ exit: 4, next: expect.stringContaining('mount') });
    // What was written below the mount point while nothing was mounted there.
    house.fill(2, 1);
    await expect(house.assess(1.2)).rejects.toMatchObject({ exit: 4, next: expect.stringContaining('findmnt') });
    // Another ext4 with the same names at its top; its root has the same inode. (Made at another time: what a UUID says
    // where udev runs.)
    const other = disk(house.base, { name: 'other', at: house.live, options: ['-b', '1024', '-E', 'root_owner=0:0'] });
    other.unmount();
    run('env', 'E2FSPROGS_FAKE_TIME=1600000000', 'mkfs.ext4', '-q', '-F', '-b', '1024', other.image);
    other.mount();
    house.fill(1, 1);
    await expect(house.assess(1.3)).rejects.toMatchObject({
      exit: 4,
      message: expect.stringContaining('the root directory was made'),
      next: expect.stringContaining('rebase'),
    });
    other.unmount();

    own.mount();
    expect(house.report(await house.assess(1.4))).toEqual(unharmed);
  });

  test('a live tree that is unmounted in the middle of a scan: exit 4, nothing is concluded, and nothing to report when it is back', async () => {
    const house = FaultyVolume.open(catalog, 1);
    const own = house.liveOn();
    filled(house);
    const unharmed = house.quiet({
      universe: `${FILES} files, 6 directories`,
      verdicts: { intact: FILES },
      directories: { intact: 6 },
    });
    expect(house.report(await house.assess(1))).toEqual(unharmed);
    let shards = 0;
    house.onShard = () => {
      if (++shards === 2) own.unmount('lazily');
    };
    await expect(house.assess(1.1, { reread: true })).rejects.toMatchObject({
      exit: 4,
      message: expect.stringContaining('Nothing was concluded'),
      next: expect.stringContaining('findmnt'),
    });
    house.onShard = () => {};
    own.mount();
    expect(house.report(await house.assess(1.2))).toEqual(unharmed);
  });

  test('a file system below the root: unmounted before and in the middle of a scan, with the same names below the mount point, and another in its place', async () => {
    const house = FaultyVolume.open(catalog, 1);
    house.fill(2, 40);
    // What somebody wrote there while nothing was mounted.
    house.write('store/0/file0', 'not this');
    house.write('store/left', 'behind');
    const medium = disk(house.base, { name: 'store', at: join(house.live, 'store') });
    house.fill(3, 40, 'store');
    house.snapshot(1);
    const unharmed = house.quiet({
      universe: '200 files, 8 directories',
      verdicts: { intact: 200 },
      directories: { intact: 8 },
    });
    const across = { crossMounts: true };
    expect(house.report(await house.assess(1, across))).toEqual(unharmed);
    const hidden = {
      ...unharmed,
      exit: 3,
      verdicts: { unreadable: 120, intact: 80 },
      directories: { unreadable: 5, intact: 3 },
    };
    const told = async (night: number): Promise<unknown> => {
      const report = house.report(await house.assess(night, across));
      expect(report.incomplete).toHaveLength(1);
      return { ...report, findings: {}, incomplete: [], lists: null, recovery: {} };
    };

    medium.unmount();
    expect(await told(1.1)).toEqual(hidden);
    medium.mount();
    expect(house.report(await house.assess(1.2, across))).toEqual(unharmed);

    let shards = 0;
    house.onShard = () => {
      if (++shards === 3) medium.unmount('lazily');
    };
    const report = house.report(await house.assess(1.3, { ...across, reread: true }));
    expect(report).toMatchObject({ exit: 3, verdicts: { intact: expect.any(Number) } });
    expect(report.verdicts.missing).toBeUndefined();
    house.onShard = () => {};
    medium.mount();
    expect(house.report(await house.assess(1.4, across))).toEqual(unharmed);

    medium.unmount();
    const other = house.tmpfs('live/store');
    writeFileSync(join(house.live, 'store/stranger'), 'another disk');
    expect(await told(1.5)).toEqual(hidden);
    other();
    medium.mount();
    expect(house.report(await house.assess(1.6, across))).toEqual(unharmed);
  });

  test('a directory that is mounted over while the tree is listed again is not lost; what did vanish is', async () => {
    const house = FaultyVolume.open(catalog, 1);
    filled(house);
    expect((await house.assess(1)).exit).toBe(0);
    house.lose('rooms/0/file0');
    let mounted = 0;
    house.onShard = ({ kind }) => {
      if (kind === 'relist' && mounted++ === 0) house.tmpfs('live/rooms/1');
    };
    const report = house.report(await house.assess(1.1));
    expect(mounted).toBeGreaterThan(0);
    expect(report.verdicts).toMatchObject({ missing: 1, intact: FILES - 1 });
    expect(Object.keys(report.findings)).toEqual(['rooms/0/file0']);
  });

  test('a bind mount and a nested mount are not entered unasked, what they hide is not lost, and the tree seen through a bind mount is another volume', async () => {
    const house = FaultyVolume.open(catalog, 1);
    house.fill(3, 3);
    house.snapshot(1);
    expect((await house.assess(1)).exit).toBe(0);
    const unbind = house.bind('live/rooms/1', 'live/rooms/0');
    const unmount = house.tmpfs('live/rooms/2');
    const report = house.report(await house.assess(1.1));
    expect(report).toMatchObject({ exit: 0, verdicts: { intact: 3 }, findings: {} });
    unmount();
    unbind();
    expect(house.report(await house.assess(1.2))).toMatchObject({ exit: 0, verdicts: { intact: 9 }, findings: {} });
    mkdirSync(join(house.base, 'elsewhere'));
    house.bind('live', 'elsewhere');
    const seen = house.report(await house.assess(1.3, { live: join(house.base, 'elsewhere') }));
    expect(seen).toMatchObject({ exit: 0, verdicts: { intact: 9 } });
  });

  test('a file that another one is mounted over has not changed, and is intact when that is gone', async () => {
    const house = FaultyVolume.open(catalog, 1);
    house.fill(1, 2);
    house.snapshot(1);
    expect(house.report(await house.assess(1))).toMatchObject({ exit: 0, verdicts: { intact: 2 }, findings: {} });
    writeFileSync(join(house.base, 'other'), 'what another place holds');
    const unbind = house.bind('other', 'live/rooms/0/file0');
    expect(house.report(await house.assess(1.1))).toMatchObject({ exit: 0, verdicts: { intact: 1 }, findings: {} });
    unbind();
    expect(house.report(await house.assess(1.2))).toMatchObject({ exit: 0, verdicts: { intact: 2 }, findings: {} });
  });

  test('a read-only mount is assessed as it is, and its losses too', async () => {
    const house = FaultyVolume.open(catalog, 1);
    const own = house.liveOn();
    house.fill(2, 3);
    house.snapshot(1);
    house.lose('rooms/1/file1');
    own.unmount();
    own.mount('ro');
    const report = house.report(await house.assess(1));
    expect(report).toMatchObject({ exit: 1, verdicts: { missing: 1, intact: 5 }, recovery: { exact: 1 } });
  });
});
