// The second scan of a live tree: what it writes, what it reads, and what it must not miss.
import { chmodSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { Catalog } from '../support/catalog.ts';
import { age, remove, settled, touch, truthOf, write, at, HOSTILE_NAMES } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

const TREE = {
  'top.txt': 'top',
  'a/one.txt': 'one',
  'a/two.txt': 'two two',
  'a/deep/er/three.txt': 'three',
  'b/four.txt': 'four',
  'b/empty': '',
};

describe('a settled tree', () => {
  let quiet: string;
  let carried: string;

  beforeAll(async () => {
    quiet = catalog.directory();
    write(quiet, TREE);
    age(quiet);
    carried = catalog.directory();
    write(carried, TREE);
    age(carried);
    await settled(quiet, carried);
    await catalog.scan(quiet);
    await catalog.scan(carried);
  });

  test('that has not changed is scanned without a row written or a byte read', async () => {
    expect(await catalog.told(quiet)).toEqual(truthOf(quiet));
    const before = await catalog.versions(quiet);
    const totals = await catalog.scan(quiet);
    expect(totals).toMatchObject({
      known: 10,
      seen: 10,
      found: 0,
      changed: 0,
      vanished: 0,
      filesRead: 0,
      bytesRead: 0,
      inserted: 0,
      files: 6,
      bytes: 22,
    });
    expect(await catalog.versions(quiet)).toEqual(before);
  });

  test('reads the one file that changed, and no other', async () => {
    write(carried, { 'a/two.txt': 'TWO TWO' });
    const totals = await catalog.scan(carried);
    expect(totals).toMatchObject({ filesRead: 1, bytesRead: 7, inserted: 1, changed: 1 });
    expect(await catalog.told(carried)).toEqual(truthOf(carried));
  });

  test('reads every byte when told to, and writes no version for it', async () => {
    const totals = await catalog.scan(quiet, { mode: 'reread' });
    expect(totals).toMatchObject({ filesRead: 6, bytesRead: 22, inserted: 0 });
  });
});

test('a file that was read while it was racy is read again, once its clock has moved on', async () => {
  const tree = catalog.directory();
  write(tree, { f: 'content' });
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 1 });
  expect(await catalog.scan(tree)).toMatchObject({ filesRead: 1, inserted: 0 });
});

test('a change of mode makes a version that keeps the digest', async () => {
  const tree = catalog.directory();
  write(tree, { 'd/f': 'content' });
  await catalog.scan(tree);
  const before = await catalog.told(tree);
  chmodSync(join(tree, 'd/f'), 0o600);
  expect(await catalog.scan(tree)).toMatchObject({ inserted: 1, changed: 1, vanished: 0 });
  expect(await catalog.told(tree)).toEqual(before);
  const versions = (await catalog.versions(tree)).filter((v) => v.path === 'd/f');
  expect(versions.map((v) => v.digest)).toEqual([versions[0]?.digest, versions[0]?.digest]);
  expect(versions[0]).toMatchObject({ reason: 'c', end: versions[1]?.first });
});

