// The second scan of a live tree: what it writes, what it reads, and what it must not miss.
import { chmodSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { age, openWorld, remove, settled, touch, truthOf, write } from './world.ts';
import type { World } from './world.ts';
import { at, HOSTILE_NAMES } from '../files/tree.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world.close();
});

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
    quiet = world.directory();
    write(quiet, TREE);
    age(quiet);
    carried = world.directory();
    write(carried, TREE);
    age(carried);
    await settled(quiet, carried);
    await world.scan(quiet);
    await world.scan(carried);
  });

  test('that has not changed is scanned without a row written or a byte read', async () => {
    expect(await world.told(quiet)).toEqual(await truthOf(quiet));
    const before = await world.versions(quiet);
    const totals = await world.scan(quiet);
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
    expect(await world.versions(quiet)).toEqual(before);
  });

  test('reads the one file that changed, and no other', async () => {
    write(carried, { 'a/two.txt': 'TWO TWO' });
    const totals = await world.scan(carried);
    expect(totals).toMatchObject({ filesRead: 1, bytesRead: 7, inserted: 1, changed: 1 });
    expect(await world.told(carried)).toEqual(await truthOf(carried));
  });

  test('reads every byte when told to, and writes no version for it', async () => {
    const totals = await world.scan(quiet, { mode: 'reread' });
    expect(totals).toMatchObject({ filesRead: 6, bytesRead: 22, inserted: 0 });
  });
});

test('a file that was read while it was racy is read again, once its clock has moved on', async () => {
  const tree = world.directory();
  write(tree, { f: 'content' });
  expect(await world.scan(tree)).toMatchObject({ filesRead: 1 });
  expect(await world.scan(tree)).toMatchObject({ filesRead: 1, inserted: 0 });
});

test('a change of mode makes a version that keeps the digest', async () => {
  const tree = world.directory();
  write(tree, { 'd/f': 'content' });
  await world.scan(tree);
  const before = await world.told(tree);
  chmodSync(join(tree, 'd/f'), 0o600);
  expect(await world.scan(tree)).toMatchObject({ inserted: 1, changed: 1, vanished: 0 });
  expect(await world.told(tree)).toEqual(before);
  const versions = (await world.versions(tree)).filter((v) => v.path === 'd/f');
  expect(versions.map((v) => v.digest)).toEqual([versions[0]?.digest, versions[0]?.digest]);
  expect(versions[0]).toMatchObject({ reason: 'c', end: versions[1]?.first });
});

test('a renamed file ends under its old name and begins under its new one', async () => {
  const tree = world.directory();
  write(tree, { 'a/f': 'content', 'b/g': 'other' });
  await world.scan(tree);
  renameSync(join(tree, 'a/f'), join(tree, 'b/f'));
  expect(await world.scan(tree)).toMatchObject({ vanished: 1, found: 1 });
  expect(await world.told(tree)).toEqual(await truthOf(tree));
});

test('a renamed directory takes everything below it along', async () => {
  const tree = world.directory();
  write(tree, { ...TREE, 'keep/x': 'x' });
  await world.scan(tree);
  renameSync(join(tree, 'a'), join(tree, 'b/a'));
  const totals = await world.scan(tree);
  expect(totals).toMatchObject({ vanished: 1, belowGone: 5, found: 6 });
  expect(await world.told(tree)).toEqual(await truthOf(tree));
});

test('a tree that is deleted and then comes back with the same stat is missed nowhere', async () => {
  const tree = world.directory();
  const aside = world.directory();
  write(tree, TREE);
  age(tree);
  await world.scan(tree);
  const whole = await world.told(tree);
  renameSync(join(tree, 'a'), join(aside, 'a'));
  touch(tree, 1_700_000_000);
  expect(await world.scan(tree)).toMatchObject({ vanished: 1, belowGone: 5 });
  expect(await world.told(tree)).toEqual(await truthOf(tree));
  expect(
    await world.rows(
      `select from listing l join root r on r.id = l.root join directory d on d.id = l.directory where r.path = $1 and d.path like 'a%'`,
      tree,
    ),
  ).toEqual([]);
  renameSync(join(aside, 'a'), join(tree, 'a'));
  touch(tree, 1_700_000_000);
  expect(await world.scan(tree)).toMatchObject({ vanished: 0, found: 6 });
  expect(await world.told(tree)).toEqual(whole);
});

