// A volume that is read from its bricks while a rebalance moves files from one to another: a file is what it is on the
// brick that has it now, and what is of two moments is told as such.
import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { evidenceOf } from '../../domain/gluster/evidence.ts';
import { BrickGapError } from '../../services/files/brick-parts.ts';
import { closeFile, type Directory } from '../../services/files/directory.ts';
import { openDirectory, openRoot } from '../../services/files/open-directory.ts';
import { UnionDirectory } from '../../services/files/union-directory.ts';
import { lookAgain } from '../../services/judge/lookup.ts';
import { BrickVolume, setsTrusted } from '../support/brick-volume.ts';
import { temporaryDirectory } from '../support/tree.ts';

const CONTENT = 'what users have\n'.repeat(100);
const FILE = 'd/moved';
const NAME = 'moved';
let made: BrickVolume;
let root: UnionDirectory;
let directory: Directory;

/** The file on one brick, as it was before the rebalance. */
function start(from: 0 | 1): void {
  made.directory('d');
  made.file(FILE, CONTENT, { brick: from });
  made.settle();
}

function open(): void {
  const opened = openRoot(made.live);
  if (!(opened instanceof UnionDirectory)) throw new Error('no volume of bricks');
  root = opened;
  directory = openDirectory(root, 'd');
}

/** The copy that the rebalance writes: marked as a pointer until it is whole. */
function copyTo(brick: 0 | 1): void {
  made.file(FILE, CONTENT, { brick, mode: 0o1000, linkto: `gv-client-${1 - brick}` });
  made.settle();
}

/** The copy is what users see, and of the source a pointer is left. */
function moveTo(brick: 0 | 1): void {
  rmSync(join(made.roots[brick] ?? '', FILE), { force: true });
  made.file(FILE, CONTENT, { brick });
  made.file(FILE, '', { brick: 1 - brick, mode: 0o1000, linkto: `gv-client-${brick}` });
  made.settle();
}

const onBrick = (brick: number): string => join(made.roots[brick] ?? '', FILE);

function content(): string {
  const fd = directory.openFile(NAME);
  try {
    expect(directory.statFile(fd, FILE).size).toBe(CONTENT.length);
    return readFileSync(`/proc/self/fd/${fd}`, 'utf8');
  } finally {
    closeFile(fd);
  }
}

/** What a scan keeps of a name that is not plain. */
function keptOf(name: string): string | null {
  try {
    directory.lstat(name);
  } catch (error) {
    if (error instanceof BrickGapError) return error.kept.detail;
    throw error;
  }
  return null;
}

function names(): string[] {
  const listed: string[] = [];
  directory.list(10, (batch) => listed.push(...batch));
  return listed;
}

/** Does it when the nth brick is asked of the name. */
function atLook(nth: number, does: () => void): void {
  let looks = 0;
  root.bricks.tick = () => {
    if (++looks === nth) does();
  };
}

describe.skipIf(!setsTrusted)('a volume of bricks during a rebalance (root and attr needed)', () => {
  beforeEach(() => {
    made = new BrickVolume(temporaryDirectory('rollcall-moving-'), 2);
    return () => {
      directory.close();
      root.close();
    };
  });

  test.each([
    { left: 'a pointer', removes: false },
    { left: 'nothing', removes: true },
  ])('a file that has moved since it was listed is whole, where $left is left of it', ({ removes }) => {
    start(0);
    open();
    expect(names()).toEqual([NAME]);
    moveTo(1);
    if (removes) rmSync(onBrick(0));
    expect(directory.lstat(NAME)).toMatchObject({ kind: 'file', size: CONTENT.length, mode: 0o644 });
    expect(content()).toBe(CONTENT);
  });

  test('a file that is cut off on the brick that it leaves, while it is read, is no empty file', () => {
    start(0);
    open();
    const fd = directory.openFile(NAME);
    moveTo(1);
    expect(() => directory.statFile(fd, FILE)).toThrow('ESTALE');
    closeFile(fd);
    expect(content()).toBe(CONTENT);
  });

  test.each([
    { left: 'a pointer', removes: false },
    { left: 'nothing', removes: true },
  ])('a copy that became whole after its brick was listed is not hidden, where $left is left', ({ removes }) => {
    start(1);
    copyTo(0);
    open();
    atLook(2, () => {
      moveTo(0);
      if (removes) rmSync(onBrick(1));
    });
    expect(names()).toEqual([NAME]);
    expect(directory.lstat(NAME)).toMatchObject({ kind: 'file', size: CONTENT.length, mode: 0o644 });
  });

  test('a source that is cut off while it is held against its copy contradicts nothing', () => {
    start(0);
    open();
    expect(names()).toEqual([NAME]);
    moveTo(1);
    made.file(FILE, 'not cut off to its end', { brick: 0, mode: 0o1000, linkto: 'gv-client-1' });
    made.settle();
    atLook(3, () => truncateSync(onBrick(0)));
    expect(directory.lstat(NAME)).toMatchObject({ kind: 'file', size: CONTENT.length });
    expect(directory).toBeInstanceOf(UnionDirectory);
    expect(directory instanceof UnionDirectory && directory.said.get(NAME)?.name).toMatchObject({ evidence: [] });
  });

  test('what stays hidden is hidden', () => {
    start(1);
    copyTo(0);
    rmSync(onBrick(1));
    open();
    expect(() => directory.lstat(NAME)).toThrow(expect.objectContaining({ status: 'hidden' }));
  });

  test('a file of which each look says something else is neither there nor gone', () => {
    start(1);
    copyTo(0);
    rmSync(onBrick(1));
    open();
    root.bricks.tick = () => appendFileSync(onBrick(0), 'more');
    expect(names()).toEqual([NAME]);
    expect(() => directory.lstat(NAME)).toThrow(expect.objectContaining({ status: 'unsettled' }));
  });

  test('what was hidden, and is another thing when it is looked at again, has moved', async () => {
    start(1);
    copyTo(0);
    rmSync(onBrick(1));
    open();
    const bricks = evidenceOf(keptOf(NAME));
    if (bricks === null) throw new Error('no evidence');
    const suspected = { path: FILE, seen: null, bricks };
    const look = async (): Promise<unknown> =>
      (await lookAgain({ root: made.live, mark: null }, [suspected])).looks.map(({ outcome }) => outcome);
    expect(await look()).toEqual(['as seen']);
    renameSync(made.roots[1] ?? '', `${made.roots[1]}-away`);
    expect(await look()).toEqual(['as seen']);
    renameSync(`${made.roots[1]}-away`, made.roots[1] ?? '');
    appendFileSync(onBrick(0), 'more');
    expect(await look()).toEqual(['moved']);
    rmSync(onBrick(0));
    expect(await look()).toEqual(['moved']);
  });

  test('a brick whose directory is gone proves no absence', async () => {
    start(0);
    open();
    const suspected = { path: FILE, seen: null };
    renameSync(made.roots[0] ?? '', `${made.roots[0]}-away`);
    const { looks } = await lookAgain({ root: made.live, mark: null }, [suspected]);
    expect(looks).toEqual([{ outcome: 'moved', errno: 'EHOSTDOWN', asked: suspected }]);
  });
});
