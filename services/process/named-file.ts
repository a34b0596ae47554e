// A file that a person names, or standard input: read whole, up to a limit.
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';

export interface NamedFile {
  readonly bytes: Uint8Array;
  /** Whether users other than its owner and its group may write it; false for a pipe. */
  readonly isOpenToOthers: boolean;
  readonly isOpenToGroup: boolean;
}

/**
 * @param path as typed; '-' is standard input
 * @param bytesMax one byte more is read, so that the caller sees that there is more
 */
export function readNamedFile(path: string, bytesMax: number): NamedFile {
  const refuse = (why: string): RollcallError =>
    new RollcallError(`${JSON.stringify(path)} cannot be read: ${why}`, { next: 'name the file with -f FILE' });
  try {
    const fd = path === '-' ? 0 : openSync(path, 'r');
    try {
      const stat = fstatSync(fd);
      if (stat.isDirectory()) throw refuse('it is a directory');
      const isFile = stat.isFile();
      const bytes = readUpTo(fd, bytesMax);
      return {
        bytes,
        isOpenToOthers: isFile && (stat.mode & 0o002) !== 0,
        isOpenToGroup: isFile && (stat.mode & 0o020) !== 0,
      };
    } finally {
      if (path !== '-') closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof RollcallError) throw error;
    throw refuse(errnoText(code));
  }
}

/** What a descriptor holds, a pipe as well. One byte more than may be tells that there is more. */
export function readUpTo(fd: number, bytesMax: number): Buffer {
  const buffer = Buffer.alloc(bytesMax + 1);
  let length = 0;
  for (;;) {
    const read = readSync(fd, buffer, length, buffer.length - length, null);
    length += read;
    if (read === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

/**
 * A file that was not there; readable by all, as it holds no secret.
 * @throws RollcallError where something of that name is there already
 */
export function writeNewFile(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o644, flush: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw code === 'EEXIST'
      ? new RollcallError(`${path} exists already.`, {
          next: 'Choose another name with --out, or - for standard output.',
        })
      : new RollcallError(`${path} cannot be written: ${errnoText(code)}`, {
          next: 'Choose another place with --out.',
        });
  }
}