test('a directory that becomes a file, and a directory again, ends what lay below it and finds what lies there now', async () => {
  const tree = world.directory();
  write(tree, { 'keep/x': 'x', 'd/f': 'f', 'd/e/g': 'g' });
  await world.scan(tree);
  remove(join(tree, 'd'));
  write(tree, { d: 'now a file' });
  await world.scan(tree);
  expect(await world.told(tree)).toEqual(await truthOf(tree));
  remove(join(tree, 'd'));
  write(tree, { 'd/f': 'f', 'd/e/g': 'g' });
  await world.scan(tree);
  expect(await world.told(tree)).toEqual(await truthOf(tree));
});

test('a file that becomes a symlink, and a directory that becomes a symlink to another, are not followed', async () => {
  const tree = world.directory();
  write(tree, { 'keep/x': 'x', 'keep/y': 'y', f: 'f', 'd/z': 'z' });
  await world.scan(tree);
  remove(join(tree, 'f'), join(tree, 'd'));
  symlinkSync('keep/x', join(tree, 'f'));
  symlinkSync('keep', join(tree, 'd'));
  await world.scan(tree);
  expect(await world.told(tree)).toEqual(await truthOf(tree));
  expect(await world.told(tree)).toMatchObject({ f: 'symlink keep/x', d: 'symlink keep' });
});

test('names that have broken tools are scanned, found again, and end, also where they are directories', async () => {
  const tree = world.directory();
  const count = HOSTILE_NAMES.length;
  for (const [bytes] of HOSTILE_NAMES) {
    mkdirSync(at(tree, bytes));
    for (const [inner] of HOSTILE_NAMES.slice(0, 8))
      writeFileSync(at(tree, Buffer.concat([bytes, Buffer.from('/'), inner])), inner);
  }
  expect(await world.scan(tree)).toMatchObject({ found: count * 9 });
  expect(new Set(Object.keys(await world.told(tree)))).toEqual(
    new Set(
      HOSTILE_NAMES.flatMap(([, outer]) => [
        outer,
        ...HOSTILE_NAMES.slice(0, 8).map(([, inner]) => `${outer}/${inner}`),
      ]),
    ),
  );
  expect(await world.scan(tree)).toMatchObject({ seen: count * 9, inserted: 0 });
  const [last] = HOSTILE_NAMES.at(-1) ?? [];
  for (const [bytes] of HOSTILE_NAMES) if (bytes !== last) rmSync(at(tree, bytes), { recursive: true });
  expect(await world.scan(tree)).toMatchObject({ vanished: count - 1, belowGone: (count - 1) * 8 });
});

test('hard links are read once', async () => {
  const tree = world.directory();
  write(tree, { 'a/f': 'linked content' });
  for (let i = 0; i < 20; i++) linkSync(join(tree, 'a/f'), join(tree, `a/link${i}`));
  expect(await world.scan(tree)).toMatchObject({ files: 21, filesRead: 1, bytesRead: 14 });
  expect(await world.told(tree)).toEqual(await truthOf(tree));
});

test('content that changes in silence is suspect, stays suspect when its mode changes, and is not suspect when it comes back', async () => {
  const tree = world.directory();
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_000);
  await world.scan(tree);
  const good = await world.told(tree);
  write(tree, { f: 'evil' });
  touch(join(tree, 'f'), 1_600_000_000);
  await world.scan(tree);
  expect((await world.told(tree))['f']).toMatch(/suspect$/);
  chmodSync(join(tree, 'f'), 0o600);
  await world.scan(tree);
  expect((await world.told(tree))['f']).toMatch(/suspect$/);
  touch(join(tree, 'f'), 1_600_000_001);
  await world.scan(tree);
  expect((await world.told(tree))['f']).toMatch(/suspect$/);
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_001);
  await world.scan(tree);
  expect(await world.told(tree)).toEqual(good);
});

test('an announced change after a silent one is an ordinary version', async () => {
  const tree = world.directory();
  write(tree, { f: 'good' });
  touch(join(tree, 'f'), 1_600_000_000);
  await world.scan(tree);
  write(tree, { f: 'evil' });
  touch(join(tree, 'f'), 1_600_000_000);
  await world.scan(tree);
  write(tree, { f: 'written anew' });
  await world.scan(tree);
  expect(await world.told(tree)).toEqual(await truthOf(tree));
});

test('many scans leave no descriptor open', async () => {
  const tree = world.directory();
  write(tree, TREE);
  await world.scan(tree);
  const open = (): number => readdirSync('/proc/self/fd').length;
  await world.scan(tree);
  const before = open();
  for (let i = 0; i < 5; i++) {
    write(tree, { [`a/new${i}`]: 'x' });
    remove(join(tree, i % 2 === 0 ? 'b' : 'a/deep'));
    write(tree, TREE);
    await world.scan(tree);
  }
  expect(open()).toBeLessThanOrEqual(before);
});
