// How the bytes of one copy look beside those of another: what the row `truncated` of the verdict table needs. Reads no
// more than it must: from the ends backward while there are zeros, and forward while the two are equal.
import { createHash } from 'node:crypto';
import { type BigIntStats, fstatSync, readSync } from 'node:fs';
import type { Comparison } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import { ZERO_TAIL_BYTES_MIN } from '../../domain/window/damage-shape.ts';
import { closeFile, type Directory } from './directory.ts';
import { FileError, fileError } from './errors.ts';
import { paced } from '../process/pace.ts';

const CHUNK_BYTES = 256 * 1024;
const bufferA = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const bufferB = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const zeros = Buffer.alloc(CHUNK_BYTES);

export type ContentComparison = Omit<Comparison, 'of' | 'against'>;

function failed(errno: string): ContentComparison {
  return { errno, truePrefix: false, alikeBeforeZeros: false };
}

/**
 * Compares the content of A (what lies there) with that of B (what should). errno is null when both could be read,
 * 'CHANGED' when one of them moved while it was read or is not a regular file, else the errno of the failure. A file
 * that grows without end ends the reading at its size at the start.
 */
export function compareContents(
  directoryA: Directory,
  nameA: string,
  directoryB: Directory,
  nameB: string,
): ContentComparison {
  const there = directoryA.measureThere(nameA, null);
  if (there !== null || directoryB.measureThere(nameB, []) !== null) {
    const of = there ?? measureContent(directoryA, nameA, null);
    if (of.errno !== null || of.zeroFrom === null) return failed(of.errno ?? 'CHANGED');
    const lengths = lengthsToCompare({ size: of.size, zeroFrom: of.zeroFrom });
    return comparisonFrom(of, measureContent(directoryB, nameB, lengths));
  }
  let path = joinPath(directoryA.path, nameA);
  const open: number[] = [];
  try {
    const a = directoryA.openFile(nameA);
    open.push(a);
    const b = directoryB.openFile(nameB);
    open.push(b);
    const beforeA = fstatSync(a, { bigint: true });
    const beforeB = fstatSync(b, { bigint: true });
    if (!beforeA.isFile() || !beforeB.isFile()) return failed('CHANGED');
    const sizeA = Number(beforeA.size);
    const sizeB = Number(beforeB.size);
    const zeroTail = zeroTailOf(a, sizeA);
    const truePrefix = sizeA < sizeB && equalUpTo(a, b, sizeA);
    const before = sizeA - zeroTail;
    const alikeBeforeZeros = zeroTail >= ZERO_TAIL_BYTES_MIN && before <= sizeB && equalUpTo(a, b, before);
    path = joinPath(directoryB.path, nameB);
    if (moved(beforeA, fstatSync(a, { bigint: true })) || moved(beforeB, fstatSync(b, { bigint: true }))) {
      return failed('CHANGED');
    }
    return { errno: null, truePrefix, alikeBeforeZeros };
  } catch (error) {
    if (error instanceof ShortRead) return failed('CHANGED');
    return failed((error instanceof FileError ? error : fileError(error, 'read', path)).errno);
  } finally {
    for (const fd of open) closeFile(fd);
  }
}

/** What one of two copies on different hosts says of itself, for comparisonFrom. */
export interface ContentMeasure {
  /** As of compareContents. */
  readonly errno: string | null;
  readonly size: number;
  /** From where it is nothing but zeros to its end; null where that was not asked. */
  readonly zeroFrom: number | null;
  /** SHA-256 of so many first bytes, in hex; null where it is shorter. */
  readonly firsts: readonly { readonly bytes: number; readonly sha256: string | null }[];
}

/**
 * Half of a comparison, where the other copy lies on another host.
 * @param lengths so many first bytes are asked for; null: those before the zeros at its end, and all
 */
