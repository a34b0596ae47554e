// What is too large to be read in passing.
import { appendFileSync, truncateSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LARGE_FILE_BYTES } from '../../services/scan/limits.ts';
import { Catalog } from '../support/catalog.ts';
import { remove, settled, touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

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
