// What the file system says of one entry, in the types that the domain compares.
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { clampedTime, type Kind } from '../../domain/version.ts';
import { FileError } from './errors.ts';

/**
 * One entry as lstat or fstat gave it. Times in ns since 1970 (negative before; the nearest that the catalog can keep: isClamped), btimeNs 0n where
 * none is kept.
 */
export interface Stat {
  readonly kind: Kind;
  /** Permission bits, 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; null for anything but a file. */
  readonly size: number | null;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly btimeNs: bigint;
  /** Signed, as Node gives it: negative from 2^63 on. */
  readonly inode: bigint;
  readonly device: bigint;
  /** 2^31 - 1 stands for more. */
  readonly nlink: number;
  /** The number of a device node; null for anything else. */
  readonly rdev: bigint | null;
  /** Of 512 bytes. */
  readonly blocks: number;
}

const KIND_BY_FORMAT: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFIFO, 'fifo'],
  [constants.S_IFSOCK, 'socket'],
  [constants.S_IFCHR, 'char-device'],
  [constants.S_IFBLK, 'block-device'],
]);

const LINKS_MAX = 2 ** 31 - 1;

/**
 * @param path printable, for the error
 * @throws FileError for what no sound file system says: a kind that Linux does not have, a size that no program can read to its end
 */
export function statOf(raw: BigIntStats, path: string): Stat {
  const mode = Number(raw.mode);
  const kind = KIND_BY_FORMAT.get(mode & constants.S_IFMT);
  if (kind === undefined)
    throw new FileError('EUCLEAN', 'stat', path, `of a kind that Linux does not have: mode ${mode.toString(8)}`);
  if (kind === 'file' && (raw.size < 0n || raw.size > Number.MAX_SAFE_INTEGER))
    throw new FileError('EOVERFLOW', 'stat', path, `its size is given as ${raw.size} bytes`);
  return {
    kind,
    mode: mode & 0o7777,
    uid: Number(raw.uid),
    gid: Number(raw.gid),
    size: kind === 'file' ? Number(raw.size) : null,
    mtimeNs: clampedTime(raw.mtimeNs),
    ctimeNs: clampedTime(raw.ctimeNs),
    btimeNs: clampedTime(raw.birthtimeNs),
    inode: raw.ino,
    device: raw.dev,
    nlink: Math.min(Number(raw.nlink), LINKS_MAX),
    rdev: kind === 'char-device' || kind === 'block-device' ? raw.rdev : null,
    blocks: Number(raw.blocks),
  };
}
