// From a loss to a proven restore and on to the next assessment, with the real catalog and the real restore.sh.
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();

const inode = (house: Volume, path: string): number => statSync(house.at(path)).ino;

/** Live has two equal files; the backup's deduplication makes one inode of them, night by night. */
async function deduplicated(house: Volume): Promise<void> {
  house.furnish();
  house.write('anna/x', 'the same bytes '.repeat(50));
  house.write('bob/x', 'the same bytes '.repeat(50));
  for (let night = 0; night < 4; night++) {
    const root = house.snapshot(night);
    rmSync(join(root, 'bob/x'));
    linkSync(join(root, 'anna/x'), join(root, 'bob/x'));
    // The newest sighting of both is in the backup.
    if (night === 2) expect((await house.assess(2)).exit).toBe(0);
  }
}

test.each([
  ['both are lost', ['anna/x', 'bob/x']],
  ['one is lost and the other stands', ['bob/x']],
])('two files of the volume that a deduplicated backup holds as one come back as two: %s', async (_, lost) => {
  const house = Volume.open(catalog, 4);
  await deduplicated(house);
  house.lose(...lost);
  const { bundle } = await house.assess(3);
  if (bundle === null) throw new Error('no bundle');
  expect(house.restore(bundle.directory, '--apply')).toMatchObject({ code: 0 });
  expect(readFileSync(house.at('bob/x'), 'utf8')).toBe('the same bytes '.repeat(50));
  expect(inode(house, 'bob/x')).not.toBe(inode(house, 'anna/x'));
  expect((await house.verify(bundle.directory, 3)).result).toMatchObject({ exit: 0, metadataDiffers: 0 });
});

test('two names of one file that the volume had come back as one, though the backup was deduplicated with a third', async () => {
  const house = Volume.open(catalog, 3);
  house.furnish();
  house.write('one', 'the same bytes '.repeat(50));
  house.link('one', 'two');
  house.write('third', 'the same bytes '.repeat(50));
  for (let night = 0; night < 3; night++) {
    const root = house.snapshot(night);
    rmSync(join(root, 'third'));
    linkSync(join(root, 'one'), join(root, 'third'));
  }
  await house.assess(2);
  house.lose('one', 'two', 'third');
  const { bundle } = await house.assess(2);
  if (bundle === null) throw new Error('no bundle');
  expect(house.restore(bundle.directory, '--apply')).toMatchObject({ code: 0 });
  expect(inode(house, 'two')).toBe(inode(house, 'one'));
  expect(inode(house, 'third')).not.toBe(inode(house, 'one'));
});

test.each([
  [
    'a file that was made again with other content',
    'recreated',
    (house: Volume) => {
      house.lose('desk/list');
      house.snapshot(3);
      house.write('desk/list', 'another list altogether', 4);
    },
  ],
  [
    'a file in whose place a directory is',
    'replaced',
    (house: Volume) => {
      house.lose('desk/list');
      house.silently('desk/list', (raw) => mkdirSync(raw));
      house.snapshot(3);
    },
  ],
])('what was put beside is not offered again: %s', async (_, verdict, act) => {
  const house = Volume.open(catalog, 6);
  house.furnish();
  house.write('desk/list', 'the list of everything '.repeat(20));
  for (let night = 0; night < 3; night++) house.snapshot(night);
  act(house);
  const first = await house.assess(4, { sinceMs: house.nowMs(0) });
  expect(first.assessment.findings.find(({ path }) => path === 'desk/list')?.verdict).toBe(verdict);
  if (first.bundle === null) throw new Error('no bundle');
  expect(house.restore(first.bundle.directory, '--apply')).toMatchObject({ code: 0 });
  const beside = readdirSync(house.at('desk')).filter((name) => name.includes('.rollcall-'));
  expect(beside.length).toBe(1);

  // Not verified yet: what is there speaks for itself.
  const second = await house.assess(4, { sinceMs: house.nowMs(0) });
  const offered = (bundle: typeof second.bundle): unknown => bundle?.lists.filter(({ files }) => files > 0) ?? [];
  expect(offered(second.bundle)).toEqual([]);
  expect((await house.verify(first.bundle.directory, 4)).result).toMatchObject({
    exit: 0,
    counts: { beside: { files: 1 } },
  });
  house.snapshot(5);
  const third = await house.assess(5, { sinceMs: house.nowMs(0) });
  expect(offered(third.bundle)).toEqual([]);
  expect(readdirSync(house.at('desk')).filter((name) => name.includes('.rollcall-'))).toEqual(beside);
});