export function measureContent(directory: Directory, name: string, lengths: readonly number[] | null): ContentMeasure {
  const not = (errno: string): ContentMeasure => ({ errno, size: 0, zeroFrom: null, firsts: [] });
  const there = directory.measureThere(name, lengths);
  if (there !== null) return there;
  let fd: number | null = null;
  try {
    fd = directory.openFile(name);
    const before = fstatSync(fd, { bigint: true });
    if (!before.isFile()) return not('CHANGED');
    const size = Number(before.size);
    const zeroFrom = lengths === null ? size - zeroTailOf(fd, size) : null;
    const firsts = firstsOf(fd, size, lengths ?? [zeroFrom ?? size, size]);
    if (moved(before, fstatSync(fd, { bigint: true }))) return not('CHANGED');
    return { errno: null, size, zeroFrom, firsts };
  } catch (error) {
    if (error instanceof ShortRead) return not('CHANGED');
    return not((error instanceof FileError ? error : fileError(error, 'read', joinPath(directory.path, name))).errno);
  } finally {
    if (fd !== null) closeFile(fd);
  }
}

/** The lengths that the other copy must be asked for, beside what `of` says of itself: what comparisonFrom needs. */
export function lengthsToCompare({ size, zeroFrom }: { readonly size: number; readonly zeroFrom: number }): number[] {
  return size - zeroFrom >= ZERO_TAIL_BYTES_MIN && zeroFrom !== size ? [zeroFrom, size] : [size];
}

/** The answer of compareContents, put together from both halves. */
export function comparisonFrom(of: ContentMeasure, against: ContentMeasure): ContentComparison {
  const errno = of.errno ?? against.errno;
  if (errno !== null || of.zeroFrom === null) return failed(errno ?? 'CHANGED');
  const { size, zeroFrom } = of;
  const firstOf = (measure: ContentMeasure, bytes: number): string | null =>
    measure.firsts.find((first) => first.bytes === bytes)?.sha256 ?? null;
  const isEqualUpTo = (bytes: number): boolean => {
    if (bytes > against.size) return false;
    const own = firstOf(of, bytes);
    return bytes === 0 || (own !== null && own === firstOf(against, bytes));
  };
  return {
    errno: null,
    truePrefix: size < against.size && isEqualUpTo(size),
    alikeBeforeZeros: size - zeroFrom >= ZERO_TAIL_BYTES_MIN && isEqualUpTo(zeroFrom),
  };
}

/** One reading, with the digest as it stands at each of these lengths. */
function firstsOf(fd: number, size: number, lengths: readonly number[]): ContentMeasure['firsts'] {
  const hash = createHash('sha256');
  let at = 0;
  return [...new Set(lengths)]
    .toSorted((a, b) => a - b)
    .map((bytes) => {
      if (bytes > size) return { bytes, sha256: null };
      while (at < bytes) {
        const length = Math.min(CHUNK_BYTES, bytes - at);
        hash.update(readFully(fd, bufferA, length, at));
        at += length;
      }
      return { bytes, sha256: hash.copy().digest('hex') };
    });
}

/** The file ended before its size: it was cut while it was read. */
class ShortRead extends Error {}

function moved(before: BigIntStats, after: BigIntStats): boolean {
  return before.size !== after.size || before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs;
}

function readFully(fd: number, into: Buffer, length: number, position: number): Buffer {
  for (let done = 0; done < length; ) {
    const got = readSync(fd, into, done, length - done, position + done);
    if (got === 0) throw new ShortRead();
    done += got;
    paced(got);
  }
  return into.subarray(0, length);
}

/** Bytes of zeros at the end of a file of this size. */
function zeroTailOf(fd: number, size: number): number {
  let tail = 0;
  while (tail < size) {
    const length = Math.min(CHUNK_BYTES, size - tail);
    const chunk = readFully(fd, bufferA, length, size - tail - length);
    if (chunk.equals(zeros.subarray(0, length))) {
      tail += length;
      continue;
    }
    let last = length - 1;
    while (chunk[last] === 0) last -= 1;
    return tail + (length - 1 - last);
  }
  return tail;
}

function equalUpTo(a: number, b: number, size: number): boolean {
  for (let at = 0; at < size; at += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, size - at);
    if (!readFully(a, bufferA, length, at).equals(readFully(b, bufferB, length, at))) return false;
  }
  return true;
}
