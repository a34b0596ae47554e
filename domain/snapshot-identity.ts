// Which state a snapshot is, whatever its name today: `daily.3` is another one tomorrow, and `monday` comes round.

/** Recorded with the scan, as JSON. Null parts could not be learnt; they are recorded as such and not compared. */
export interface SnapshotIdentity {
  /** Absolute, printable: where it lay when this was recorded. */
  readonly path: string;
  readonly fsType: string | null;
  /** The btrfs subvolume's UUID. */
  readonly uuid: string | null;
  /** The subvolume can be written by nobody. Left out where that is not known. */
  readonly readOnly?: boolean;
  /** Decimal, signed. Null on file systems that make inodes up anew at each mount. */
  readonly rootInode: string | null;
  /** Decimal ns; null where the file system keeps no birth time. */
  readonly rootBtimeNs: string | null;
  readonly rootCtimeNs: string;
  /**
   * XXH64 (16 hex digits) over names, kinds, sizes and mtimes of the top two levels; null when the root could not be
   * listed.
   */
  readonly fingerprint: string | null;
  /** The top two levels hold more entries than are looked at; the fingerprint covers the first of them. */
  readonly bounded: boolean;
  /**
   * Directories and entries that the fingerprint lacks because they could not be read: printable, below the snapshot;
   * '' is its root.
   */
  readonly unreadable: readonly string[];
}

/** What one look at an open root can be held against: of a snapshot, or of a live tree when its scan began. */
export type RootMark = Pick<SnapshotIdentity, 'rootInode' | 'rootBtimeNs'>;

/** Every subvolume's root has this inode on btrfs, and what is no subvolume never has. */
export const BTRFS_ROOT_INODE = '256';

function equalWhereKnown(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b;
}

/** Fingerprints speak of the same parts only if the same parts were left out. */
function fingerprintsAgree(a: SnapshotIdentity, b: SnapshotIdentity): boolean {
  if (a.bounded !== b.bounded || a.unreadable.length !== b.unreadable.length) return true;
  if (a.unreadable.some((path, at) => path !== b.unreadable[at])) return true;
  return equalWhereKnown(a.fingerprint, b.fingerprint);
}

/**
 * Whether a recorded snapshot and one that is on disk now are the same state (docs/design.md#snapshot-identity). Where
 * it is not, the recorded one is gone or was rewritten. A subvolume that could not be written in between is what its
 * UUID says, whatever a look at it brings. On btrfs all roots have inode 256 and may share a birth time: there the
 * subvolume's UUID tells, else path and root ctime. Where inodes mean nothing, only what lies at the same path can be
 * the same.
 */
export function sameSnapshot(recorded: SnapshotIdentity, now: SnapshotIdentity): boolean {
  if (!equalWhereKnown(recorded.fsType, now.fsType)) return false;
  if (recorded.uuid !== null && recorded.uuid === now.uuid && recorded.readOnly === true && now.readOnly === true)
    return true;
  if (!fingerprintsAgree(recorded, now)) return false;
  if (recorded.rootInode === null || now.rootInode === null) return recorded.path === now.path;
  if (recorded.rootInode !== now.rootInode) return false;
  if (recorded.fsType === 'btrfs' && recorded.rootInode === BTRFS_ROOT_INODE) {
    if (recorded.uuid !== null && now.uuid !== null) return recorded.uuid === now.uuid;
    return recorded.path === now.path && recorded.rootCtimeNs === now.rootCtimeNs;
  }
  return equalWhereKnown(recorded.rootBtimeNs, now.rootBtimeNs);
}
