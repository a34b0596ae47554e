// A medium that fails: blocks that cannot be read, checksums that do not fit, directories that deny names without an
// error. Nothing is called lost that cannot be read, what was known stands, and after the repair there is nothing to
// report.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { breakDirectory, breakFile, disk, flip, poke } from '../support/disk.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount, hasBtrfs, run } from '../support/machine.ts';

const catalog = await Catalog.forFile();

describe.skipIf(!canMount)('ext4 (skipped where this process may not mount)', () => {
  test('a data block and a directory block that cannot be read: unreadable, exit 3, and nothing when they can again', async () => {
    const house = FaultyVolume.open(catalog, 2);
    const medium = house.liveOn();
    house.write('desk/letter', 'a letter '.repeat(300));
    house.write('desk/pen', 'ink');
    house.write('attic/chest', 'old things');
    house.write('attic/box/hat', 'a hat');
    for (const night of [1, 2]) house.snapshot(night);
    const unharmed = house.quiet({
      universe: '4 files, 4 directories',
      verdicts: { intact: 4 },
      directories: { intact: 4 },
    });
    expect(house.report(await house.assess(2, { reread: true }))).toEqual(unharmed);

    medium.unmount();
    copyFileSync(medium.image, `${medium.image}-whole`);
    breakFile(medium.image, 'desk/letter');
    flip(medium.image, 'attic');
    medium.mount();
    expect(house.report(await house.assess(2.1, { reread: true }))).toEqual({
      ...unharmed,
      exit: 3,
      verdicts: { unreadable: 3, intact: 1 },
      directories: { unreadable: 2, intact: 2 },
      recovery: { exact: 3 },
      findings: {
        attic: 'unreadable exact from night 2 EBADMSG',
        'attic/box': 'unreadable exact from night 2 EBADMSG below attic',
        'attic/box/hat': 'unreadable exact from night 2 EBADMSG below attic',
        'attic/chest': 'unreadable exact from night 2 EBADMSG below attic',
        'desk/letter': 'unreadable exact from night 2 EUCLEAN',
      },
      // What is below the directory can be put nowhere; beside the letter there is room.
      lists: { 'night 2 beside.pairs': [`/desk/letter.rollcall-${house.night(2)}`] },
      incomplete: [
        'live: attic could not be read (EBADMSG: the file system finds its own data damaged); everything below it is unknown.',
        'live: desk/letter could not be read (EUCLEAN: the file system needs repair).',
      ],
    });

    medium.unmount();
    copyFileSync(`${medium.image}-whole`, medium.image);
    medium.mount();
    expect(house.report(await house.assess(2.2, { reread: true }))).toEqual(unharmed);
  });

  test('a directory that denies half of its names without an error: nothing is missing, and a check of the file system is asked for', async () => {
    const house = FaultyVolume.open(catalog, 2);
    const medium = house.liveOn({ options: ['-b', '1024', '-O', '^metadata_csum,^dir_index,^has_journal'] });
    for (let i = 0; i < 60; i++) house.write(`desk/a-name-of-some-length-${i}`, `paper ${i}`);
    house.write('shelf/book', 'a book');
    for (const night of [1, 2]) house.snapshot(night);
    const unharmed = house.quiet({
      universe: '61 files, 3 directories',
      verdicts: { intact: 61 },
      directories: { intact: 3 },
    });
    expect(house.report(await house.assess(2))).toEqual(unharmed);

    medium.unmount();
    copyFileSync(medium.image, `${medium.image}-whole`);
    breakDirectory(medium.image, 'desk');
    medium.mount();
    const denied = Array.from({ length: 60 }, (_, i) => `desk/a-name-of-some-length-${i}`).filter(
      (path) => !existsSync(join(house.live, path)),
    );
    expect(denied.length).toBeGreaterThan(3);
    const report = house.report(await house.assess(2.1));
    // One more is listed as long as nobody looks it up.
    const unreadable = report.verdicts.unreadable ?? 0;
    expect(unreadable).toBeGreaterThanOrEqual(denied.length);
    expect(report).toMatchObject({ exit: 3, verdicts: { unreadable, intact: 61 - unreadable } });
    expect(report.incomplete[0]).toMatch(/^live: \d+ names in desk could not be read \(.*fsck/);
    medium.unmount();
    copyFileSync(`${medium.image}-whole`, medium.image);
    medium.mount();
    expect(house.report(await house.assess(2.2))).toEqual(unharmed);
  });
});

test.skipIf(!hasBtrfs)(
  'btrfs: an extent that all snapshots share and whose checksum does not fit is no source, in none of them (skipped where no btrfs can be mounted)',
  async () => {
    const house = FaultyVolume.open(catalog, 3);
    const store = disk(house.base, { type: 'btrfs', name: 'store' });
    run('btrfs', 'subvolume', 'create', join(store.at, 'current'));
    mkdirSync(join(store.at, 'snapshots'));
    house.write('desk/torn', 'words that stand nowhere else on this medium '.repeat(400));
    house.write('desk/whole', 'other words, and many of them '.repeat(400));
    house.write('desk/kept', 'not lost');
    for (const night of [1, 2, 3]) {
      run('rsync', '-a', `${house.live}/`, `${join(store.at, 'current')}/`);
      run(
        'btrfs',
        'subvolume',
        'snapshot',
        '-r',
        join(store.at, 'current'),
        join(store.at, 'snapshots', house.night(night)),
      );
    }
    store.unmount();
    const at = readFileSync(store.image).indexOf('words that stand nowhere');
    expect(at).toBeGreaterThan(0);
    poke(store.image, at + 4096, (bytes) => bytes.fill(0x20, 0, 16));
    store.mount('ro');
    house.lose('desk/torn', 'desk/whole');
    const backups = [join(store.at, 'snapshots', '*')];
    expect(house.report(await house.assess(3, { backups }))).toEqual({
      ...house.quiet({ exit: 1, window: 'no burst', universe: '3 files, 1 directories' }),
      verdicts: { missing: 2, intact: 1 },
      directories: { intact: 1 },
      recovery: { exact: 1, none: 1 },
      findings: {
        'desk/torn': 'missing none silent (its copies could not be read)',
        'desk/whole': 'missing exact from night 3 silent',
      },
      lists: { 'night 3 missing.files': ['/desk/whole'], lost: ['desk/torn'] },
      incomplete: [
        `${backups[0]} (${house.night(3)}): desk/torn could not be read (EIO: input/output error: the disk or its connection fails).`,
      ],
    });
  },
);
