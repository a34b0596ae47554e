// The live tree of the demo under its owner's hands: every change moves the times that it would move, at the simulated
// hour.
import {
  chmodSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import type { Random } from './random.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const WORDS =
  'the school of a small town keeps its essays timetables letters and photographs on one volume and every night a copy is taken of them all'.split(
    ' ',
  );

/** Text of about `size` bytes that no other call gives again. */
export function prose(random: Random, size: number): Buffer {
  const words: string[] = [`${random.below(2 ** 31)}`];
  for (let length = 0; length < size; length += (words.at(-1) ?? '').length + 1) words.push(random.pick(WORDS));
  return Buffer.from(`${words.join(' ')}\n`);
}

/** Changes as people make them and as storage makes them. Paths are below the root, raw. */
export interface LiveTree {
  readonly root: string;
  readonly files: ReadonlySet<string>;
  readonly directory: (path: string, owner: Owner, atMs: number) => void;
  readonly create: (path: string, content: Buffer, owner: Owner, atMs: number) => void;
  readonly symlink: (path: string, target: string, owner: Owner, atMs: number) => void;
  readonly link: (path: string, to: string, atMs: number) => void;
  readonly edit: (path: string, content: Buffer, atMs: number) => void;
  /** Another mode: a backup by rsync takes a copy of its own for it. */
  readonly mode: (path: string, mode: number) => void;
  readonly rename: (from: string, to: string, atMs: number) => void;
  /** As a person deletes: the directory's time moves. */
  readonly remove: (path: string, atMs: number) => void;
  /** As storage loses: no time moves. */
  readonly lose: (path: string) => void;
  readonly loseDirectory: (path: string) => void;
  /** Other bytes under the same size and times, as a bad disk or a bad cable gives them. */
  readonly rot: (path: string, content: Buffer) => void;
  /** Gives every directory the time of its last change by somebody: writing moved it to now. */
  readonly settle: () => void;
}

/** Makes the root, and knows from then on what lies below it and when each directory was last changed by somebody. */
export function liveTree(root: string, atMs: number): LiveTree {
  const asRoot = process.getuid?.() === 0;
  const files = new Set<string>();
  const directories = new Map([['', atMs]]);
  const at = (path: string): string => (path === '' ? root : `${root}/${path}`);
  const own = (path: string, owner: Owner): void => {
    if (asRoot) lchownSync(at(path), owner.uid, owner.gid);
  };
  const stamp = (path: string, ms: number): void => {
    const seconds = Math.floor(ms / 1000);
    lutimesSync(at(path), seconds, seconds);
  };
  const touched = (path: string, ms: number): void => {
    directories.set(parent(path), ms);
  };
  const lose = (path: string): void => {
    unlinkSync(at(path));
    files.delete(path);
  };
  mkdirSync(root, { recursive: true });
  return {
    root,
    files,
    directory(path, owner, ms) {
      mkdirSync(at(path));
      own(path, owner);
      touched(path, ms);
      directories.set(path, ms);
    },
    create(path, content, owner, ms) {
      writeFileSync(at(path), content, { flag: 'wx', mode: 0o640 });
      own(path, owner);
      stamp(path, ms);
      files.add(path);
      touched(path, ms);
    },
    symlink(path, target, owner, ms) {
      symlinkSync(target, at(path));
      own(path, owner);
      stamp(path, ms);
      touched(path, ms);
    },
    link(path, to, ms) {
      linkSync(at(to), at(path));
      files.add(path);
      touched(path, ms);
    },
    edit(path, content, ms) {
      writeFileSync(at(path), content);
      stamp(path, ms);
    },
    mode(path, mode) {
      chmodSync(at(path), mode);
    },
    rename(from, to, ms) {
      renameSync(at(from), at(to));
      files.delete(from);
      files.add(to);
      touched(from, ms);
      touched(to, ms);
    },
    remove(path, ms) {
      lose(path);
      touched(path, ms);
    },
    lose,
    loseDirectory(path) {
      rmdirSync(at(path));
      directories.delete(path);
    },
    rot(path, content) {
      const { mtimeMs, size } = lstatSync(at(path));
      if (content.length !== size) throw new Error('rot keeps the size');
      writeFileSync(at(path), content);
      stamp(path, mtimeMs);
    },
    settle() {
      for (const [path, ms] of directories) stamp(path, ms);
    },
  };
}

export function parent(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
