// What one brick of a GlusterFS volume says of one directory and of one name in it (docs/design.md#gluster). Facts
// only: read by descriptor on the brick's own file system, never through a client mount.
import type { GapStatus } from '../scan.ts';
import type { Kind } from '../version.ts';

/** `trusted.afr.<volume>-client-N`: operations that a brick still owes, by kind; each is a count. */
export interface Pending {
  /** The brick that is blamed: N of `<volume>-client-N`; null is `trusted.afr.dirty`, which blames nobody. */
  readonly client: number | null;
  readonly data: number;
  readonly metadata: number;
  /** On directories only: names were made or removed that the blamed brick may not know of. */
  readonly entry: number;
}

/** What a brick's own listing and extended attributes tell of a name. */
export interface BrickEntry {
  readonly kind: Kind;
  /** Permission bits as they are on the brick, 07777: a file that is being moved has other ones than users see. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; null for anything but a file. For a file that was not finished it is right all the same: see `digest`. */
  readonly size: number | null;
  /** Of the brick's inode. Users see `mdataMtimeNs`. */
  readonly mtimeNs: bigint;
  readonly nlink: number;
  /** A symlink's target in printable text form; null otherwise. */
  readonly target: string | null;
  /** A device's number; null otherwise. */
  readonly rdev: bigint | null;
  /** `trusted.gfid` in 32 hex digits, lower case; null where the brick gave it none. */
  readonly gfid: string | null;
  /** `trusted.glusterfs.dht.linkto` without its NUL, printable; null where there is none. */
  readonly linkto: string | null;
  /** mtime of `trusted.glusterfs.mdata`: what users see; null where there is none. */
  readonly mdataMtimeNs: bigint | null;
  /** XXH64 of the content on this brick; null is unread, and equals nothing. */
  readonly digest: bigint | null;
  /** As Proof.zeroFrom: the offset from which it is nothing but zeros; null where it was not read. */
  readonly zeroFrom: number | null;
  /** Marks with a count of zero in all three are left out. */
  readonly pending: readonly Pending[];
  /** What `trusted.bit-rot.signature` says of the content; left out where it was not held against it. */
  readonly signature?: 'fits' | 'broken';
  /** `trusted.bit-rot.bad-file`: GlusterFS's own scrubber has condemned this copy. */
  readonly isCondemned?: boolean;
}

/** A name or a directory that a brick could not be asked about. */
export interface BrickGap {
  readonly status: GapStatus;
  /** EIO, EUCLEAN …; null where no errno was involved, as for a brick that is offline. */
  readonly errno: string | null;
}

/** What a brick says of a name that it lists. */
export type NameSight =
  | { readonly state: 'seen'; readonly entry: BrickEntry }
  /** It is listed, and nothing more could be learned: EIO and EUCLEAN on one name are a gap of that name. */
  | { readonly state: 'gap'; readonly gap: BrickGap };

/** `trusted.glusterfs.dht` of a directory on one brick: the hashes that this brick is to hold names of. */
export interface LayoutRange {
  readonly commitHash: number;
  /** 0 is what GlusterFS computes, 1 what a user has set. Others it does not accept. */
  readonly type: number;
  /** Both 0: this brick is to hold nothing new of the directory. */
  readonly start: number;
  /** The last hash of the range, itself included. */
  readonly stop: number;
}

/** What a brick says of one directory of the volume. */
export type DirectorySight =
  | {
      readonly state: 'listed';
      /** Null, or why the listing may lack names; what it has counts. */
      readonly gap: BrickGap | null;
      readonly gfid: string | null;
      readonly layout: LayoutRange | null;
      readonly mdataMtimeNs: bigint | null;
      /** Of the brick's inode. */
      readonly mtimeNs: bigint;
      /** Entry marks stand here: of names that were removed nothing else is left. */
      readonly pending: readonly Pending[];
      /** By printable name. Internal names of the brick's root are left out by whoever lists, or are ignored here. */
      readonly names: ReadonlyMap<string, NameSight>;
    }
  /** Its parent was listed completely on this brick and lacks it, or is absent itself. */
  | { readonly state: 'absent' }
  /** The brick is offline, or the directory could not be opened. */
  | { readonly state: 'unknown'; readonly gap: BrickGap };
