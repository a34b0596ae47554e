// What is too long for one listing in memory, and what is too large to be read in passing.
import { appendFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HUGE_ENTRIES, LARGE_FILE_BYTES } from '../../services/scan/limits.ts';
import { Catalog } from '../support/catalog.ts';
import { remove, settled, touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

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
}, 240_000);

test('large files are read by shards of their own: found, carried, changed, and gone', async () => {
  const tree = catalog.directory();
  write(tree, { 'd/small': 's', 'd/large': 'begins', 'e/other': 'also' });
  for (const name of ['d/large', 'e/other']) truncateSync(join(tree, name), LARGE_FILE_BYTES);
  await settled(tree);
  expect(await catalog.scan(tree)).toMatchObject({
    found: 5,
    files: 3,
    filesRead: 3,
    bytesRead: 2 * LARGE_FILE_BYTES + 1,
  });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 0, inserted: 0 });
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 0, inserted: 0 });
  appendFileSync(join(tree, 'd/large'), 'more');
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 1, changed: 1, bytesRead: LARGE_FILE_BYTES + 4 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  remove(join(tree, 'd/large'));
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 1 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a large file that flips in silence is suspect, and not when its bytes come back', async () => {
  const tree = catalog.directory();
  const path = join(tree, 'large');
  const make = (text: string): void => {
    write(tree, { large: text });
    truncateSync(path, LARGE_FILE_BYTES);
    touch(path, 1_600_000_000);
  };
  make('good');
  await catalog.scan(tree);
  const good = await catalog.told(tree);
  make('evil');
  await catalog.scan(tree);
  expect((await catalog.told(tree))['large']).toMatch(/suspect$/);
  make('good');
  utimesSync(path, 1_600_000_000, 1_600_000_000);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(good);
});
