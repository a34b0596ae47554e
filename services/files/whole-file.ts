// A file that appears whole or not at all: written beside its place, and renamed when everything is on disk.
import { errnoText } from '../../domain/errno.ts';
import { randomBytes } from 'node:crypto';
import { lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { RollcallError } from '../../domain/exit.ts';
import { joinPath, parentOf } from '../../domain/path.ts';
import { errnoOf } from './errors.ts';
import { FlushedFile, syncDirectory } from './flushed.ts';
import { partialMark, removeLeftovers } from './leftovers.ts';
import { bytesOf } from './location.ts';

const PREFIX = '.rollcall-';

/** How messages call the file, and the option that names it. */
export interface FileWords {
  /** 'export', 'manifest'. */
  readonly what: string;
  readonly option: string;
}

/**
 * @param file absolute, printable; replaced if it exists: ask before
 * @param fill writes the content
 * @returns what fill returned, and the size of the file
 * @throws RollcallError when it cannot be written (a full disk, a directory without rights); nothing is left behind
 *   then
 */
export async function writeWhole<T>(
  file: string,
  words: FileWords,
  fill: (write: (piece: Uint8Array) => void) => Promise<T>,
): Promise<{ readonly value: T; readonly bytes: number }> {
  const directory = parentOf(file);
  removeLeftovers(directory, (name) => name.startsWith(PREFIX));
  // Not named after the final file, whose name may be as long as a name can be.
  const partial = bytesOf(joinPath(directory, `${PREFIX}${randomBytes(6).toString('hex')}${partialMark()}`));
  let open: FlushedFile | null = null;
  let made = false;
  try {
    const out = (open = new FlushedFile(partial, 0o600));
    made = true;
    const value = await fill((piece) => out.write(piece));
    out.finish();
    renameSync(partial, bytesOf(file));
    made = false;
    syncDirectory(bytesOf(directory));
    return { value, bytes: out.written };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    const full = errno === 'ENOSPC' || errno === 'EDQUOT';
    throw new RollcallError(
      full
        ? `The disk is full: more than ${open?.written ?? 0} bytes are needed at ${directory}. No ${words.what} was left behind.`
        : `The ${words.what} cannot be written to ${directory} (${errnoText(errno)}). Nothing was left behind.`,
      {
        next: `Choose a file on another disk with ${words.option}; what was read is kept, and the next run is quick.`,
        cause: error,
      },
    );
  } finally {
    open?.close();
    if (made) rmSync(partial, { force: true });
  }
}

/**
 * Throws RollcallError where no file can come to lie: no directory, no right to look, or something that is not a
 * regular file.
 */
export function checkFilePlace(file: string, words: FileWords): { readonly exists: boolean } {
  const refuse = (why: string): RollcallError =>
    new RollcallError(`The ${words.what} ${file} ${why}.`, { next: `Choose another file with ${words.option}.` });
  try {
    if (file === '/' || !statSync(bytesOf(parentOf(file))).isDirectory()) throw refuse('cannot hold a file');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw refuse(`cannot be created: its directory cannot be used (${errnoText(errno)})`);
  }
  try {
    if (!lstatSync(bytesOf(file)).isFile()) throw refuse('exists, and is not a file');
    return { exists: true };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (errno === 'ENOENT') return { exists: false };
    throw refuse(`exists and cannot be read (${errnoText(errno)})`);
  }
}
