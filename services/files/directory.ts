// A directory held open: its names, and everything that is asked of them, go through its descriptor, so that a rename, a symlink put in the way or a
// path beyond PATH_MAX changes nothing. All calls are synchronous: they run in worker threads, one shard from end to end.
import {
  type BigIntStats,
  closeSync,
  constants,
  Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { decodeName, decodePath, encodeName, encodePath, joinPath, plain } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import { errnoOf, FileError, fileError, isAbsent } from './errors.ts';
import { O_PATH } from './mounts.ts';
import { type Stat, statOf } from './stat.ts';

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** Needs no read permission on the directories in between. */
const OPEN_BETWEEN = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Text of a path that is opened in one call. A UTF-16 unit is at most 3 bytes, so this stays below PATH_MAX (4,096 bytes). */
const CHUNK_UNITS_MAX = 1_000;
/** Names of one listing that are remembered to tell duplicates: about 20 MB. */
const REMEMBERED_NAMES_MAX = 200_000;
/** Entries that Node asks the kernel for at once. */
const LISTING_BUFFER_ENTRIES = 512;
/** A listing that has repeated more names than this, and as many as it has brought or as are remembered, runs in a circle. */
const REPEATED_NAMES_MAX = 10_000;

/** A name read as Latin-1 (one unit a byte) that is its own printable form: ASCII without controls, '/' and '\'. */
const PLAIN_LATIN1 = /^[ -.0-[\]-~]+$/;

/** Of one whole listing: names brought, and names that came more than once and were brought once. */
export interface Listed {
  readonly count: number;
  readonly duplicates: number;
}

/** What the parent's listing saw of a directory: its identity. */
export interface Expected {
  readonly device?: bigint;
  readonly inode: bigint;
}

function latin1Bytes(name: string): Uint8Array {
  return Buffer.from(name, 'latin1');
}

/**
 * Opens without moving the atime where that is allowed to this process (root or the owner) and known to the file system: some answer EINVAL or
 * EOPNOTSUPP to the flag, and FUSE may answer anything. What lies there is what opening without it says.
 */
function openQuietly(path: string | Buffer, flags: number): number {
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null || isAbsent(errno)) throw error;
    return openSync(path, flags);
  }
}

function kindOf(entry: Dirent): Kind | null {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  if (entry.isCharacterDevice()) return 'char-device';
  return entry.isBlockDevice() ? 'block-device' : null;
}

/** Through a descriptor's entry in /proc, as openat and its family would. */
function below(fd: number, relative: string): string | Buffer {
  const base = `/proc/self/fd/${fd}/`;
  const text = plain(relative);
  return text === null ? Buffer.concat([Buffer.from(base), decodePath(relative)]) : base + text;
}

/** Made by openRoot and openDirectory; whoever opened it closes it. Every method throws FileError. */
export class Directory {
  readonly fd: number;
  /** As fstat gave it right after the directory was opened. */
  readonly stat: Stat;
  /** Printable, absolute: for messages, never for system calls. */
  readonly path: string;
  readonly #base: string;
  #open = true;

  constructor(fd: number, stat: Stat, path: string) {
    this.fd = fd;
    this.stat = stat;
    this.path = path;
    this.#base = `/proc/self/fd/${fd}/`;
  }

  /** Gives the descriptor back; a second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }

  /** The directory as it is now: has it moved since `stat`? */
  restat(): Stat {
    this.#assertOpen();
    try {
      return statOf(fstatSync(this.fd, { bigint: true }), this.path);
    } catch (error) {
      throw fileError(error, 'fstat', this.path);
    }
  }

  /**
   * Brings every name once, without '.' and '..', in the order of the directory, `batch` at a time (the last batch may be shorter, arrays are the
   * caller's to keep). A type is null where the file system does not tell it: then lstat does. Throws FileError when the listing fails at any
   * point: what has been brought by then is not a listing.
   *
   * Memory is bounded, but for one thing: on a file system that tells no types all names are held at once. Names beyond the first 200,000 are not
   * remembered, so a duplicate among those is brought twice.
   */
  list(batch: number, onNames: (names: string[], types: (Kind | null)[]) => void): Listed {
    const batches = this.batches(batch);
    try {
      for (;;) {
        const next = batches.next();
        if (next.done === true) return next.value;
        onNames(next.value.names, next.value.types);
      }
    } finally {
      // Closes the listing when the consumer threw.
      batches.return({ count: 0, duplicates: 0 });
    }
  }

