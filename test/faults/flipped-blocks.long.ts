// btrfs with flipped blocks. With checksums the content cannot be read (EIO), and is not called missing; without
// (nodatacow, `chattr +C`) wrong bytes are read without an error, and only what was read before tells.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Catalog } from '../support/catalog.ts';
import { type Disk, disk, poke } from '../support/disk.ts';
import { hasBtrfs, have, run } from '../support/machine.ts';
import { FaultyVolume } from './faulty-volume.ts';

const catalog = await Catalog.forFile();
const canRun = hasBtrfs && have('chattr') && have('rsync');

const LETTER = 'a letter whose checksum is kept. '.repeat(600);
const MACHINE = 'a virtual machine, without checksums. '.repeat(600);
const UNHARMED = { universe: '3 files, 2 directories', verdicts: { intact: 3 }, directories: { intact: 2 } };

/** What is in `vm` has no checksums: it takes that from its directory. */
function furnished(live: FaultyVolume['live'], house: FaultyVolume): void {
  house.directory('vm');
  if (live !== '') run('chattr', '+C', live);
  house.write('desk/letter', LETTER);
  house.write('desk/pen', 'ink');
  house.write('vm/image', MACHINE);
}

/** Flips bytes in the second block of what begins so, while nothing is mounted. */
function flip(medium: Disk, ...contents: readonly string[]): void {
  medium.unmount();
  const image = readFileSync(medium.image);
  for (const content of contents) {
    const at = image.indexOf(content.slice(0, 2_000));
    expect(at).toBeGreaterThan(0);
    poke(medium.image, at + 4096, (bytes) => bytes.fill(0x20, 0, 16));
  }
  medium.mount();
}

describe.skipIf(!canRun)('btrfs with flipped blocks (skipped where no btrfs can be mounted)', () => {
  test('live: what cannot be read is unreadable, never missing; wrong bytes that can be read are corrupt, and the backup has both', async () => {
    const house = FaultyVolume.open(catalog, 2);
    const medium = house.liveOn({ type: 'btrfs' });
    furnished(join(house.live, 'vm'), house);
    for (const night of [1, 2]) house.snapshot(night);
    const unharmed = house.quiet(UNHARMED);
    expect(house.report(await house.assess(2))).toEqual(unharmed);

    flip(medium, LETTER, MACHINE);
    expect(house.report(await house.assess(2.1, { reread: true }))).toEqual({
      ...unharmed,
      exit: 1,
      verdicts: { corrupt: 1, unreadable: 1, intact: 1 },
      recovery: { exact: 2 },
      findings: {
        'desk/letter': 'unreadable exact from night 2 EIO',
        'vm/image': 'corrupt exact from night 2 silent',
      },
      lists: {
        // Beside what cannot be read there is room.
        'night 2 beside.pairs': [`/desk/letter.rollcall-${house.night(2)}`],
        'night 2 damaged.files': ['/vm/image'],
      },
      incomplete: ['live: desk/letter could not be read (EIO: input/output error: the disk or its connection fails).'],
    });
  });

  test('backup: a copy that cannot be read proves nothing, and one with wrong bytes is named as the wrong one', async () => {
    const house = FaultyVolume.open(catalog, 2);
    const store = disk(house.base, { type: 'btrfs', name: 'store' });
    const current = join(store.at, 'current');
    run('btrfs', 'subvolume', 'create', current);
    mkdirSync(join(current, 'vm'));
    run('chattr', '+C', join(current, 'vm'));
    mkdirSync(join(store.at, 'snapshots'));
    furnished('', house);
    for (const night of [1, 2]) {
      run('rsync', '-a', `${house.live}/`, `${current}/`);
      run('btrfs', 'subvolume', 'snapshot', '-r', current, join(store.at, 'snapshots', house.night(night)));
    }
    const backups = [join(store.at, 'snapshots', '*')];
    const unharmed = house.quiet(UNHARMED);
    expect(house.report(await house.assess(2, { backups }))).toEqual(unharmed);

    flip(store, LETTER, MACHINE);
    expect(house.report(await house.assess(2.1, { backups, reread: true }))).toEqual({
      ...unharmed,
      exit: 1,
      verdicts: { unverified: 1, 'backup-corrupt': 1, intact: 1 },
      findings: { 'desk/letter': 'unverified', 'vm/image': 'backup-corrupt' },
      window: 'no burst',
      incomplete: [
        `${backups[0]} (${house.night(2)}): desk/letter could not be read (EIO: input/output error: the disk or its connection fails).`,
        '1 path is unverified: a copy could not be read.',
      ],
    });
  });
});
