// Where something lies: from what a person typed to an absolute path in printable form, and from there to the bytes
// that the kernel takes.
import { realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { isAbsent } from '../../domain/errno.ts';
import { baseName, decodePath, encodePath, joinPath, parentOf, PathError } from '../../domain/path.ts';
import { workingDirectory } from '../process/working-directory.ts';
import { bricksOf, isBricks } from '../../domain/gluster/named.ts';
import { ownHost } from './elsewhere.ts';
import { errnoOf, fileError } from './errors.ts';

/**
 * The directories on this host that a root is made of: the bricks' roots, or itself. Printable.
 * @param own this host
 */
export function placesOf(root: string, own: string = ownHost()): readonly string[] {
  if (!isBricks(root)) return [root];
  return bricksOf(root).flatMap(({ host, path }) => (host === null || host === own ? [path] : []));
}

/** The bytes of an absolute printable path, for node:fs. Throws PathError for text that is not canonical. */
export function bytesOf(path: string): Buffer {
  const bytes = decodePath(path);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The real path of something that exists, printable, no symlinks in it. Throws FileError. */
export function realPathOf(path: string): string {
  try {
    return encodePath(realpathSync.native(bytesOf(path), { encoding: 'buffer' }));
  } catch (error) {
    throw fileError(error, 'realpath', path);
  }
}

/**
 * The real path that something has or will have: of its nearest ancestor that exists, and the rest as written. Throws
 * FileError for anything but absence: what cannot be read cannot be placed.
 */
export function futurePathOf(path: string): string {
  try {
    return realPathOf(path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null || !isAbsent(errno) || path === '/') throw error;
    return joinPath(futurePathOf(parentOf(path)), baseName(path));
  }
}

/**
 * Absolute printable paths that an argument may mean, most likely first: printable text as our own reports show it,
 * then the characters as they stand (a person who types a backslash or a newline means just that). '.', '..', '//' and
 * a trailing '/' are resolved against cwd, without looking at symlinks. Empty only for text that no path can have.
 *
 * @param cwd absolute, printable; the process's by default
 */
export function meaningsOf(argument: string, cwd?: string): readonly string[] {
  const here = cwd ?? (posix.isAbsolute(argument) ? '/' : workingDirectory());
  const meanings: string[] = [];
  const add = (path: string): void => {
    if (!meanings.includes(path)) meanings.push(path);
  };
  try {
    const path = posix.resolve(here, argument);
    decodePath(path);
    add(path);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
  }
  if (!argument.includes('\0') && !argument.includes('\ufffd')) {
    add(posix.resolve(here, encodePath(Buffer.from(argument))));
  }
  return meanings;
}
