// What the file system says of one entry, in the types that the domain compares.
import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import type { Kind } from '../../domain/version.ts';

/** One entry as lstat or fstat gave it. Times in ns since 1970 (negative before), btimeNs 0n where none is kept. */
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

export function statOf(raw: BigIntStats): Stat {
  const mode = Number(raw.mode);
  const kind = KIND_BY_FORMAT.get(mode & constants.S_IFMT);
  if (kind === undefined) throw new Error(`an entry of a kind that Linux does not have: mode ${mode.toString(8)}`);
  return {
    kind,
    mode: mode & 0o7777,
    uid: Number(raw.uid),
    gid: Number(raw.gid),
    size: kind === 'file' ? Number(raw.size) : null,
    mtimeNs: raw.mtimeNs,
    ctimeNs: raw.ctimeNs,
    btimeNs: raw.birthtimeNs,
    inode: raw.ino,
    device: raw.dev,
    nlink: Number(raw.nlink),
    rdev: kind === 'char-device' || kind === 'block-device' ? raw.rdev : null,
    blocks: Number(raw.blocks),
  };
}
