// Directories in columns: the names as the kernel wrote them, whatever they are and however many.
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { compareBytes } from '../../domain/path.ts';
import { Columns, type ListedRange } from '../../services/files/columns.ts';
import { hashOf } from '../../services/files/name-hash.ts';
import type { Directory } from '../../services/files/directory.ts';
import { openRoot } from '../../services/files/open-directory.ts';
import { at, HOSTILE_NAMES, temporaryDirectory } from '../support/tree.ts';

function opened(path: string): Directory {
  const directory = openRoot(path);
  onTestFinished(() => directory.close());
  return directory;
}

function listed(columns: Columns, directory: Directory, namesMax = 1_000_000): ListedRange {
  directory.rewind();
  return columns.list(directory, namesMax, () => undefined);
}

function namesIn(columns: Columns, { from, to }: ListedRange): string[] {
  return Array.from({ length: to - from }, (_, index) => columns.name(from + index));
}

test('every hostile name is listed once, and looked up by its bytes', () => {
  const root = temporaryDirectory();
  for (const [bytes, text] of HOSTILE_NAMES) writeFileSync(at(root, bytes), text);
  const columns = new Columns();
  const directory = opened(root);
  const range = listed(columns, directory);
  expect(range).toEqual({ from: 0, to: HOSTILE_NAMES.length, duplicates: 0, ended: true });
  expect(namesIn(columns, range).sort(compareBytes)).toEqual(HOSTILE_NAMES.map(([, text]) => text).sort(compareBytes));
  for (let index = 0; index < range.to; index++) {
    const name = columns.name(index);
    expect(columns.lookUp(directory, index)).toBe(0);
    expect(columns.stat(index, name)).toEqual(directory.lstat(name));
  }
});

test('several directories stand behind one another, and what came since a mark can be taken back', () => {
  const root = temporaryDirectory();
  mkdirSync(`${root}/a`);
  mkdirSync(`${root}/b`);
  for (const name of ['x', 'y']) writeFileSync(`${root}/a/${name}`, name);
  symlinkSync('target', `${root}/b/x`);
  const columns = new Columns();
  const first = listed(columns, opened(`${root}/a`));
  const mark = columns.mark();
  const b = opened(`${root}/b`);
  const second = listed(columns, b);
  expect(second).toMatchObject({ from: 2, to: 3 });
  columns.readTarget(b, 2);
  expect(columns.target(2)).toBe('target');
  columns.back(mark);
  expect(columns.count).toBe(2);
  expect(namesIn(columns, first).sort()).toEqual(['x', 'y']);
  writeFileSync(`${root}/b/later`, '');
  expect(listed(columns, b)).toMatchObject({ from: 2, to: 4 });
  expect([columns.target(2), columns.target(3)]).toEqual([null, null]);
});

test('as many names as outgrow every column are all there, in parts too, and later directories are as before', () => {
  const root = temporaryDirectory();
  mkdirSync(`${root}/many`);
  mkdirSync(`${root}/few`);
  for (let at = 0; at < 20_000; at++) writeFileSync(`${root}/many/name-${at}`, '');
  writeFileSync(`${root}/few/one`, '12345');
  const columns = new Columns();
  const many = opened(`${root}/many`);
  const all = listed(columns, many);
  expect(new Set(namesIn(columns, all))).toEqual(new Set(readdirSync(`${root}/many`)));
  expect(columns.lookUp(many, 19_999)).toBe(0);
  many.rewind();
  const names = new Set<string>();
  for (let ended = false; !ended; ) {
    columns.reset();
    const part = columns.list(many, 1_000, () => undefined);
    for (const name of namesIn(columns, part)) names.add(name);
    ({ ended } = part);
  }
  expect(names.size).toBe(20_000);
  columns.reset();
  const few = opened(`${root}/few`);
  expect(namesIn(columns, listed(columns, few))).toEqual(['one']);
  expect(columns.lookUp(few, 0)).toBe(0);
  expect(columns.stat(0, 'one').size).toBe(5);
});

/** What FNV-1a begins with where it is not a secret. */
const OFFSET_BASIS = 0x811c_9dc5;

/** Names that FNV-1a gives one hash: each is made of either of two words of equal hash, at each of its places. */
function colliding(places: number): string[] {
  let names = [''];
  let state = OFFSET_BASIS;
  for (let place = 0; place < places; place++) {
    const words = new Map<number, string>();
    for (let number = 0; ; number++) {
      const word = (Math.imul(number, 0x9e37_79b1) >>> 0).toString(36).padStart(7, '0');
      let hash = state;
      for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x0100_0193);
      const other = words.get(hash);
      words.set(hash, word);
      if (other === undefined) continue;
      names = names.flatMap((name) => [name + word, name + other]);
      state = hash;
      break;
    }
  }
  return names;
}

test('nobody can choose names that make a listing slow: of one hash they are only by the seed that all know', () => {
  const names = colliding(12).map((name) => Buffer.from(name));
  const hashes = (seed: number): number => new Set(names.map((name) => hashOf(name, 0, name.length, seed))).size;
  expect(new Set(names.map(String)).size).toBe(4_096);
  expect(hashes(OFFSET_BASIS)).toBe(1);
  for (const seed of [1, 0x1234_5678, -1]) expect(hashes(seed)).toBeGreaterThan(4_000);
});

test('names are looked at in the order of their inodes, whatever order they are listed in', () => {
  const root = temporaryDirectory();
  for (let at = 0; at < 500; at++) writeFileSync(`${root}/${(at * 7919) % 1_000}-${at}`, '');
  const columns = new Columns();
  const { from, to } = listed(columns, opened(root));
  const inodes = [...columns.inInodeOrder(from, to)].map((index) => statSync(`${root}/${columns.name(index)}`).ino);
  expect(inodes).toEqual([...inodes].sort((a, b) => a - b));
  expect(inodes.length).toBe(500);
});
