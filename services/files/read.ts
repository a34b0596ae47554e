// Reading one file so that the digest describes one state of it (design.md section 5, "Reading a file").
import { closeSync, fstatSync, readSync } from 'node:fs';
import { joinPath } from '../../domain/path.ts';
import type { GapStatus } from '../../domain/scan.ts';
import type { Directory } from './directory.ts';
import { FileError, fileError, gapStatusOf } from './errors.ts';
import { tooManyHoles } from './holes.ts';
import { paced } from './pace.ts';
import type { Hasher } from './hash.ts';
import { type Stat, statOf } from './stat.ts';
import { zeroFromAfter } from './zeros.ts';

/** Files below this are read by one call and hashed in one piece; larger ones are streamed in pieces of this size. */
const BUFFER_BYTES = 1024 * 1024;
/** Above this a file is read at most twice. */
const LARGE_BYTES = 1024 * 1024 * 1024;
/** A change this close before the read could be followed by another one within the same tick of the file's clock. */
const RACY_MS = 2_000;

/** One per thread: reading is synchronous, so no two reads of a thread overlap. */
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);

export interface ReadLimits {
  /** Readings in all, at least 1. A file over 1 GB gets two at most. */
  readonly attempts: number;
  /** What a lookup said of the name just now, if it did: the first reading is then held against that instead of an fstat of its own. */
  readonly looked?: Stat;
}

export type ReadResult =
  | {
      readonly ok: true;
      /** Unsigned. */
      readonly digest: bigint;
      /** Offset from which the content is nothing but zeros to its end: Proof.zeroFrom. */
      readonly zeroFrom: number;
      /** Of the copy that was read, which need not be the one that an earlier lstat saw: compare inodes. */
      readonly stat: Stat;
      readonly bytes: number;
      /** mtime or ctime lay within 2 s before the read, or in the future: read again next time. */
      readonly racy: boolean;
    }
  | {
      readonly ok: false;
      /** 'unsettled' when it moved while it was read, is not a regular file any more, or vanished (then errno is ENOENT). */
      readonly status: GapStatus;
      readonly errno: string | null;
      readonly detail: string | null;
    };

/**
 * Reads and hashes the content of a regular file; holes of a sparse file are read as the zeros that they stand for. The caller has looked the name
 * up and knows it as a file: a FIFO or device must not be opened. Where the holes alone would take too long it is left unread (EFBIG). `onProgress` gets the bytes of each piece as it is read, those of repeated
 * attempts too. File-system failures are results, never exceptions.
 */
export function readContent(
  hasher: Hasher,
  directory: Directory,
  name: string,
  limits: ReadLimits,
  onProgress: (bytes: number) => void,
  nowMs: () => number,
): ReadResult {
  for (let attempt = 1; ; attempt++) {
    const looked = attempt === 1 ? limits.looked : undefined;
    const outcome = readOnce(hasher, directory, name, looked, onProgress, nowMs);
    if (outcome.result !== null) return outcome.result;
    const attemptsMax = outcome.size > LARGE_BYTES ? Math.min(2, limits.attempts) : limits.attempts;
    if (attempt < attemptsMax) continue;
    if (outcome.bytes === null)
      return { ok: false, status: 'unsettled', errno: null, detail: `changed while it was read, ${attempt} times` };
    // Nobody is at work on it: the file system promises other than it gives.
    const detail = `${outcome.bytes} bytes came where its size says ${outcome.size}, ${attempt} times`;
    return { ok: false, status: 'io', errno: null, detail };
  }
}

/**
 * result is null when the file moved under the reader, or did not move and gave other than its size: then bytes says how many came. size is what
 * it was at the beginning, in bytes.
 */
type Once =
  | { readonly result: ReadResult; readonly size: 0; readonly bytes: null }
  | { readonly result: null; readonly size: number; readonly bytes: number | null };

function done(result: ReadResult): Once {
  return { result, size: 0, bytes: null };
}

