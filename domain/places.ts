// Directories that say what became of a file by their name alone: where a repair puts what it found, and where deleted
// files are kept. One list, for everything that asks.

/**
 * ext4, XFS and others: fsck reconnects here what no directory names any more. Every file system has its own, so it may
 * stand at any depth.
 */
const REPAIRED = 'lost+found';

/** A name that is one of these, at any depth, holds what somebody or a program deleted or replaced. */
const TRASHES: ReadonlySet<string> = new Set([
  // Freedesktop, at the top of a mounted file system; macOS.
  '.Trash',
  '.Trashes',
  // Samba's recycle, Synology, QNAP, Windows.
  '.recycle',
  '#recycle',
  '@Recycle',
  '$RECYCLE.BIN',
  // Nextcloud and ownCloud, Syncthing.
  'files_trashbin',
  '.stversions',
]);

/** `.Trash-1000`: the same for one user. */
const TRASH_OF_USER = '.Trash-';
/** Freedesktop, in a home directory. */
const TRASH_OF_HOME = /(?:^|\/)\.local\/share\/Trash(?:\/|$)/;

/** Below a lost+found of any file system of the volume. */
export function inLostAndFound(path: string): boolean {
  return namesAbove(path).includes(REPAIRED);
}

/** Below a place where deleted or replaced files are kept. */
export function inTrash(path: string): boolean {
  return (
    namesAbove(path).some((name) => TRASHES.has(name) || name.startsWith(TRASH_OF_USER)) || TRASH_OF_HOME.test(path)
  );
}

/** A repair puts what it finds into lost+found; what was moved within it was moved by somebody. */
export function isDisplaced(from: string, to: string): boolean {
  return inLostAndFound(to) && !inLostAndFound(from);
}

/** It went to such a place from elsewhere. */
export function isTrashed(from: string, to: string): boolean {
  return inTrash(to) && !inTrash(from);
}

/** The names of the directories that a path lies in. */
function namesAbove(path: string): string[] {
  return path.split('/').slice(0, -1);
}
