// Looking at and reading one copy below a root, without following a symlink on the way: sources, what lies in the way,
// and what was restored.
import { createHash } from 'node:crypto';
import { fstatSync, readSync } from 'node:fs';
import { isAbsent } from '../../domain/errno.ts';
import type { State } from '../../domain/assessment.ts';
import { baseName, parentOf } from '../../domain/path.ts';
import { closeFile, type Directory } from '../files/directory.ts';
import { openDirectory, openRoot } from '../files/open-directory.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { hex } from '../../domain/digest.ts';
import { type Hasher } from '../files/hash.ts';
import { ListedNames } from '../files/listed-names.ts';
import { lookUpRule, mountOf, readMounts } from '../files/mounts.ts';
import { paced } from '../process/pace.ts';
import { readContent } from '../files/read.ts';
import type { Stat } from '../files/stat.ts';

const READ_ATTEMPTS = 3;
const NAMES_BATCH = 10_000;
const SHA_BUFFER_BYTES = 1024 * 1024;

/** What lies at a path now. blocked: a symlink or something else stands where one of its directories should be. */
export type Look =
  | { readonly is: 'there'; readonly stat: Stat; readonly state: State }
  | { readonly is: 'absent' }
  | { readonly is: 'blocked' }
  | { readonly is: 'unreadable'; readonly errno: string };

/**
 * One root held open, and the directory below it that was asked last: paths come sorted. Whoever opens it closes it.
 */
export class Copies {
  readonly #root: Directory;
  readonly #hasher: Hasher;
  readonly #now: () => number;
  /** Where no absent name is looked up, listings say what is there: they are made once. */
  readonly #mayLookUp: (directory: string) => boolean;
  readonly #listed: ListedNames;
  #path: string | null = null;
  #directory: Directory | null = null;

  constructor(root: string, hasher: Hasher, now: () => number) {
    const mounts = readMounts();
    this.#mayLookUp = lookUpRule(root, mountOf(root, mounts), mounts);
    this.#root = openRoot(root);
    this.#listed = new ListedNames(this.#root);
    this.#hasher = hasher;
    this.#now = now;
  }

  close(): void {
    this.#directory?.close();
    this.#directory = null;
    this.#path = null;
    this.#root.close();
  }

  #open(path: string): Directory {
    if (this.#directory !== null && this.#path === path) return this.#directory;
    this.#directory?.close();
    this.#directory = null;
    this.#directory = openDirectory(this.#root, path);
    this.#path = path;
    return this.#directory;
  }

  /** lstat of a printable path below the root; '' is the root. The digest of the state is null: nothing is read. */
  look(path: string): Look {
    if (path === '') return { is: 'there', stat: this.#root.restat(), state: stateOf(this.#root.restat(), null) };
    try {
      if (!this.#mayLookUp(parentOf(path)) && !this.#listed.has(path)) return { is: 'absent' };
      const directory = this.#open(parentOf(path));
      const stat = directory.statIfThere(baseName(path));
      if (stat === null) return { is: 'absent' };
      const target = stat.kind === 'symlink' ? directory.readlink(baseName(path)) : null;
      return { is: 'there', stat, state: stateOf(stat, target) };
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      // A directory on the way that is not there makes the name absent; one that is something else blocks it.
      if (errno === 'ENOTDIR' || errno === 'ELOOP') return { is: 'blocked' };
      return isAbsent(errno) ? { is: 'absent' } : { is: 'unreadable', errno };
    }
  }

  /** All names of a directory, printable; none where it cannot be listed. */
  names(path: string): string[] {
    const all: string[] = [];
    try {
      const directory = path === '' ? this.#root : this.#open(path);
      directory.list(NAMES_BATCH, (names) => void all.push(...names));
    } catch (error) {
      if (errnoOf(error) === null) throw error;
      return [];
    }
    return all;
  }

  /** look(), and for a regular file its content too. 'CHANGED' as errno: it moved while it was read. */
  read(path: string, onBytes: (bytes: number) => void = () => {}): Look {
    const look = this.look(path);
    if (look.is !== 'there' || look.stat.kind !== 'file') return look;
    const reader = { hasher: this.#hasher, onProgress: onBytes, nowMs: this.#now };
    const result = readContent(reader, this.#open(parentOf(path)), baseName(path), { attempts: READ_ATTEMPTS });
    if (!result.ok) return { is: 'unreadable', errno: result.errno ?? 'CHANGED' };
    return { is: 'there', stat: result.stat, state: { ...stateOf(result.stat, null), digest: hex(result.digest) } };
  }

  /**
   * SHA-256 in 64 hex digits of a regular file that is still the one of `seen`; null when it cannot be read or is
   * another one.
   */
  sha256(path: string, seen: Stat): string | null {
    let fd: number;
    try {
      fd = this.#open(parentOf(path)).openFile(baseName(path));
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(SHA_BUFFER_BYTES);
      for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) {
        hash.update(buffer.subarray(0, got));
        paced(got);
      }
      const after = fstatSync(fd, { bigint: true });
      if (after.ino !== seen.inode || after.mtimeNs !== seen.mtimeNs || after.ctimeNs !== seen.ctimeNs) return null;
      return hash.digest('hex');
    } catch (error) {
      if (errnoOf(error) === null) throw error;
      return null;
    } finally {
      closeFile(fd);
    }
  }
}

function stateOf(stat: Stat, target: string | null): State {
  const { kind, mode, uid, gid, size, mtimeNs, rdev } = stat;
  return { kind, mode, uid, gid, size, mtimeNs, target, rdev, digest: null };
}
