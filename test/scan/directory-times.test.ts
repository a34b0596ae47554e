// The mtime of a directory is evidence of how a name went: what a scan records is never older than what its listing of
// the directory shows.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Catalog } from '../support/catalog.ts';
import { age, truthOf } from '../support/tree.ts';
import { actual, before, place, recorded } from './listed-before.ts';

const catalog = await Catalog.forFile(2);

describe('a name that is unlinked after the parent of its directory was listed', () => {
  test('leaves its directory with the time of that', async () => {
    const tree = catalog.directory();
    place(tree);
    await catalog.scan(tree);
    const totals = await catalog.scan(
      tree,
      {},
      before(catalog, 'd', () => rmSync(join(tree, 'd/f'))),
    );
    expect(totals).toMatchObject({ vanished: 1, gaps: 0 });
    expect(await recorded(catalog, tree, 'd')).toBe(actual(join(tree, 'd')));
    expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, changed: 0, inserted: 0 });
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('does so in a first scan, which adds the directory itself', async () => {
    const tree = catalog.directory();
    place(tree);
    await catalog.scan(
      tree,
      {},
      before(catalog, 'd', () => rmSync(join(tree, 'd/f'))),
    );
    expect(await recorded(catalog, tree, 'd')).toBe(actual(join(tree, 'd')));
    expect(await catalog.told(tree)).toEqual(truthOf(tree));
  });

  test('is unsettled in a snapshot: somebody is at work there', async () => {
    const base = catalog.directory();
    const pattern = join(base, '*');
    place(join(base, '2024-05-01'));
    await catalog.scanSnapshots(pattern);
    place(join(base, '2024-05-02'));
    const newest = await catalog.scanSnapshots(
      pattern,
      {},
      before(catalog, 'd', () => rmSync(join(base, '2024-05-02', 'd/g'))),
    );
    expect(newest.totals.at(-1)).toMatchObject({ vanished: 0, unknown: 1 });
    expect(await catalog.gaps(pattern)).toEqual(['d/g unsettled']);
  });
});

test('a late snapshot that is being filled while it is scanned is no proof of what it lacks', async () => {
  const base = catalog.directory();
  const pattern = join(base, '*');
  for (const day of ['2024-05-01', '2024-05-03']) place(join(base, day));
  await catalog.scanSnapshots(pattern);
  const late = join(base, '2024-05-02');
  execFileSync('cp', ['-a', join(base, '2024-05-01'), late]);
  rmSync(join(late, 'd/f'));
  age(late);
  const { totals } = await catalog.scanSnapshots(
    pattern,
    {},
    // It was listed when its last directory is: what comes to the first one then is met by nobody.
    before(catalog, 'beside69', () => writeFileSync(join(late, 'beside0', 'arrives'), 'late')),
  );
  expect(totals[0]).toMatchObject({ vanished: 0, unknown: 1 });
  const ends = (await catalog.versions(pattern)).filter((version) => version.path === 'd/f');
  expect(ends.map(({ end }) => end)).toEqual([null]);
  // The next scan of the newest state compares itself with that, and not with the late one.
  execFileSync('cp', ['-a', join(base, '2024-05-03'), join(base, '2024-05-04')]);
  expect((await catalog.scanSnapshots(pattern)).totals.at(-1)).toMatchObject({ vanished: 0, gaps: 0 });
  expect(await catalog.told(pattern)).toEqual(truthOf(join(base, '2024-05-04')));
  const left = await catalog.rows(
    `select l.seq from listing l join scan_root p on p.root = l.root and p.path = $1 join scan s on s.id = p.scan and s.seq = l.seq`,
    late,
  );
  expect(left).toEqual([]);
});
