// A list as a file on disk, or on standard input.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { errnoOf } from '../files/errors.ts';
import { bytesOf, meaningsOf } from '../files/location.ts';
import { exists } from '../files/snapshots.ts';

const FILE_BYTES_MAX = 1024 ** 3;

/**
 * @param typed `-` for standard input
 * @throws RollcallError for what cannot be read, or is too large to be held in memory
 */
export function readListFile(typed: string, cwd: string): { readonly raw: Buffer; readonly path: string } {
  if (typed === '-') return { raw: readFileSync(0), path: 'standard input' };
  const meanings = meaningsOf(typed, cwd);
  const path = meanings.find(exists) ?? meanings[0];
  if (path === undefined) throw new RollcallError(`${JSON.stringify(typed)} is not a path.`);
  let fd: number | null = null;
  try {
    fd = openSync(bytesOf(path), 'r');
    const stat = fstatSync(fd);
    if (stat.isDirectory())
      throw new RollcallError(`${path} is a directory.`, { next: 'Name the file with the list.' });
    if (stat.size > FILE_BYTES_MAX) {
      throw new RollcallError(`${path} is larger than 1 GiB.`, { next: 'Split it by lines, and import the parts.' });
    }
    return { raw: readFileSync(fd), path };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`${path} cannot be read (${errnoText(errno)}).`, { next: 'Check the path.', cause: error });
  } finally {
    if (fd !== null) closeSync(fd);
  }
}