function readOnce(
  hasher: Hasher,
  directory: Directory,
  name: string,
  looked: Stat | undefined,
  onProgress: (bytes: number) => void,
  nowMs: () => number,
): Once {
  const startedMs = nowMs();
  const path = joinPath(directory.path, name);
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return done(notOpened(error));
  }
  try {
    const before = looked ?? statOf(fstatSync(fd, { bigint: true }), path);
    if (before.size === null)
      return done({ ok: false, status: 'unsettled', errno: null, detail: 'is not a regular file' });
    const { size } = before;
    const holes = tooManyHoles(fd, before);
    if (holes !== null) return done({ ok: false, status: 'failed', errno: 'EFBIG', detail: holes });
    const read =
      size < BUFFER_BYTES ? hashSmall(hasher, fd, size, onProgress) : hashLarge(hasher, fd, size, onProgress);
    const after = statOf(fstatSync(fd, { bigint: true }), path);
    if (moved(before, after)) return { result: null, size, bytes: null };
    if (read.bytes !== size) return { result: null, size, bytes: read.bytes };
    const racyFrom = (BigInt(Math.floor(startedMs)) - BigInt(RACY_MS)) * 1_000_000n;
    return done({
      ok: true,
      digest: read.digest,
      zeroFrom: read.zeroFrom,
      stat: after,
      bytes: read.bytes,
      racy: after.mtimeNs >= racyFrom || after.ctimeNs >= racyFrom,
    });
  } catch (error) {
    const failure = fileError(error, 'read', path);
    return done({ ok: false, status: gapStatusOf(failure.errno), errno: failure.errno, detail: failure.message });
  } finally {
    closeSync(fd);
  }
}

function notOpened(failure: FileError): ReadResult {
  switch (failure.errno) {
    case 'ENOENT':
      return { ok: false, status: 'unsettled', errno: 'ENOENT', detail: 'vanished before it was read' };
    case 'ELOOP':
    case 'ENXIO':
      // A symlink or a socket stands where a file was seen.
      return { ok: false, status: 'unsettled', errno: null, detail: 'is not a regular file any more' };
    default:
      return { ok: false, status: gapStatusOf(failure.errno), errno: failure.errno, detail: failure.message };
  }
}

function moved(before: Stat, after: Stat): boolean {
  return (
    before.size !== after.size ||
    before.mtimeNs !== after.mtimeNs ||
    before.ctimeNs !== after.ctimeNs ||
    before.inode !== after.inode ||
    before.device !== after.device
  );
}

interface Read {
  readonly digest: bigint;
  readonly zeroFrom: number;
  readonly bytes: number;
}

/** The buffer has room for more than the size, so a file that has grown shows itself; a short read is followed by another. */
function hashSmall(hasher: Hasher, fd: number, size: number, onProgress: (bytes: number) => void): Read {
  let bytes = 0;
  do {
    const got = readSync(fd, buffer, bytes, BUFFER_BYTES - bytes, null);
    if (got === 0) break;
    bytes += got;
  } while (bytes < size);
  onProgress(bytes);
  paced(bytes, onProgress);
  const content = buffer.subarray(0, bytes);
  return { digest: hasher.one(content), zeroFrom: zeroFromAfter(0, 0, content), bytes };
}

/** Past its size it has grown, which is all there is to know: a log that is written faster than it is read would have no end. */
function hashLarge(hasher: Hasher, fd: number, size: number, onProgress: (bytes: number) => void): Read {
  let bytes = 0;
  let zeroFrom = 0;
  hasher.begin();
  while (bytes <= size) {
    const got = readSync(fd, buffer, 0, BUFFER_BYTES, null);
    if (got === 0) break;
    const piece = buffer.subarray(0, got);
    zeroFrom = zeroFromAfter(zeroFrom, bytes, piece);
    bytes += got;
    hasher.update(piece);
    onProgress(got);
    paced(got, onProgress);
  }
  return { digest: hasher.digest(), zeroFrom, bytes };
}