test('a renamed file ends under its old name and begins under its new one', async () => {
  const tree = catalog.directory();
  write(tree, { 'a/f': 'content', 'b/g': 'other' });
  await catalog.scan(tree);
  renameSync(join(tree, 'a/f'), join(tree, 'b/f'));
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 1, found: 1 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a renamed directory takes everything below it along', async () => {
  const tree = catalog.directory();
  write(tree, { ...TREE, 'keep/x': 'x' });
  await catalog.scan(tree);
  renameSync(join(tree, 'a'), join(tree, 'b/a'));
  const totals = await catalog.scan(tree);
  expect(totals).toMatchObject({ vanished: 1, belowGone: 5, found: 6 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a tree that is deleted and then comes back with the same stat is missed nowhere', async () => {
  const tree = catalog.directory();
  const aside = catalog.directory();
  write(tree, TREE);
  age(tree);
  await catalog.scan(tree);
  const whole = await catalog.told(tree);
  renameSync(join(tree, 'a'), join(aside, 'a'));
  touch(tree, 1_700_000_000);
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 1, belowGone: 5 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(
    await catalog.rows(
      `select from listing l join root r on r.id = l.root join directory d on d.id = l.directory where r.path = $1 and d.path like 'a%'`,
      tree,
    ),
  ).toEqual([]);
  renameSync(join(aside, 'a'), join(tree, 'a'));
  touch(tree, 1_700_000_000);
  expect(await catalog.scan(tree)).toMatchObject({ vanished: 0, found: 6 });
  expect(await catalog.told(tree)).toEqual(whole);
});

test('a directory that becomes a file, and a directory again, ends what lay below it and finds what lies there now', async () => {
  const tree = catalog.directory();
  write(tree, { 'keep/x': 'x', 'd/f': 'f', 'd/e/g': 'g' });
  await catalog.scan(tree);
  remove(join(tree, 'd'));
  write(tree, { d: 'now a file' });
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  remove(join(tree, 'd'));
  write(tree, { 'd/f': 'f', 'd/e/g': 'g' });
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('a file that becomes a symlink, and a directory that becomes a symlink to another, are not followed', async () => {
  const tree = catalog.directory();
  write(tree, { 'keep/x': 'x', 'keep/y': 'y', f: 'f', 'd/z': 'z' });
  await catalog.scan(tree);
  remove(join(tree, 'f'), join(tree, 'd'));
  symlinkSync('keep/x', join(tree, 'f'));
  symlinkSync('keep', join(tree, 'd'));
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
  expect(await catalog.told(tree)).toMatchObject({ f: 'symlink keep/x', d: 'symlink keep' });
});

test('names that have broken tools are scanned, found again, and end, also where they are directories', async () => {
  const tree = catalog.directory();
  const count = HOSTILE_NAMES.length;
  for (const [bytes] of HOSTILE_NAMES) {
    mkdirSync(at(tree, bytes));
    for (const [inner] of HOSTILE_NAMES.slice(0, 8))
      writeFileSync(at(tree, Buffer.concat([bytes, Buffer.from('/'), inner])), inner);
  }
  expect(await catalog.scan(tree)).toMatchObject({ found: count * 9 });
  expect(new Set(Object.keys(await catalog.told(tree)))).toEqual(
    new Set(
      HOSTILE_NAMES.flatMap(([, outer]) => [
        outer,
        ...HOSTILE_NAMES.slice(0, 8).map(([, inner]) => `${outer}/${inner}`),
      ]),
    ),
  );
  expect(await catalog.scan(tree)).toMatchObject({ seen: count * 9, inserted: 0 });
  const [last] = HOSTILE_NAMES.at(-1) ?? [];
  for (const [bytes] of HOSTILE_NAMES) if (bytes !== last) rmSync(at(tree, bytes), { recursive: true });
  expect(await catalog.scan(tree)).toMatchObject({ vanished: count - 1, belowGone: (count - 1) * 8 });
});

test('hard links are read once', async () => {
  const tree = catalog.directory();
  write(tree, { 'a/f': 'linked content' });
  for (let i = 0; i < 20; i++) linkSync(join(tree, 'a/f'), join(tree, `a/link${i}`));
  expect(await catalog.scan(tree)).toMatchObject({ files: 21, filesRead: 1, bytesRead: 14 });
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('content that changes in silence is suspect, stays suspect when its mode changes, and is not suspect when it comes back', async () => {
  const tree = catalog.directory();
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_000);
  await catalog.scan(tree);
  const good = await catalog.told(tree);
  write(tree, { f: 'evil' });
  touch(join(tree, 'f'), 1_600_000_000);
  await catalog.scan(tree);
  expect((await catalog.told(tree))['f']).toMatch(/suspect$/);
  chmodSync(join(tree, 'f'), 0o600);
  await catalog.scan(tree);
  expect((await catalog.told(tree))['f']).toMatch(/suspect$/);
  touch(join(tree, 'f'), 1_600_000_001);
  await catalog.scan(tree);
  expect((await catalog.told(tree))['f']).toMatch(/suspect$/);
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_001);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(good);
});

test('an announced change after a silent one is an ordinary version', async () => {
  const tree = catalog.directory();
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_000);
  await catalog.scan(tree);
  write(tree, { f: 'evil' });
  touch(join(tree, 'f'), 1_600_000_000);
  await catalog.scan(tree);
  write(tree, { f: 'written anew' });
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual(truthOf(tree));
});

test('many scans leave no descriptor open', async () => {
  const tree = catalog.directory();
  write(tree, TREE);
  await catalog.scan(tree);
  const open = (): number => readdirSync('/proc/self/fd').length;
  await catalog.scan(tree);
  const before = open();
  for (let i = 0; i < 5; i++) {
    write(tree, { [`a/new${i}`]: 'x' });
    remove(join(tree, i % 2 === 0 ? 'b' : 'a/deep'));
    write(tree, TREE);
    await catalog.scan(tree);
  }
  expect(open()).toBeLessThanOrEqual(before);
});