  /** As list(), one batch at a time, so that whoever walks a huge directory may wait for the catalog in between. */
  *batches(batch: number): Generator<{ names: string[]; types: (Kind | null)[] }, Listed> {
    this.#assertOpen();
    const seen = new Set<string>();
    let count = 0;
    let duplicates = 0;
    let names: string[] = [];
    let types: (Kind | null)[] = [];
    /** Whether the batch is full. */
    const bring = (raw: string, type: Kind | null, again: boolean): boolean => {
      if (seen.has(raw)) {
        if (!again) duplicates += 1;
        if (duplicates > REPEATED_NAMES_MAX && duplicates >= Math.min(count, REMEMBERED_NAMES_MAX)) {
          throw new FileError('ELOOP', 'readdir', this.path, 'the listing repeats itself without an end');
        }
        return false;
      }
      if (seen.size < REMEMBERED_NAMES_MAX) seen.add(raw);
      count += 1;
      names.push(PLAIN_LATIN1.test(raw) ? raw : encodeName(latin1Bytes(raw)));
      types.push(type);
      return names.length >= batch;
    };
    let typed = true;
    for (const entry of this.#entries()) {
      if (entry === 'untyped') {
        typed = false;
        break;
      }
      if (!bring(entry.name, kindOf(entry), false)) continue;
      yield { names, types };
      names = [];
      types = [];
    }
    if (!typed) {
      // What was brought before the first name without a type comes again here, and is no duplicate.
      const before = new Set(seen);
      for (const raw of this.#namesOnly()) {
        if (!bring(raw, null, before.delete(raw))) continue;
        yield { names, types };
        names = [];
        types = [];
      }
    }
    if (names.length > 0) yield { names, types };
    // The C library reports a removed directory as an empty one.
    if (this.stat.nlink > 0 && this.restat().nlink === 0) {
      throw new FileError('ENOENT', 'readdir', this.path, 'the directory was removed while it was listed');
    }
    return { count, duplicates };
  }

  /**
   * Streams names as Latin-1, one unit a byte, so that no name is mangled. Ends with 'untyped' when an entry comes without a type: Node then looks
   * it up by a decoded name, which fails for some, and would end the listing with an error that the directory did not give.
   */
  *#entries(): Generator<Dirent | 'untyped'> {
    let handle: ReturnType<typeof opendirSync>;
    try {
      handle = opendirSync(this.#base, { encoding: 'latin1', bufferSize: LISTING_BUFFER_ENTRIES, recursive: false });
    } catch (error) {
      throw fileError(error, 'opendir', this.path);
    }
    try {
      for (;;) {
        let entry: Dirent | null;
        try {
          entry = handle.readSync();
        } catch (error) {
          if (error instanceof Error && 'syscall' in error && error.syscall === 'lstat') {
            yield 'untyped';
            return;
          }
          throw fileError(error, 'readdir', this.path);
        }
        if (entry === null) return;
        // Node gives a subclass where it had to look the type up.
        if (entry.constructor !== Dirent) {
          yield 'untyped';
          return;
        }
        yield entry;
      }
    } finally {
      handle.closeSync();
    }
  }

  #namesOnly(): string[] {
    try {
      return readdirSync(this.#base, { encoding: 'latin1', withFileTypes: false, recursive: false });
    } catch (error) {
      throw fileError(error, 'readdir', this.path);
    }
  }

  /** Looks a name up without following it. Throws FileError, also with ENOENT where the name is not there. */
  lstat(name: string): Stat {
    const stat = this.statIfThere(name);
    if (stat === null) throw new FileError('ENOENT', 'lstat', joinPath(this.path, name));
    return stat;
  }

