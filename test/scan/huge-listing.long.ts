// Directories of more names than a listing in memory holds.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HUGE_ENTRIES } from '../../services/scan/limits.ts';
import { Catalog } from '../support/catalog.ts';
import { age, remove, write } from '../support/tree.ts';
import { actual, before, place, recorded } from './listed-before.ts';

const catalog = await Catalog.forFile(2);

/** A tree with `huge/`, of more names than a listing in memory, as it was scanned. */
async function scannedHuge(): Promise<string> {
  const tree = catalog.directory();
  place(tree);
  mkdirSync(join(tree, 'huge'));
  for (let i = 0; i <= HUGE_ENTRIES; i++) writeFileSync(join(tree, 'huge', `name-${i}`), '');
  age(tree);
  await catalog.scan(tree);
  return tree;
}

test('a name that is unlinked in a directory of more names than a listing in memory leaves it with the time of that', async () => {
  const tree = await scannedHuge();
  const totals = await catalog.scan(
    tree,
    {},
    before(catalog, 'huge', () => rmSync(join(tree, 'huge/name-7'))),
  );
  expect(totals).toMatchObject({ vanished: 1, gaps: 0 });
  expect(await recorded(catalog, tree, 'huge')).toBe(actual(join(tree, 'huge')));
});

test('a directory of more names than a listing in memory is listed again where it moves, and nothing in it stays unsettled', async () => {
  const tree = await scannedHuge();
  // A file goes from a directory that is still to be listed into the huge one, while that is being listed.
  const totals = await catalog.scan(
    tree,
    {},
    before(catalog, 'huge', () => {
      rmSync(join(tree, 'huge/name-8'));
      execFileSync('mv', [join(tree, 'd/f'), join(tree, 'huge/f')]);
    }),
  );
  expect(totals).toMatchObject({ vanished: 2, gaps: 0 });
  const told = await catalog.told(tree);
  expect(told['huge/f']).toMatch(/^file 1 /);
  expect(told).not.toHaveProperty('huge/name-8');
});
test('a directory longer than a listing that is held in memory is scanned in chunks: found, unchanged, changed, and with some gone', async () => {
  const tree = catalog.directory();
  const count = HUGE_ENTRIES + 2_000;
  write(tree, { 'beside/f': 'f', 'huge/sub/deep/f': 'deep', 'huge/with content': 'content' });
  for (let i = 0; i < count; i++) writeFileSync(join(tree, 'huge', `name-${i}`), '');
  const known = count + 7;
  expect(await catalog.scan(tree)).toMatchObject({ found: known, gaps: 0 });
  expect(await catalog.scan(tree)).toMatchObject({ seen: known, inserted: 0, vanished: 0, gaps: 0 });
  for (let i = 100; i < 110; i++) rmSync(join(tree, 'huge', `name-${i}`));
  write(tree, { 'huge/name-7': 'no longer empty' });
  remove(join(tree, 'huge/sub/deep/f'));
  // The file, its directory, the huge one and the one that lost its only file.
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 11, changed: 3, gaps: 0 });
  const told = await catalog.told(tree);
  expect(Object.keys(told)).toHaveLength(known - 11);
  expect(told['huge/name-7']).toMatch(/^file 15 /);
  expect(told).not.toHaveProperty('huge/name-100');
});
