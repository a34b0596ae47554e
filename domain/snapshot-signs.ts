// Signs that a snapshot is not finished: the names that backup programs give to what they still write. Few files are no
// such sign.
import type { Kind } from './version.ts';

/** Suffixes of directories that are being filled (rsync-time-backup, Time Machine, home-made scripts). */
const IN_PROGRESS = /\.(?:inprogress|incomplete|partial|tmp)$/i;

/**
 * Why a snapshot's name says that it is unfinished or no snapshot at all; null when it does not.
 *
 * @param name the part of its path that varies, components joined by '/'
 */
export function unfinishedByName(name: string): string | null {
  for (const component of name.split('/')) {
    if (IN_PROGRESS.test(component)) return `its name ends like that of a backup in progress (${component})`;
    if (/^_delete\.[0-9]+$/.test(component)) return `rsnapshot is deleting it (${component})`;
    if (component === '.sync') return 'it is where rsnapshot prepares the next snapshot (.sync)';
  }
  return null;
}

/**
 * rsync's name for a file that it is writing: a dot, the name (which keeps a leading dot of its own), a dot, and six
 * letters or digits at random.
 */
const RSYNC_TEMPORARY = /^\..+\.([A-Za-z0-9]{6})$/;

/**
 * Whether an entry is a sign of an rsync at work: one of its temporaries, or a directory of `--delay-updates` or
 * `--partial-dir`.
 *
 * `.bashrc.backup` has the form of a temporary and is none. Three things tell: rsync opens temporaries with the owner's
 * permissions only (seen with 3.5.0) until the file is complete; its six characters are drawn from 62, so that 989 of
 * 1,000 mix at least two of small letters, capitals and digits, which words and dates do not; and it is a regular file.
 * Whether it had been left lying in older snapshots already is for the caller, who sees the series.
 */
export function isRsyncAtWork(name: string, kind: Kind, mode: number): boolean {
  if (kind === 'directory') return name === '.~tmp~' || name === '.rsync-partial';
  const random = RSYNC_TEMPORARY.exec(name)?.[1];
  if (kind !== 'file' || random === undefined || (mode & 0o077) !== 0) return false;
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/].filter((characters) => characters.test(random));
  return classes.length >= 2;
}
