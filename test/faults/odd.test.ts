// One odd file never makes a volume unreadable: what does not fit is recorded as the nearest that fits, or is a gap of
// that one name.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isClamped } from '../../domain/version.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { disk } from '../support/disk.ts';
import { canFuse, openFuse, PLAIN } from '../support/fuse.ts';
import { FaultyVolume } from './faulty-volume.ts';
import { Catalog } from '../support/catalog.ts';
import { canMount } from '../support/machine.ts';
import { at, HOSTILE_NAMES, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

/** GNU touch, since Node's own call takes no such years. */
function touchYear(path: string | Buffer, year: number): void {
  execFileSync('touch', ['-h', '-d', `${year}-01-01 UTC`, '--', path.toString()]);
}

describe.skipIf(!canMount)(
  'times that 64 bits of nanoseconds cannot hold (skipped where this process may not mount)',
  () => {
    test('are recorded as the nearest, said once, and cost nothing else: what is lost is found, restored and verified', async () => {
      const house = FaultyVolume.open(catalog, 2);
      house.tmpfs('live');
      house.tmpfs('backup');
      house.furnish();
      house.write('old/map', 'a map');
      house.write('old/chart', 'a chart');
      house.write('new/camera', 'a picture');
      const stamp = (): void => {
        touchYear(house.at('old/map'), 1600);
        touchYear(house.at('old/chart'), 1600);
        touchYear(house.at('new/camera'), 2300);
        touchYear(house.at('new'), 2300);
      };
      stamp();
      for (const night of [1, 2]) house.snapshot(night);
      house.lose('old/map');
      const { assessment, bundle } = await house.assess(2.1);
      expect(assessment.verdicts).toMatchObject({ missing: { files: 1 }, intact: { files: 14 } });
      expect(assessment.conditions.filter(({ code }) => code === 'clamped-times')).toMatchObject([
        { text: expect.stringMatching(/^[1-9][0-9]* entries have times outside the years 1677 to 2262, /) },
      ]);
      if (bundle === null) throw new Error('a loss makes a bundle');
      const restored = house.restore(bundle.directory, '--apply');
      expect(restored.code, restored.output).toBe(0);
      expect(await house.verify(bundle.directory, 2.2)).toMatchObject({ result: { exit: 0, metadataDiffers: 0 } });
      expect(execFileSync('date', ['-u', '-r', house.at('old/map').toString(), '+%Y']).toString()).toBe('1600\n');
    });

    test('are told from all others, and move no file that was not touched', async () => {
      const tree = catalog.directory();
      execFileSync('mount', ['-t', 'tmpfs', 'rollcall-test', tree]);
      try {
        write(tree, { 'd/f': 'f', 'd/g': 'g' });
        touchYear(join(tree, 'd/f'), 2400);
        const directory = openRoot(join(tree, 'd'));
        expect(isClamped(directory.lstat('f').mtimeNs)).toBe(true);
        expect(isClamped(directory.lstat('g').mtimeNs)).toBe(false);
        directory.close();
        await catalog.scan(tree);
        expect(await catalog.scan(tree)).toMatchObject({ seen: 3, changed: 0, gaps: 0 });
        expect(await catalog.told(tree)).toEqual(truthOf(tree));
      } finally {
        execFileSync('umount', ['-l', tree]);
      }
    });

    test('a size beyond what can be read is a gap of that file', async () => {
      const tree = catalog.directory();
      execFileSync('mount', ['-t', 'tmpfs', 'rollcall-test', tree]);
      try {
        write(tree, { 'd/f': 'f', 'd/endless': '' });
        execFileSync('truncate', ['-s', String(2 ** 54), join(tree, 'd/endless')]);
        expect(await catalog.scan(tree)).toMatchObject({ files: 1, gaps: 1 });
        expect(await catalog.gaps(tree)).toEqual(['d/endless failed EOVERFLOW']);
      } finally {
        execFileSync('umount', ['-l', tree]);
      }
    });
  },
);

describe.skipIf(!canFuse)('odd answers of a FUSE file system (skipped where it cannot be mounted)', () => {
  test('a size, a count of links and a name that no other file system has cost that name at most', async () => {
    const name = 'n'.repeat(900);
    const served = await openFuse(
      catalog.directory(),
      {
        ...PLAIN,
        'a/vast': { content: 'x', size: String(2n ** 63n - 1n) },
        'a/linked': { content: 'linked', links: 2 ** 32 - 1 },
        [`a/${name}`]: { content: null },
        [`a/${name}/f`]: { content: 'f' },
        [`b/${name}`]: { content: 'a file may be called so' },
      },
      'ro',
    );
    await catalog.scan(served.at);
    expect(await catalog.gaps(served.at)).toEqual([`a/${name} failed ENAMETOOLONG`, 'a/vast failed EOVERFLOW']);
    const told = await catalog.told(served.at);
    expect(told['a/linked']).toMatch(/^file 6 /);
    expect(told[`b/${name}`]).toMatch(/^file 23 /);
    expect(told['b/sub/h']).toMatch(/^file 1 /);
  });

  test('that refuses to leave the time of access alone, in whatever words, is read without that', async () => {
    const errnos = [1, 5, 13, 22, 38, 95];
    const state = Object.fromEntries(
      errnos.flatMap((errno) => [
        [`d${errno}`, { content: null, noAtime: -errno }],
        [`d${errno}/f`, { content: `refused with ${errno}`, noAtime: -errno }],
      ]),
    );
    const served = await openFuse(catalog.directory(), { ...state, '': { content: null, noAtime: -22 } }, 'rw');
    expect(await catalog.scan(served.at)).toMatchObject({ files: errnos.length, filesRead: errnos.length, gaps: 0 });
    expect(await catalog.told(served.at)).toEqual(truthOf(served.at));
  });

  test('a backup whose listings tell no types is scanned like any other', async () => {
    const untyped = { listedAs: 0 };
    const night = (date: string): Record<string, object> => ({
      [date]: { content: null, ...untyped },
      [`${date}/d`]: { content: null, ...untyped },
      [`${date}/d/f`]: { content: 'f', ...untyped },
    });
    const served = await openFuse(
      catalog.directory(),
      { ...night('2024-05-01'), ...night('2024-05-02'), ...night('2024-05-03') } as Parameters<typeof openFuse>[1],
      'ro',
    );
    const { totals } = await catalog.scanSnapshots(join(served.at, '2024*'));
    expect(totals.map(({ files, gaps }) => [files, gaps])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(await catalog.told(join(served.at, '2024*'))).toEqual(truthOf(join(served.at, '2024-05-03')));
  });
});

test.skipIf(!canMount)(
  'an ext4 that keeps no types is a backup like any other, whatever lies beside the snapshots (skipped where this process may not mount)',
  async () => {
    const base = catalog.directory();
    const { at: mountPoint } = disk(base, { options: ['-O', '^filetype'] });
    for (const day of ['2024-05-01', '2024-05-02']) {
      mkdirSync(join(mountPoint, day));
      for (const [bytes] of HOSTILE_NAMES) writeFileSync(at(join(mountPoint, day), bytes), day);
    }
    for (const [bytes] of HOSTILE_NAMES) mkdirSync(at(mountPoint, bytes));
    rmSync(join(mountPoint, 'lost+found'), { recursive: true });
    const { totals } = await catalog.scanSnapshots(join(mountPoint, '2024-*'));
    expect(totals.map(({ files, gaps }) => [files, gaps])).toEqual([
      [HOSTILE_NAMES.length, 0],
      [HOSTILE_NAMES.length, 0],
    ]);
  },
);
