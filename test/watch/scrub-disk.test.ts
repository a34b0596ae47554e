// What the scrub is for: a byte that flips below the file system, without a time that moves.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Scrub } from '../../domain/watch/configuration.ts';
import { scrubSlice, type SliceRequest, type SliceResult } from '../../services/scrub.ts';
import { treeVolume } from '../../services/scan/scan-tree.ts';
import { FaultyVolume } from '../faults/faulty-volume.ts';
import { breakFile, disk, flip } from '../support/disk.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount } from '../support/machine.ts';
import { settled, temporaryDirectory, write } from '../support/tree.ts';
import { ScrubbedHouse } from './scrubbed-house.ts';

const catalog = await Catalog.forFile();

/** A slice reads one directory of these: 2,700 bytes. */
const ONE_AT_A_TIME: Scrub = { withinDays: 4, graceDays: 1, bytesPerSecond: 3, window: null };

describe.skipIf(!canMount)('on a file system of its own (skipped where this process may not mount)', () => {
  test('a byte that flips below the file system is found by the slice that reads it, and its neighbours come next', async () => {
    const house = FaultyVolume.open(catalog, 2);
    const medium = house.liveOn();
    const floors = ['attic', 'cellar', 'garden'];
    const rooms = floors.flatMap((floor) => ['left', 'middle', 'right'].map((room) => `${floor}/${room}`));
    for (const room of rooms)
      for (const name of ['chair', 'table']) house.write(`${room}/${name}`, `${room} ${name} `.repeat(60));
    await settled(house.live);
    for (const night of [1, 2]) house.snapshot(night);
    house.write('porch/lamp', 'new since the last night');
    expect((await house.assess(2)).exit).toBe(0);
    const volume = await treeVolume(house.tools(2), house.live);

    // While it is mounted, and in memory: what lies on the medium is another matter.
    const table = join(house.live, 'attic/middle/table');
    execFileSync('sync', ['--file-system', house.live]);
    const known = readFileSync(table);
    flip(medium.image, 'attic/middle/table');
    expect(readFileSync(table).equals(known)).toBe(true);
    // Size, mtime and ctime stand: who looks only at these sees nothing.
    expect((await house.assess(2.1)).exit).toBe(0);

    const slice = (night: number): Promise<SliceResult> =>
      scrubSlice(house.tools(night), requestOf({ volumeId: volume.id, path: house.live, scrub: ONE_AT_A_TIME }));
    const marked = async (): Promise<string[]> =>
      (
        await catalog.rows(
          'select d.path from scrubbed m join directory d on d.id = m.directory where m.root = $1 order by m.read_ms, 1',
          volume.rootId,
        )
      ).map(({ path }) => String(path));
    const first = await slice(3.3);
    expect(first).toMatchObject({ directories: 1, suspects: 0, isIncomplete: false });
    expect(await marked()).toEqual(['attic/left']);
    // A directory that moves while the slice runs is listed again: what was found there is found again.
    rmSync(join(house.live, 'porch/lamp'));
    house.onShard = ({ kind }) => {
      if (kind === 'relist') writeFileSync(join(house.live, 'attic/middle/cup'), 'a cup');
    };
    const found = await slice(4.4);
    house.onShard = () => {};
    expect(existsSync(join(house.live, 'attic/middle/cup'))).toBe(true);
    expect(found).toMatchObject({ directories: 1, suspects: 1, isIncomplete: false });
    expect(await marked()).toEqual(['attic/left', 'attic/middle']);

    const report = house.report(await house.assess(4.5));
    expect(report.exit).toBe(1);
    expect(report.findings).toMatchObject({ 'attic/middle/table': 'corrupt exact from night 2 silent' });

    // The neighbours at once, also the one that was read before; the rest goes on where it was.
    const after = [];
    for (const night of [4.6, 4.7, 6, 7.1]) {
      const { directories, suspects } = await slice(night);
      after.push({ directories, suspects, last: (await marked()).at(-1) });
    }
    expect(after).toEqual([
      { directories: 1, suspects: 0, last: 'attic/right' },
      { directories: 1, suspects: 0, last: 'attic/left' },
      { directories: 1, suspects: 0, last: 'cellar/left' },
      { directories: 1, suspects: 0, last: 'cellar/middle' },
    ]);
  });

  test('what cannot be read is not marked, and keeps nobody waiting; after the repair it is read', async () => {
    const place = temporaryDirectory();
    const medium = disk(place);
    const house = new ScrubbedHouse(catalog, { withinDays: 4, bytesPerSecond: 2_700 / 900 }, medium.at);
    for (const room of ['attic', 'cellar', 'garden'])
      for (const name of ['chair', 'table']) write(house.path, { [`${room}/${name}`]: `${room} ${name} `.repeat(60) });
    await settled(house.path);
    await house.quick();
    medium.unmount();
    copyFileSync(medium.image, `${medium.image}-whole`);
    breakFile(medium.image, 'attic/table');
    flip(medium.image, 'cellar');
    medium.mount();

    const went: unknown[] = [];
    for (house.day = 1.5; house.day < 5; house.day++) {
      const { directories, suspects, isIncomplete } = await house.slice();
      went.push([directories, suspects, isIncomplete]);
    }
    expect(went).toEqual([1, 1, 1, 1].map((one) => [one, 0, true]));
    expect(await house.marks()).toEqual([
      'attic read 4.50 tried 4.50',
      'cellar read never tried 2.50',
      'garden read 3.50 tried 3.50',
    ]);
    // By their own deadlines: the file that cannot be read, and the directory that cannot be listed.
    house.day = 7.5;
    expect(await house.standing()).toMatchObject({ files: 6, overdue: 3, neverRead: 0 });

    medium.unmount();
    copyFileSync(`${medium.image}-whole`, medium.image);
    medium.mount();
    for (house.day = 7.6; house.day < 8.5; house.day += 0.2)
      expect(await house.slice()).toMatchObject({ suspects: 0, isIncomplete: false });
    expect(await house.marks()).toEqual([
      expect.stringMatching(/^attic read 8/),
      expect.stringMatching(/^cellar read 7/),
      expect.stringMatching(/^garden read 7/),
    ]);
    expect(await house.standing()).toMatchObject({ files: 6, overdue: 0, neverRead: 0 });
    expect(await catalog.rows('select from scrub_missed')).toEqual([]);
  });
});

function requestOf(of: Pick<SliceRequest, 'volumeId' | 'path' | 'scrub'>): SliceRequest {
  const plain = {
    name: 'house',
    excludes: [],
    crossMounts: false,
    notGluster: false,
    bricksRescued: false,
    untilMs: null,
  };
  return { ...plain, ...of };
}
