// Reading one file so that the digest describes one state of it (docs/design.md#reading).
import { gapStatusOf } from '../../domain/errno.ts';
import { joinPath } from '../../domain/path.ts';
import type { GapStatus } from '../../domain/scan.ts';
import type { Directory } from './directory.ts';
import { FileError, systemError } from './errors.ts';
import { type Hasher, INPUT_BYTES } from './hash.ts';
import { type HoleMap, holesOf, tooManyHoles } from './holes.ts';
import { paced } from '../process/pace.ts';
import { CacheOf } from './page-cache.ts';
import type { Stat } from './stat.ts';
import * as sys from './sys.ts';
import { zeroFromAfter } from './zeros.ts';

/** Above this a file is read at most twice. */
const LARGE_BYTES = 1024 * 1024 * 1024;
/** A change this close before the read could be followed by another one within the same tick of the file's clock. */
export const RACY_MS = 2_000;

/** What reading needs besides the file. */
export interface Reader {
  readonly hasher: Hasher;
  /** Gets the bytes of each piece as it is read, those of repeated attempts too. */
  readonly onProgress: (bytes: number) => void;
  readonly nowMs: () => number;
  /** Told of what was read; waits where the scrub's budget of the host does not allow so much yet. Null: no budget. */
  readonly keepBudget?: ((bytes: number) => void) | null;
}

export interface ReadLimits {
  /** Readings in all, at least 1. A file over 1 GB gets two at most. */
  readonly attempts: number;
  /**
   * What a lookup said of the name just now, if it did: the first reading is then held against that instead of a look
   * of its own.
   */
  readonly looked?: Stat;
  /** Read the medium, also where the content is in memory. */
  readonly isFromMedium?: boolean;
}

export type ReadResult =
  | {
      readonly ok: true;
      /** Unsigned. */
      readonly digest: bigint;
      /** Offset from which the content is nothing but zeros to its end: Proof.zeroFrom. */
      readonly zeroFrom: number;
      /** Of the copy that was read, which need not be the one that an earlier lookup saw: compare inodes. */
      readonly stat: Stat;
      readonly bytes: number;
      /** mtime or ctime lay within 2 s before the read, or in the future: read again next time. */
      readonly racy: boolean;
    }
  | {
      readonly ok: false;
      /**
       * 'unsettled' when it moved while it was read, is not a regular file any more, or vanished (then errno is
       * ENOENT).
       */
      readonly status: GapStatus;
      readonly errno: string | null;
      readonly detail: string | null;
    };

/**
 * Reads and hashes the content of a regular file; holes of a sparse file count as the zeros that they stand for. The
 * caller has looked the name up and knows it as a file: a FIFO or device must not be opened. Where the holes alone
 * would take too long it is left unread (EFBIG). File-system failures are results, never exceptions.
 */
export function readContent(reader: Reader, directory: Directory, name: string, limits: ReadLimits): ReadResult {
  const there = directory.readThere(name, limits);
  if (there !== null) {
    if (there.ok) reader.keepBudget?.(there.bytes);
    return there;
  }
  for (let attempt = 1; ; attempt++) {
    const { looked, isFromMedium = false } = limits;
    const outcome = readOnce(reader, directory, name, { looked: attempt === 1 ? looked : undefined, isFromMedium });
    if (outcome.result !== null) return outcome.result;
    const attemptsMax = outcome.size > LARGE_BYTES ? Math.min(2, limits.attempts) : limits.attempts;
    if (attempt < attemptsMax) continue;
    if (outcome.bytes === null)
      return { ok: false, status: 'unsettled', errno: null, detail: `changed while it was read, ${attempt} times` };
    // Nothing writes to it: the file system promises other than it gives.
    const detail = `${outcome.bytes} bytes came where its size says ${outcome.size}, ${attempt} times`;
    return { ok: false, status: 'io', errno: null, detail };
  }
}

/**
 * result is null when the file moved under the reader, or did not move and gave other than its size: then bytes says
 * how many came. size is what it was at the beginning, in bytes.
 */
type Once =
  | { readonly result: ReadResult; readonly size: 0; readonly bytes: null }
  | { readonly result: null; readonly size: number; readonly bytes: number | null };

function done(result: ReadResult): Once {
  return { result, size: 0, bytes: null };
}

