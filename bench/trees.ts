// Trees of files that look random and are the same for the same seed: made, changed, damaged, and continued as
// snapshots.
import {
  closeSync,
  futimesSync,
  mkdirSync,
  openSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { random, type Random } from '../services/demo/random.ts';
import { type Ground, make } from './ground.ts';

export interface Tree {
  readonly files: number;
  /** Median size in bytes; sizes are lognormal. */
  readonly medianBytes: number;
  readonly seed: number;
}

const PER_DIRECTORY = 50;
const DIRECTORIES_PER_PARENT = 100;
/** Of the logarithm: the mean is 2.3 times the median. */
const SPREAD = 1.3;
const MEAN_OF_MEDIAN = Math.exp(SPREAD ** 2 / 2);
const SIZE_MAX = 16 * 1024 * 1024;
/** Larger than any file: contents are cut out of it. */
const POOL_BYTES = 2 * SIZE_MAX;
const LARGE_PIECE = 8 * 1024 * 1024;
const YIELD_EVERY = 2_000;
/**
 * What was changed less than two seconds before it was read is read once more; a benchmark of quiet trees waits for
 * that.
 */
const SETTLED_MS = 2_500;
/** 2026-09-01. */
export const LONG_AGO_S = 1_788_220_800;

let poolMade: Buffer | null = null;

function pool(): Buffer {
  if (poolMade !== null) return poolMade;
  const words = new Uint32Array(POOL_BYTES / 4);
  const { unit } = random(1);
  for (let i = 0; i < words.length; i++) words[i] = unit() * 2 ** 32;
  poolMade = Buffer.from(words.buffer);
  return poolMade;
}

/** Where file i of a tree is, below the tree's root. */
export function pathOf(i: number): string {
  const directory = Math.floor(i / PER_DIRECTORY);
  return `part-${Math.floor(directory / DIRECTORIES_PER_PARENT)}/folder-${directory}/document-${i}.txt`;
}

/** What a tree and so many copies of it need, at 4 KB a block. */
export function needsOf({ files, medianBytes }: Tree, copies: number): { bytes: number; inodes: number } {
  const perFile = medianBytes * MEAN_OF_MEDIAN + 3_000;
  return { bytes: files * perFile * copies, inodes: (files + files / PER_DIRECTORY + 1_000) * copies };
}

function sizeOf(medianBytes: number, { unit }: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit());
  return Math.min(SIZE_MAX, Math.max(1, Math.round(medianBytes * Math.exp(SPREAD * normal))));
}

/** No two files are alike: each begins with a number of its own. */
function writeFile(path: string, size: number, mark: number, draws: Random): void {
  const head = Buffer.from(`${mark.toString(36)} `).subarray(0, size);
  const from = draws.below(POOL_BYTES - SIZE_MAX);
  const file = openSync(path, 'w', 0o644);
  writevSync(file, [head, pool().subarray(from, from + size - head.length)]);
  closeSync(file);
}

/** Now and then a moment for signals and timers. */
async function breathe(ground: Ground, i: number): Promise<void> {
  if (i % YIELD_EVERY !== 0) return;
  await sleep(0);
  ground.signal.throwIfAborted();
}

/** Makes the tree with times of long ago. */
export async function makeTree(ground: Ground, root: string, tree: Tree): Promise<void> {
  const draws = random(tree.seed);
  for (let i = 0; i < tree.files; i++) {
    await breathe(ground, i);
    const path = join(root, pathOf(i));
    if (i % PER_DIRECTORY === 0) mkdirSync(join(path, '..'), { recursive: true });
    writeFile(path, sizeOf(tree.medianBytes, draws), i, draws);
    utimesSync(path, LONG_AGO_S, LONG_AGO_S);
  }
}

export function makeOneFile(root: string): void {
  mkdirSync(root);
  writeFileSync(join(root, 'letter.txt'), 'Dear reader\n');
}

export async function makeLargeFiles(ground: Ground, root: string, files: number, bytes: number): Promise<void> {
  mkdirSync(root, { recursive: true });
  const draws = random(files);
  for (let i = 0; i < files; i++) {
    const file = openSync(join(root, `image-${i}.raw`), 'w', 0o644);
    for (let at = 0; at < bytes; at += LARGE_PIECE) {
      await breathe(ground, 0);
      const from = draws.below(POOL_BYTES - LARGE_PIECE);
      writeSync(file, pool(), from, Math.min(LARGE_PIECE, bytes - at));
    }
    futimesSync(file, LONG_AGO_S, LONG_AGO_S);
    closeSync(file);
  }
}

/** One directory with nothing but names. */
export async function makeHugeDirectory(ground: Ground, root: string, files: number): Promise<void> {
  mkdirSync(root, { recursive: true });
  for (let i = 0; i < files; i++) {
    await breathe(ground, i);
    closeSync(openSync(join(root, `message-${i.toString(36)}.eml`), 'w', 0o644));
  }
}

/** The same tree once more, times included. */
export async function copyTree(ground: Ground, from: string, to: string): Promise<void> {
  await make(ground, 'cp', ['-a', '--', from, to]);
}

/** Waits until nothing counts as just changed. */
export async function settled(ground: Ground): Promise<void> {
  await sleep(SETTLED_MS, undefined, { signal: ground.signal });
}

/** One file in a hundred, anywhere in the tree. */
function* onePercent(files: number, draws: Random): Generator<number> {
  for (let i = 0; i < files; i++) if (draws.unit() < 0.01) yield i;
}

/** One file in a hundred gets other content, as somebody who works on it would give it. */
export async function changeOnePercent(ground: Ground, root: string, tree: Tree, seed: number): Promise<void> {
  const draws = random(seed);
  for (const i of onePercent(tree.files, draws)) {
    writeFile(join(root, pathOf(i)), sizeOf(tree.medianBytes, draws), seed * tree.files + i, draws);
  }
  await settled(ground);
}

/** One file in a hundred has other bytes under an unchanged size and time. Answers how many. */
export function rotOnePercent(root: string, tree: Tree, seed: number): number {
  const draws = random(seed);
  let rotten = 0;
  for (const i of onePercent(tree.files, draws)) {
    const path = join(root, pathOf(i));
    const file = openSync(path, 'r+');
    writeSync(file, '\u0000');
    futimesSync(file, LONG_AGO_S, LONG_AGO_S);
    closeSync(file);
    rotten++;
  }
  return rotten;
}

/** The next night: hard links to the one before, and one file in a hundred new. */
export async function nextSnapshot(ground: Ground, snapshots: string, tree: Tree, night: number): Promise<string> {
  const path = join(snapshots, nameOfNight(night));
  await make(ground, 'cp', ['-al', '--', join(snapshots, nameOfNight(night - 1)), path]);
  const draws = random(tree.seed + night);
  for (const i of onePercent(tree.files, draws)) {
    const file = join(path, pathOf(i));
    unlinkSync(file);
    writeFile(file, sizeOf(tree.medianBytes, draws), night * tree.files + i, draws);
    utimesSync(file, LONG_AGO_S + night * DAY_S, LONG_AGO_S + night * DAY_S);
  }
  return path;
}

const DAY_S = 86_400;

export function nameOfNight(night: number): string {
  return new Date((LONG_AGO_S + (night + 1) * DAY_S) * 1000).toISOString().slice(0, 10);
}
