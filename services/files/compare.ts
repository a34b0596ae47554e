// How the bytes of one copy look beside those of another: what the row `truncated` of the verdict table needs. Reads no
// more than it must: from the ends backward while there are zeros, and forward while the two are equal.
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
