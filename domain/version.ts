// What a name was, and when two observations of it are the same. Everything that judges compares with these functions
// only.

/** The kinds of directory entries that a Linux file system holds. */
export const KINDS = ['file', 'directory', 'symlink', 'fifo', 'socket', 'char-device', 'block-device'] as const;
export type Kind = (typeof KINDS)[number];

/** What any listing tells of a name: comparable between live and backup, and between any two snapshots. */
export interface Metadata {
  readonly kind: Kind;
  /** Permission bits, 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; null for anything but a file. */
  readonly size: number | null;
  /** Ns since 1970; isFromList() where a list says nothing of it. */
  readonly mtimeNs: bigint;
  /** A symlink's target in printable text form; null otherwise. */
  readonly target: string | null;
  /** A device's number; null otherwise. */
  readonly rdev: bigint | null;
}

/**
 * Describes the one copy that was read (or, where digest is null, the one that was listed). Never compared between
 * copies.
 */
export interface Proof {
  /** XXH64 of the content, unsigned; null means unread, which equals nothing. */
  readonly digest: bigint | null;
  /**
   * What the content looks like: the offset in bytes from which it is nothing but zero bytes to its end. The size where
   * the last byte is not zero; 0 where all of it is zeros, and for an empty file. Null: not a file, unread, or read
   * before looks were recorded. It goes with the digest.
   */
  readonly zeroFrom: number | null;
  /** seq of the scan whose copy was read; null with a null digest. */
  readonly readSeq: bigint | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  /** 0n where the file system keeps no birth time. */
  readonly btimeNs: bigint;
  readonly nlink: number;
  /**
   * Content changed under the same size and mtime: never last known good, never a source, equals nothing until
   * accepted.
   */
  readonly suspect: boolean;
  /** mtime or ctime lay within 2 s before the read: read again next time. */
  readonly racy: boolean;
}

export const END_REASONS = ['changed', 'vanished', 'excluded', 'root removed'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** What a name was over the half-open run of scans [firstSeq, endSeq). */
export interface Version extends Metadata, Proof {
  readonly firstSeq: bigint;
  /** The first complete scan that saw otherwise; null while it holds. */
  readonly endSeq: bigint | null;
  readonly endReason: EndReason | null;
}

/** No file system holds such a time: it says that a list of another tool told names and digests, and no metadata. */
const LIST_MTIME_NS = -(2n ** 63n);
/**
 * The times that the catalog can keep (64 bits of ns): from 1677-09-21 to 2262-04-11. File systems keep others, too.
 */
export const TIME_MIN_NS = LIST_MTIME_NS + 1n;
export const TIME_MAX_NS = 2n ** 63n - 1n;

/** The time, or the nearest that can be kept. */
export function clampedTime(timeNs: bigint): bigint {
  if (timeNs > TIME_MAX_NS) return TIME_MAX_NS;
  return timeNs < TIME_MIN_NS ? TIME_MIN_NS : timeNs;
}

/** It stands for any time beyond what can be kept: two that are equal need not have been, and neither is older. */
export function isClamped(timeNs: bigint): boolean {
  return timeNs === TIME_MAX_NS || timeNs === TIME_MIN_NS;
}

/** The metadata of what only such a list tells of; its size may be null too. */
export const LIST_METADATA = { mode: -1, uid: -1, gid: -1, mtimeNs: LIST_MTIME_NS } as const;

/** Known from a list only: content at best, and never a time, an owner or a mode. */
export function isFromList(of: Pick<Metadata, 'mtimeNs'>): boolean {
  return of.mtimeNs === LIST_MTIME_NS;
}

/** Tools that make lists read through symlinks: a name that a list tells of may have been one. */
export function mayBeLink(a: Metadata, b: Metadata): boolean {
  return (isFromList(a) && b.kind === 'symlink') || (isFromList(b) && a.kind === 'symlink');
}

/** Not known to differ: a list may tell no size. */
export function sizesAgree(a: Pick<Metadata, 'size'>, b: Pick<Metadata, 'size'>): boolean {
  return a.size === null || b.size === null || a.size === b.size;
}

/**
 * What comparing content needs. Versions and sightings fit, which have digests as numbers, and the states of reports,
 * which have them in hex.
 */
export interface Content<Digest> extends Pick<Metadata, 'kind' | 'size' | 'target' | 'rdev'> {
  readonly digest: Digest | null;
  /** As Proof.suspect; left out of a state. */
  readonly suspect?: boolean;
}

/**
 * Same content (docs/design.md#same): kinds equal, and file: sizes and non-null digests equal · symlink: target ·
 * device: rdev · directory, FIFO, socket: nothing more. An unread digest equals nothing, and neither does a suspect
 * observation. Where a list told no size, the digest decides.
 */
export function same<Digest extends bigint | string>(a: Content<Digest>, b: Content<Digest>): boolean {
  if (a.kind !== b.kind || a.suspect === true || b.suspect === true) return false;
  switch (a.kind) {
    case 'file':
      return sizesAgree(a, b) && a.digest !== null && a.digest === b.digest;
    case 'symlink':
      return a.target === b.target;
    case 'char-device':
    case 'block-device':
      return a.rdev === b.rdev;
    case 'directory':
    case 'fifo':
    case 'socket':
      return true;
  }
}

/**
 * A new version begins where any of these differs (a digest that differs also begins one; that is decided where it is
 * read).
 */
export function metadataEqual(a: Metadata, b: Metadata): boolean {
  return (
    a.kind === b.kind &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.target === b.target &&
    a.rdev === b.rdev
  );
}

const SECOND_NS = 1_000_000_000n;

/**
 * The precision that a time was evidently kept at: 1 s if its nanoseconds are 0, 100 ns if divisible by 100, else 1 ns.
 */
function precisionNs(timeNs: bigint): bigint {
  if (timeNs % SECOND_NS === 0n) return SECOND_NS;
  return timeNs % 100n === 0n ? 100n : 1n;
}

function floorTo(timeNs: bigint, precision: bigint): bigint {
  const rest = timeNs % precision;
  return rest < 0n ? timeNs - rest - precision : timeNs - rest;
}

/** Equal at the coarser precision of the two: backups and old file systems cut times off. */
export function sameMtime(a: bigint, b: bigint): boolean {
  if (a === LIST_MTIME_NS || b === LIST_MTIME_NS) return false;
  const pa = precisionNs(a);
  const pb = precisionNs(b);
  const p = pa > pb ? pa : pb;
  return floorTo(a, p) === floorTo(b, p);
}

/** Nothing announces a change between the two: same size and mtime at the coarser precision (docs/design.md#quiet). */
export function quiet(a: Metadata, b: Metadata): boolean {
  return a.kind === b.kind && a.size === b.size && sameMtime(a.mtimeNs, b.mtimeNs);
}
