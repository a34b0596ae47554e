// An export as a file: checked whole before a line of it is believed.
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { errnoOf } from '../files/errors.ts';
import { bytesOf } from '../files/location.ts';
import {
  END_BYTES_MAX,
  EXPORT_MAGIC,
  type ExportEnd,
  type ExportHeader,
  FormatError,
  parseEnd,
  parseHeader,
} from './export-format.ts';

const READ_BYTES = 1024 * 1024;
/**
 * A line of a scan carries its identity and totals, one of a version two paths of 4,095 bytes at most four units each.
 */
const LINE_BYTES_MAX = 4 * 1024 * 1024;

const COPY_AGAIN = 'Copy it from the backup host again, or make it again there: rollcall scan PATTERN --export FILE.';

export function refused(file: string, why: string): RollcallError {
  return new RollcallError(`${file} ${why}. Nothing was imported.`, { next: COPY_AGAIN });
}

export function openExport(file: string): number {
  let fd: number;
  try {
    fd = openSync(bytesOf(file), 'r');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`The export ${file} cannot be opened (${errnoText(errno)}).`, {
      next: 'Check the path.',
      cause: error,
    });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new RollcallError(`${file} is not a file.`, { next: 'Name the file that rollcall scan --export has written.' });
}

/** One pass over the bytes before a single line is believed. linesEnd: where the last line begins. */
export function checkWhole(fd: number, file: string): { header: ExportHeader; end: ExportEnd; linesEnd: number } {
  const size = fstatSync(fd).size;
  const first = readAt(fd, 0, Math.min(size, READ_BYTES)).toString('utf8');
  if (!first.startsWith(EXPORT_MAGIC)) {
    throw new RollcallError(`${file} is not an export of Rollcall.`, {
      next: 'Give --backup a quoted pattern of snapshots, a directory, or the file that rollcall scan --export has written.',
    });
  }
  const tail = readAt(fd, Math.max(0, size - END_BYTES_MAX), Math.min(size, END_BYTES_MAX)).toString('latin1');
  const start = tail.lastIndexOf('\n', tail.length - 2) + 1;
  const end = tail.endsWith('\n') ? parseEnd(tail.slice(start, -1)) : null;
  if (end === null) throw refused(file, `is cut off or damaged: its last line is missing (${size} bytes are here)`);
  const linesEnd = size - (tail.length - start);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < linesEnd; ) {
    const got = readSync(fd, buffer, 0, Math.min(READ_BYTES, linesEnd - at), at);
    if (got === 0) throw refused(file, 'became shorter while it was read');
    hash.update(buffer.subarray(0, got));
    at += got;
  }
  if (hash.digest('hex') !== end.sha256) throw refused(file, 'is damaged: its bytes are not those that were written');
  const newline = first.indexOf('\n');
  return { header: parseHeader(newline < 0 ? first : first.slice(0, newline)), end, linesEnd };
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, buffer, done, length - done, position + done);
    if (got === 0) break;
    done += got;
  }
  return buffer.subarray(0, done);
}

/** Lines between the first and the last. By bytes: U+2028 ends no line here. */
export function* linesOf(fd: number, linesEnd: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let first = true;
  for (let at = 0; at < linesEnd; ) {
    const piece = readAt(fd, at, Math.min(READ_BYTES, linesEnd - at));
    if (piece.length === 0) throw new FormatError('it became shorter while it was read');
    at += piece.length;
    const chunk = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let start = 0;
    for (let newline = chunk.indexOf(10); newline >= 0; newline = chunk.indexOf(10, start)) {
      if (!first) yield chunk.toString('utf8', start, newline);
      first = false;
      start = newline + 1;
    }
    rest = chunk.subarray(start);
    if (rest.length > LINE_BYTES_MAX) throw new FormatError(`a line is longer than ${LINE_BYTES_MAX} bytes`);
  }
  if (rest.length > 0) throw new FormatError('a line has no end');
}
