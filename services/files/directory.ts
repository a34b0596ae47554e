// A directory held open: its names, and everything that is asked of them, go through its descriptor, so that a rename,
// a symlink put in the way or a path beyond PATH_MAX changes nothing. All calls are synchronous: they run in worker
// threads, one shard from end to end.
import { decodeName, decodePath, encodeName, encodePath, joinPath } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import type { ContentMeasure } from './compare.ts';
import { DENT, isDots, kindOfType, nameEnd } from './dents.ts';
import { FileError, systemError } from './errors.ts';
import { type Stat, statAtOffset } from './stat.ts';
import { PATH_BYTES, put, scratch, STAT, TARGET, view } from './prepared.ts';
import type { ReadLimits, ReadResult } from './read.ts';
import * as sys from './sys.ts';

/** Names that one call brings: what the C library asks for. */
const LISTING_BYTES = 32 * 1024;
/** Names of one listing that are remembered to tell duplicates: about 20 MB. */
const REMEMBERED_NAMES_MAX = 200_000;
/**
 * A listing that has repeated more names than this, and as many as it has brought or as are remembered, runs in a
 * circle.
 */
const REPEATED_NAMES_MAX = 10_000;

const ENOENT = -2;
const ENAMETOOLONG = -36;

/** A name read as Latin-1 (one unit a byte) that is its own printable form: ASCII without controls, '/' and '\'. */
const PLAIN_LATIN1 = /^[ -.0-[\]-~]+$/;

/** Of one whole listing: names brought, and names that came more than once and were brought once. */
export interface Listed {
  readonly count: number;
  readonly duplicates: number;
}

/** The printable form of a name given as Latin-1. */
export function printableName(raw: string): string {
  return PLAIN_LATIN1.test(raw) ? raw : encodeName(Buffer.from(raw, 'latin1'));
}

/** Made by open-directory.ts; whoever opened it closes it. Every method throws FileError. */
export class Directory {
  readonly fd: number;
  /** As the file system gave it right after the directory was opened. */
  readonly stat: Stat;
  /** Printable, absolute: for messages, never for system calls. */
  readonly path: string;
  #open = true;

  constructor(fd: number, stat: Stat, path: string) {
    this.fd = fd;
    this.stat = stat;
    this.path = path;
  }

  /** Gives the descriptor back; a second call does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    sys.close(this.fd);
  }

  /** The directory as it is now: has it moved since `stat`? */
  restat(): Stat {
    this.#assertOpen();
    return statOpen(this.fd, this.path);
  }

  /**
   * Brings every name once, without '.' and '..', in the order of the directory, `batch` at a time (the last batch may
   * be shorter, arrays are the caller's to keep). A type is null where the file system does not tell it: then a lookup
   * does. Throws FileError when the listing fails at any point: what has been brought by then is not a listing.
   *
   * Memory is bounded. Names beyond the first 200,000 are not remembered, so a duplicate among those is brought twice.
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
    for (const { raw, type } of this.#entries()) {
      if (seen.has(raw)) {
        duplicates += 1;
        this.assertEnds(count, duplicates);
        continue;
      }
      if (seen.size < REMEMBERED_NAMES_MAX) seen.add(raw);
      count += 1;
      names.push(printableName(raw));
      types.push(type);
      if (names.length < batch) continue;
      yield { names, types };
      names = [];
      types = [];
    }
    if (names.length > 0) yield { names, types };
    this.assertStillThere();
    return { count, duplicates };
  }

  /** Throws where a listing repeats itself without an end. */
  assertEnds(count: number, duplicates: number): void {
    if (duplicates > REPEATED_NAMES_MAX && duplicates >= Math.min(count, REMEMBERED_NAMES_MAX)) {
      throw new FileError('ELOOP', 'getdents64', this.path, 'the listing repeats itself without an end');
    }
  }

  /** A directory that was removed may be listed as an empty one. */
  assertStillThere(): void {
    if (this.stat.nlink > 0 && this.restat().nlink === 0) throw this.listingFailed(ENOENT);
  }

  /** What getdents64 answered, as an error. */
  listingFailed(result: number): FileError {
    if (result !== ENOENT) return systemError(result, 'getdents64', this.path);
    return new FileError('ENOENT', 'getdents64', this.path, 'the directory was removed while it was listed');
  }