function readOnce(
  reader: Reader,
  directory: Directory,
  name: string,
  { looked, isFromMedium }: { readonly looked: Stat | undefined; readonly isFromMedium: boolean },
): Once {
  const startedMs = reader.nowMs();
  const path = joinPath(directory.path, name);
  let fd: number;
  try {
    fd = directory.openFile(name);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return done(notOpened(error));
  }
  try {
    const before = looked ?? directory.statFile(fd, path);
    if (before.size === null)
      return done({ ok: false, status: 'unsettled', errno: null, detail: 'is not a regular file' });
    const { size } = before;
    const holes = tooManyHoles(fd, before);
    if (holes !== null) return done({ ok: false, status: 'failed', errno: 'EFBIG', detail: holes });
    const read =
      size < INPUT_BYTES
        ? hashSmall(reader, { fd, size, device: Number(before.device), isFromMedium })
        : hashLarge(reader, { fd, size, device: Number(before.device), isFromMedium }, holesOf(fd, before));
    if (read.failed < 0) throw systemError(read.failed, 'read', path);
    const after = directory.statFile(fd, path);
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
    if (!(error instanceof FileError)) throw error;
    return done({ ok: false, status: gapStatusOf(error.errno), errno: error.errno, detail: error.message });
  } finally {
    sys.close(fd);
  }
}

function notOpened(failure: FileError): ReadResult {
  switch (failure.errno) {
    case 'ENOENT':
      return { ok: false, status: 'unsettled', errno: 'ENOENT', detail: 'vanished before it was read' };
    case 'ELOOP':
    case 'ENXIO':
      // A symlink or a socket is there where a file was seen.
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
  digest: bigint;
  zeroFrom: number;
  bytes: number;
  /** -errno, or 0. */
  failed: number;
}

/** What is to be read; device and isFromMedium as CacheOf has them. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  readonly device: number;
  readonly isFromMedium: boolean;
}

/**
 * The buffer has room for more than the size, so a file that has grown shows itself; a short read is followed by
 * another.
 */
export function hashSmall(reader: Reader, { fd, size, device, isFromMedium }: OpenFile): Read {
  const { input } = reader.hasher;
  const cache = new CacheOf(fd, device, isFromMedium);
  let bytes = 0;
  do {
    const got = cache.read(input.address + bytes, INPUT_BYTES - bytes, bytes);
    if (got < 0) return { digest: 0n, zeroFrom: 0, bytes, failed: got };
    if (got === 0) break;
    bytes += got;
  } while (bytes < size);
  reader.onProgress(bytes);
  paced(bytes, reader.onProgress);
  reader.keepBudget?.(bytes);
  const zeroFrom = zeroFromAfter(0, 0, input.bytes.subarray(0, bytes));
  return { digest: reader.hasher.ofInput(bytes), zeroFrom, bytes, failed: 0 };
}

/**
 * Past its size it has grown, which is all there is to know: a log that is written faster than it is read would have no
 * end.
 */
function hashLarge(reader: Reader, { fd, size, device, isFromMedium }: OpenFile, holes: HoleMap | null): Read {
  const { hasher, onProgress, keepBudget } = reader;
  const cache = new CacheOf(fd, device, isFromMedium);
  let bytes = 0;
  let zeroFrom = 0;
  hasher.begin();
  while (bytes <= size) {
    const hole = holes?.lengthAt(bytes) ?? 0;
    if (hole > 0) {
      hasher.input.bytes.fill(0, 0, Math.min(hole, INPUT_BYTES));
      for (let left = hole; left > 0; left -= INPUT_BYTES) {
        hasher.updateInput(Math.min(left, INPUT_BYTES));
        onProgress(Math.min(left, INPUT_BYTES));
      }
      bytes += hole;
      sys.seekTo(fd, bytes);
      continue;
    }
    const wanted = Math.min(INPUT_BYTES, holes?.untilHole(bytes) ?? INPUT_BYTES);
    const got = cache.read(hasher.input.address, wanted, bytes);
    if (got < 0) return { digest: 0n, zeroFrom: 0, bytes, failed: got };
    if (got === 0) break;
    zeroFrom = zeroFromAfter(zeroFrom, bytes, hasher.input.bytes.subarray(0, got));
    bytes += got;
    hasher.updateInput(got);
    onProgress(got);
    paced(got, onProgress);
    keepBudget?.(got);
  }
  return { digest: hasher.digest(), zeroFrom, bytes, failed: 0 };
}
