// What a thread holds while it does a shard: its connection, its hasher, the open root, and the rules of the scan.
import type { Connection } from '../catalog/database.ts';
import type { AttributeIds } from '../catalog/rows.ts';
import type { ScanContext } from '../catalog/scan-context.ts';
import type { Columns } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import type { Hasher } from '../files/hash.ts';
import type { Reader } from '../files/read.ts';
import type { ListingDigest } from '../files/listing-digest.ts';
import type { Stat } from '../files/stat.ts';
import type { ProgressCounters } from './progress.ts';
import type { LinkDigests } from './link-digests.ts';

export interface ShardEnvironment {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  readonly context: ScanContext;
  readonly hasher: Hasher;
  /** Tells the progress of what it reads. */
  readonly reader: Reader;
  /** Reset before each directory. */
  readonly digest: ListingDigest;
  /** What this lane has listed; reset before each batch. */
  readonly columns: Columns;
  readonly root: Directory;
  /** The root of the previous snapshot, for comparing inodes; null for live trees or where it is gone. */
  readonly previousRoot: Directory | null;
  /** Patterns exist, so that asking for each name pays. */
  readonly excludes: boolean;
  readonly excluded: (path: string, isDirectory: boolean) => boolean;
  /** By the rules of the later scan at seq, where this one is late. */
  readonly excludedAt: (seq: bigint, path: string, isDirectory: boolean) => boolean;
  /** `.snapshots` and its like, which are skipped at the root of a file system only. */
  readonly isSystemDirectory: (name: string) => boolean;
  readonly isMountRoot: (path: string, stat: Stat) => boolean;
  /**
   * Whether what a directory (its path below the root) holds stands in a btrfs snapshot for a nested subvolume:
   * services/files/btrfs.ts.
   */
  readonly isStub: (directory: string, name: string, stat: Stat) => boolean;
  /** Mount points below the root, relative and printable. */
  readonly mountPoints: ReadonlySet<string>;
  /** Mounts that an earlier scan entered, or that this one enters. */
  readonly enteredMounts: ReadonlySet<string>;
  /** Whether a file system is mounted at the path now. */
  readonly isMounted: (path: string) => boolean;
  /**
   * Mounts that this scan does not enter, and entered ones that are away: what is seen there, or below, is another's.
   */
  readonly isCovered: (path: string) => boolean;
  readonly isBelowCovered: (path: string) => boolean;
  /** Called with each directory before it is listed. */
  readonly visit: (path: string) => void;
  /**
   * Something was mounted or unmounted, since this shard began, over a directory that it has visited: what it saw may
   * be of either.
   */
  readonly mountsMoved: () => boolean;
  /**
   * False for directories on FUSE, NFS and SMB mounts: a second listing replaces the lookup by name
   * (docs/design.md#rule-9).
   */
  readonly lookupByName: (directory: string) => boolean;
  /** The file system has met errors since this shard began, as far as it tells: what it calls absent need not be. */
  readonly mediumFailed: () => boolean;
  /**
   * A call to the file system for this name ('' for the directory itself) begins: should it never return, this is
   * where.
   */
  readonly enter: (directory: number, name: string) => void;
  /** As enter(), of a name in columns. */
  readonly enterAt: (directory: number, columns: Columns, index: number) => void;
  /** No call is under way any more. */
  readonly leave: () => void;
  /** An earlier try at this shard never came back from there. */
  readonly hangs: (directory: number, name: string) => boolean;
  /** There is such a place. */
  readonly hasHung: boolean;
  /** Hard links within a root are read once. */
  readonly links: LinkDigests;
  readonly nowMs: () => number;
  readonly progress: ProgressCounters;
}