  /**
   * Looks a name up without following it; null means that the lookup said ENOENT in this very directory, and nothing else does. Every other
   * failure throws FileError.
   */
  statIfThere(name: string): Stat | null {
    let raw: BigIntStats | undefined;
    try {
      raw = lstatSync(this.#at(name), { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      throw fileError(error, 'lstat', joinPath(this.path, name));
    }
    if (raw !== undefined) return statOf(raw, joinPath(this.path, name));
    this.#assertReachable();
    return null;
  }

  /** The target of a symlink, printable. Throws FileError; EINVAL where the name is not a symlink. */
  readlink(name: string): string {
    try {
      const raw = readlinkSync(this.#at(name), { encoding: 'latin1' });
      return encodePath(latin1Bytes(raw));
    } catch (error) {
      throw fileError(error, 'readlink', joinPath(this.path, name));
    }
  }

  /**
   * A descriptor for reading, which the caller closes. Nothing is followed and nothing blocks, but a FIFO or a device would be opened: look the
   * name up first, and fstat afterwards. Throws FileError (ELOOP: it is a symlink, ENXIO: it is a socket).
   */
  openFile(name: string): number {
    const path = this.#at(name);
    try {
      return openQuietly(path, OPEN_FILE);
    } catch (error) {
      const failure = fileError(error, 'open', joinPath(this.path, name));
      if (failure.errno === 'ENOENT') this.#assertReachable();
      throw failure;
    }
  }

  #assertOpen(): void {
    if (!this.#open) throw new Error(`directory ${this.path} was used after it was closed`);
  }

  #at(name: string): string | Buffer {
    this.#assertOpen();
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      throw new Error(`${JSON.stringify(name)} is not the name of an entry of ${this.path}`);
    }
    const text = plain(name);
    return text === null ? Buffer.concat([Buffer.from(this.#base), decodeName(name)]) : this.#base + text;
  }

  /** ENOENT speaks of the name only if the way to it, /proc and the descriptor, is there. */
  #assertReachable(): void {
    let way: BigIntStats;
    let held: BigIntStats;
    try {
      way = statSync(this.#base, { bigint: true });
      held = fstatSync(this.fd, { bigint: true });
    } catch (error) {
      throw new FileError(
        'ESTALE',
        'lookup',
        this.path,
        'the open directory cannot be reached through /proc/self/fd',
        error,
      );
    }
    if (way.ino !== held.ino || way.dev !== held.dev) {
      throw new FileError('ESTALE', 'lookup', this.path, '/proc/self/fd leads to another directory');
    }
  }
}

/** Takes over the descriptor: it is the Directory's, or it is closed. */
function directoryOf(fd: number, path: string, expected: Expected | undefined): Directory {
  try {
    const stat = statOf(fstatSync(fd, { bigint: true }), path);
    if (
      expected !== undefined &&
      (stat.inode !== expected.inode || (expected.device !== undefined && stat.device !== expected.device))
    ) {
      throw new FileError('ESTALE', 'open', path, 'another directory lies there than the one that was seen');
    }
    return new Directory(fd, stat, path);
  } catch (error) {
    closeSync(fd);
    throw fileError(error, 'fstat', path);
  }
}

/**
 * Opens the directory at a printable absolute path. Symlinks on the way and at its end are followed: a person named this place, and its identity is
 * held against the record elsewhere. Throws FileError, and PathError for text that is not a path.
 */
export function openRoot(path: string): Directory {
  if (!path.startsWith('/')) throw new Error(`a root's path is absolute: ${path}`);
  const bytes = Buffer.from(decodePath(path));
  try {
    return directoryOf(openQuietly(bytes, constants.O_RDONLY | constants.O_DIRECTORY), path, undefined);
  } catch (error) {
    throw fileError(error, 'open', path);
  }
}

/** The path in pieces that one call can open. */
function piecesOf(path: string, unitsMax: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const name of path.split('/')) {
    if (piece !== '' && piece.length + 1 + name.length > unitsMax) {
      pieces.push(piece);
      piece = name;
    } else {
      piece = joinPath(piece, name);
    }
  }
  pieces.push(piece);
  return pieces;
}

/**
 * Opens a directory below a root; '' is the root itself. No symlink is followed below the root: without `expected` (or without its device) the way
 * is walked component by component; with it, in as few calls as the length allows, and what was reached must be the directory that was seen, by
 * device and inode, else ESTALE. Throws FileError; ENOENT and ENOTDIR say that this directory is not there now (a symlink or a file may be), not
 * that it never was. PathError for '..' and the like.
 */
export function openDirectory(root: Directory, path: string, expected?: Expected): Directory {
  const whole = path === '' ? root.path : joinPath(root.path, path);
  if (path === '') {
    try {
      return directoryOf(openQuietly(`/proc/self/fd/${root.fd}/`, OPEN_DIRECTORY), whole, expected);
    } catch (error) {
      throw fileError(error, 'open', whole);
    }
  }
  if (path.startsWith('/')) throw new Error(`a path below a root is relative: ${path}`);
  decodePath(path);
  const pieces = piecesOf(path, expected?.device === undefined ? 0 : CHUNK_UNITS_MAX);
  let fd = root.fd;
  let walked = root.path;
  for (const [index, piece] of pieces.entries()) {
    walked = joinPath(walked, piece);
    let next: number;
    try {
      const last = index === pieces.length - 1;
      const at = below(fd, piece);
      next = last ? openQuietly(at, OPEN_DIRECTORY) : openSync(at, OPEN_BETWEEN);
    } catch (error) {
      throw fileError(error, 'open', walked);
    } finally {
      if (fd !== root.fd) closeSync(fd);
    }
    fd = next;
  }
  return directoryOf(fd, whole, expected);
}