  /** Names as Latin-1, one unit a byte, from the beginning of the directory. */
  *#entries(): Generator<{ readonly raw: string; readonly type: Kind | null }> {
    const { bytes, address } = sys.memory(LISTING_BYTES);
    const records = new DataView(bytes.buffer);
    this.rewind();
    for (;;) {
      const got = sys.getdents64(this.fd, address, LISTING_BYTES);
      if (got < 0) throw this.listingFailed(got);
      if (got === 0) return;
      for (let at = 0; at < got; ) {
        const length = records.getUint16(at + DENT.length, true);
        const name = at + DENT.name;
        if (!isDots(bytes, name)) {
          const raw = bytes.toString('latin1', name, nameEnd(bytes, name, at + length));
          yield { raw, type: kindOfType(bytes[at + DENT.type] ?? 0) };
        }
        at += length;
      }
    }
  }

  /** The next listing begins anew. */
  rewind(): void {
    this.#assertOpen();
    const at = sys.seekTo(this.fd, 0);
    if (at < 0) throw systemError(at, 'lseek', this.path);
  }

  /** Looks a name up without following it. Throws FileError, also with ENOENT where the name is not there. */
  lstat(name: string): Stat {
    const stat = this.statIfThere(name);
    if (stat === null) throw new FileError('ENOENT', 'lstat', joinPath(this.path, name));
    return stat;
  }

  /**
   * Looks a name up without following it; null means that the lookup said ENOENT in this very directory, and nothing
   * else does. Every other failure throws FileError.
   */
  statIfThere(name: string): Stat | null {
    this.#put(name, 'lstat');
    const result = sys.statAt(this.fd, scratch.address, scratch.address + STAT);
    if (result === 0) return statAtOffset(view, STAT, joinPath(this.path, name));
    const failure = systemError(result, 'lstat', joinPath(this.path, name));
    if (failure.errno === 'ENOENT') return null;
    throw failure;
  }

  /** struct statx of a name, put into memory. @returns 0 or -errno */
  rawStat(name: string, memory: sys.Memory, at: number): number {
    if (!put(name, decodeName)) return ENAMETOOLONG;
    return sys.statAt(this.fd, scratch.address, memory.address + at);
  }

  /** The target of a symlink, printable. Throws FileError; EINVAL where the name is not a symlink. */
  readlink(name: string): string {
    this.#put(name, 'readlink');
    const got = sys.readlinkAt(this.fd, scratch.address, scratch.address + TARGET, PATH_BYTES);
    if (got < 0) throw systemError(got, 'readlink', joinPath(this.path, name));
    return encodePath(scratch.bytes.subarray(TARGET, TARGET + got));
  }

  /**
   * A descriptor for reading, which the caller closes. Nothing is followed and nothing blocks, but a FIFO or a device
   * would be opened: look the name up first, and again through the descriptor afterwards. Throws FileError (ELOOP: it
   * is a symlink, ENXIO: it is a socket).
   */
  openFile(name: string): number {
    this.#put(name, 'open');
    const fd = sys.openQuietlyAt(this.fd, scratch.address, sys.FILE_FLAGS);
    if (fd < 0) throw systemError(fd, 'open', joinPath(this.path, name));
    return fd;
  }

  /** The content of a file, where only another host can read it; null: it is read here. */
  readThere(_name: string, _limits: ReadLimits): ReadResult | null {
    return null;
  }

  /** Half of a comparison, where only another host can make it; null: it is made here. */
  measureThere(_name: string, _lengths: readonly number[] | null): ContentMeasure | null {
    return null;
  }

  /** Of a file that openFile() gave. Throws FileError. */
  statFile(fd: number, path: string): Stat {
    return statOpen(fd, path);
  }

  /**
   * Whether the directory itself has the extended attribute; false also where this process may not know, or the file
   * system has none.
   */
  bearsAttribute(name: string): boolean {
    this.#assertOpen();
    scratch.bytes[scratch.bytes.write(name, 0, 'latin1')] = 0;
    return sys.getAttribute(this.fd, scratch.address, scratch.address + TARGET, 0) >= 0;
  }

  #assertOpen(): void {
    if (!this.#open) throw new Error(`directory ${this.path} was used after it was closed`);
  }

  /** Puts the name where the next call expects it. */
  #put(name: string, operation: string): void {
    this.#assertOpen();
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      throw new Error(`${JSON.stringify(name)} is not the name of an entry of ${this.path}`);
    }
    if (!put(name, decodeName)) throw new FileError('ENAMETOOLONG', operation, joinPath(this.path, name));
  }
}

/** Closes what openFile() gave. (Node's own closeSync knows only what Node has opened.) */
export function closeFile(fd: number): void {
  sys.close(fd);
}

/** @throws FileError */
export function statOpen(fd: number, path: string): Stat {
  const result = sys.statOpen(fd, scratch.address + STAT);
  if (result < 0) throw systemError(result, 'fstat', path);
  return statAtOffset(view, STAT, path);
}

/** What an absolute, printable path leads to, symlinks followed. @throws FileError */
export function statPlace(path: string): Stat {
  if (!put(path, decodePath)) throw new FileError('ENAMETOOLONG', 'stat', path);
  const result = sys.statPlace(scratch.address, scratch.address + STAT);
  if (result < 0) throw systemError(result, 'stat', path);
  return statAtOffset(view, STAT, path);
}
