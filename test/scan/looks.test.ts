// What a content looks like is recorded when it is read, and goes wherever its digest goes.
import { chmodSync, cpSync, linkSync, mkdirSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LARGE_FILE_BYTES } from '../../services/scan/limits.ts';
import { Catalog } from '../support/catalog.ts';
import { age, settled, touch, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

/** The looks of every file that the newest complete scan knows, by path. */
async function looks(name: string): Promise<Record<string, unknown>> {
  const found = await catalog.rows(
    `select d.path || '/' || m.name as path, m.zero_from from volume v join root r on r.volume = v.id
       join lateral (select max(seq) as seq from scan s where s.volume = v.id and s.state = 'complete') n on true
       join lateral manifest(r.id, n.seq) m on true join directory d on d.id = m.directory join attribute a on a.id = m.attribute
      where v.name = $1 and a.kind = 'file' order by 1`,
    name,
  );
  return Object.fromEntries(found.map((row) => [row['path'], row['zero_from']]));
}

function grow(path: string, size: number): void {
  truncateSync(path, size);
}

const LOOKS = {
  'd/cut': 4n,
  'd/empty': 0n,
  'd/large': 4n,
  'd/text': 4n,
  'd/zeros': 0n,
};

/** Files that look so. */
function place(tree: string): void {
  write(tree, { 'd/cut': 'text', 'd/empty': '', 'd/large': 'text', 'd/text': 'text', 'd/zeros': '' });
  grow(join(tree, 'd/cut'), 10_000);
  grow(join(tree, 'd/large'), LARGE_FILE_BYTES + 1);
  grow(join(tree, 'd/zeros'), 10_000);
  age(tree);
}

test('zeros, zeros at the end, and empty are told apart, also in files with a shard of their own', async () => {
  const tree = catalog.directory();
  place(tree);
  await settled(tree);
  await catalog.scan(tree);
  expect(await looks(tree)).toEqual(LOOKS);
  // A change of mode makes versions that nobody reads: they have what the digest tells of them.
  for (const path of Object.keys(LOOKS)) chmodSync(join(tree, path), 0o600);
  await settled(tree);
  expect(await catalog.scan(tree)).toMatchObject({ changed: 5 });
  expect(await catalog.scan(tree)).toMatchObject({ changed: 0, filesRead: 0 });
  expect(await looks(tree)).toEqual(LOOKS);
});

test('what one name of an inode has told, the others know', async () => {
  const tree = catalog.directory();
  write(tree, { 'd/a': 'text' });
  grow(join(tree, 'd/a'), 10_000);
  linkSync(join(tree, 'd/a'), join(tree, 'd/b'));
  linkSync(join(tree, 'd/a'), join(tree, 'd/c'));
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 1 });
  expect(await looks(tree)).toEqual({ 'd/a': 4n, 'd/b': 4n, 'd/c': 4n });
});

test('snapshots of hard links carry it, also into one that comes late, and what is not read has none', async () => {
  const base = catalog.directory();
  const night = (day: number): string => join(base, `2024-05-0${day}`);
  mkdirSync(night(1));
  place(night(1));
  for (const day of [2, 3]) cpSync(night(1), night(day), { recursive: true, preserveTimestamps: true });
  await settled(base);
  const pattern = join(base, '*');
  const late = catalog.directory();
  renameSync(night(2), join(late, 'aside'));
  await catalog.scanSnapshots(pattern);
  expect(await looks(pattern)).toEqual(LOOKS);
  // Another content under the same names, so that the versions are cut in two: a part whose copy nobody read knows
  // nothing.
  renameSync(join(late, 'aside'), night(2));
  for (const path of Object.keys(LOOKS)) touch(join(night(2), path), 1_650_000_000);
  await catalog.scanSnapshots(pattern);
  expect(await looks(pattern)).toEqual(LOOKS);
  const contradictions = await catalog.rows(
    `select v.name from version v join root r on r.id = v.root join volume o on o.id = r.volume
      where o.name = $1 and (v.digest is null) <> (v.zero_from is null)`,
    pattern,
  );
  expect(contradictions).toEqual([]);
  const [{ unread } = {}] = await catalog.rows(
    `select count(*)::int as unread from version v join root r on r.id = v.root join volume o on o.id = r.volume where o.name = $1 and v.zero_from is null and v.size is not null`,
    pattern,
  );
  expect(unread).toBeGreaterThan(0);
});

test('what an aborted scan has read is known to the next one', async () => {
  const tree = catalog.directory();
  const aside = catalog.directory();
  write(tree, { f: 'f' });
  await catalog.scan(tree);
  renameSync(join(tree, 'f'), join(aside, 'f'));
  place(tree);
  await settled(tree);
  await expect(catalog.scan(tree)).rejects.toMatchObject({ exit: 4 });
  renameSync(join(aside, 'f'), join(tree, 'f'));
  touch(tree, 1_700_000_000);
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 1 });
  expect(await looks(tree)).toEqual({ '/f': 1n, ...LOOKS });
});

test('what was read before looks were recorded gets them when it is read again', async () => {
  const tree = catalog.directory();
  place(tree);
  await settled(tree);
  await catalog.scan(tree);
  await catalog.rows(
    'update packed_version v set zero_from = -1 from root r join volume o on o.id = r.volume where v.root = r.id and o.name = $1',
    tree,
  );
  await catalog.scan(tree);
  expect(new Set(Object.values(await looks(tree)))).toEqual(new Set([null]));
  expect(await catalog.scan(tree, { mode: 'reread' })).toMatchObject({ filesRead: 5, inserted: 0 });
  expect(await looks(tree)).toEqual(LOOKS);
});
