// Directories are opened: a root where a person named it, and what is below it so that no symlink is followed and the
// way never leaves it.
import { decodePath, joinPath } from '../../domain/path.ts';
import { Directory, statOpen } from './directory.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { openBricks } from './bricks.ts';
import { FileError, systemError } from './errors.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { put, scratch } from './prepared.ts';
import type { Stat } from './stat.ts';
import * as sys from './sys.ts';
import { UnionDirectory } from './union-directory.ts';

/** What the parent's listing saw of a directory: its identity. */
export interface Expected {
  readonly device?: bigint;
  readonly inode: bigint;
}

function assertExpected(stat: Stat, expected: Expected | undefined, path: string): void {
  if (
    expected !== undefined &&
    (stat.inode !== expected.inode || (expected.device !== undefined && stat.device !== expected.device))
  ) {
    throw new FileError('ESTALE', 'open', path, 'another directory is there than the one that was seen');
  }
}

function expectedOf(directory: Directory, expected: Expected | undefined, path: string): Directory {
  try {
    assertExpected(directory.stat, expected, path);
    return directory;
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** Takes over the descriptor: it is the Directory's, or it is closed. */
function directoryOf(fd: number, path: string, expected: Expected | undefined): Directory {
  try {
    const stat = statOpen(fd, path);
    assertExpected(stat, expected, path);
    return new Directory(fd, stat, path);
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}

/**
 * Opens the directory at a printable absolute path. Symlinks on the way and at its end are followed: a person named
 * this place, and its identity is held against the record elsewhere. Throws FileError, and PathError for text that is
 * not a path.
 * @param expected of a volume on bricks: those that were read before
 */
export function openRoot(path: string, expected: readonly string[] = []): Directory {
  if (isBricks(path)) return openBricks(path, expected, { openRoot, openDirectory });
  if (!path.startsWith('/')) throw new Error(`a root's path is absolute: ${path}`);
  decodePath(path);
  if (!put(path, decodePath)) throw new FileError('ENAMETOOLONG', 'open', path);
  const fd = sys.openQuietlyAt(sys.AT_FDCWD, scratch.address, sys.ROOT_FLAGS);
  if (fd < 0) throw systemError(fd, 'open', path);
  return directoryOf(fd, path, undefined);
}

/** The path in pieces that one call can open: bytes are at most 3 times the UTF-16 units. */
function piecesOf(path: string, unitsMax: number): string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const name of path.split('/')) {
    if (piece !== '' && piece.length + 1 + name.length > unitsMax) {
      pieces.push(piece);
      piece = name;
    } else {
      piece = joinPath(piece, name);
    }
  }
  pieces.push(piece);
  return pieces;
}

/** Below this, no path is longer than PATH_MAX. */
const PIECE_UNITS_MAX = 1_000;

/**
 * Opens a directory below a root; '' is the root itself. No symlink is followed below the root, and the way never
 * leaves it: openat2 sees to that in one call, or where the kernel has none, each component is opened by itself. With
 * `expected`, what was reached must be the directory that was seen, by device and inode, else ESTALE. Throws FileError;
 * ENOENT and ENOTDIR say that this directory is not there now (a symlink or a file may be), not that it never was.
 * PathError for '..' and the like.
 */
export function openDirectory(root: Directory, path: string, expected?: Expected): Directory {
  const whole = path === '' ? root.path : joinPath(root.path, path);
  if (path.startsWith('/')) throw new Error(`a path below a root is relative: ${path}`);
  if (root instanceof UnionDirectory) return expectedOf(root.openBelow(path), expected, whole);
  if (root instanceof DirectoryElsewhere) return expectedOf(root.openBelow(path), expected, whole);
  if (path === '') {
    scratch.bytes.write('.\0', 0, 'latin1');
    const fd = sys.openQuietlyAt(root.fd, scratch.address, sys.DIRECTORY_FLAGS);
    if (fd < 0) throw systemError(fd, 'open', whole);
    return directoryOf(fd, whole, expected);
  }
  decodePath(path);
  const beneath = sys.opensBeneath();
  const pieces = piecesOf(path, beneath ? PIECE_UNITS_MAX : 0);
  let from = root.fd;
  let walked = root.path;
  for (const [index, piece] of pieces.entries()) {
    walked = joinPath(walked, piece);
    const next = openPiece(from, piece, index === pieces.length - 1, beneath);
    if (from !== root.fd) sys.close(from);
    if (next < 0) throw reached(next, walked);
    from = next;
  }
  return directoryOf(from, whole, expected);
}

const ENAMETOOLONG = -36;

/** @returns a descriptor, or -errno */
function openPiece(from: number, piece: string, isLast: boolean, beneath: boolean): number {
  if (!put(piece, decodePath)) return ENAMETOOLONG;
  if (isLast) {
    return beneath
      ? sys.openQuietlyBeneath(from, scratch.address, sys.DIRECTORY_FLAGS)
      : sys.openQuietlyAt(from, scratch.address, sys.DIRECTORY_FLAGS);
  }
  // Needs no read permission on the directories in between.
  return beneath
    ? sys.openBeneath(from, scratch.address, sys.PASSAGE_FLAGS)
    : sys.openAt(from, scratch.address, sys.PASSAGE_FLAGS);
}

/**
 * openat2 says ELOOP where openat with O_DIRECTORY says ENOTDIR: in both cases a symlink is there, which is no
 * directory.
 */
function reached(result: number, path: string): FileError {
  const failure = systemError(result, 'open', path);
  return failure.errno === 'ELOOP' ? new FileError('ENOTDIR', 'open', path, 'a symlink is on the way') : failure;
}
