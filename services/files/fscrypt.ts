// Directories that fscrypt has locked (ext4, f2fs, UBIFS, CephFS): without their key they are listed, under other
// names. The kernel makes those from the encrypted ones, and calls the names that people know absent; their files
// cannot be opened (ENOKEY), which is what tells.
import { closeFile, type Directory } from './directory.ts';
import { openDirectory } from './open-directory.ts';
import { FileError } from './errors.ts';

/** Base64 of at least 16 bytes: '-' and '_' since Linux 5.10, '+' and ',' before. */
const NO_KEY_NAME = /^[A-Za-z0-9+,_-]{22,252}$/;
/** The first name's length tells for nearly all directories that they are not. @param bytes of the name */
export function mayBeLocked(bytes: number): boolean {
  return bytes >= 22 && bytes <= 252;
}

/** Names of one level that are tried: empty directories, links and the like do not tell. */
const TRIED_MAX = 32;
const DEPTH_MAX = 16;
const NAMES_PER_BATCH = 1_024;

/**
 * Whether the directory is locked. All names of a locked one have that form and all that it holds is locked with it, so
 * that for nearly every other directory its first name tells.
 *
 * @param names all that it lists
 */
export function isLocked(directory: Directory, names: readonly string[]): boolean {
  return lockedAt(directory, names, 0) === true;
}

/** Null where it does not tell. */
function lockedAt(directory: Directory, names: readonly string[], depth: number): boolean | null {
  if (!names.every((name) => NO_KEY_NAME.test(name))) return false;
  for (const name of names.slice(0, TRIED_MAX)) {
    const told = toldBy(directory, name, depth);
    if (told !== null) return told;
  }
  return null;
}

function lockedBelow(directory: Directory, depth: number): boolean | null {
  const first: string[] = [];
  const batches = directory.batches(NAMES_PER_BATCH);
  try {
    for (let next = batches.next(); next.done !== true; next = batches.next()) {
      if (!next.value.names.every((name) => NO_KEY_NAME.test(name))) return false;
      if (first.length < TRIED_MAX) first.push(...next.value.names);
    }
  } finally {
    batches.return({ count: 0, duplicates: 0 });
  }
  return lockedAt(directory, first, depth);
}

function toldBy(directory: Directory, name: string, depth: number): boolean | null {
  try {
    const { kind } = directory.lstat(name);
    if (kind === 'file') {
      closeFile(directory.openFile(name));
      return false;
    }
    if (kind !== 'directory' || depth >= DEPTH_MAX) return null;
    const child = openDirectory(directory, name);
    try {
      return lockedBelow(child, depth + 1);
    } finally {
      child.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.errno === 'ENOKEY' ? true : null;
  }
}
