// What a thread holds while it does a shard: its connection, its hasher, the open root, and the rules of the scan.
import type { Connection } from '../catalog/database.ts';
import type { AttributeIds } from '../catalog/rows.ts';
import type { ScanContext } from '../catalog/scans.ts';
import type { Directory } from '../files/directory.ts';
import type { Hasher } from '../files/hash.ts';
import type { ListingDigest } from '../files/listing-digest.ts';
import type { Stat } from '../files/stat.ts';

/** Digest of one inode, as read in this scan. */
export interface LinkDigest {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly digest: bigint;
  readonly racy: boolean;
}

export interface ShardEnvironment {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  readonly context: ScanContext;
  readonly hasher: Hasher;
  /** Reset before each directory. */
  readonly digest: ListingDigest;
  readonly root: Directory;
  /** The root of the previous snapshot, for comparing inodes; null for live trees or where it is gone. */
  readonly previousRoot: Directory | null;
  /** Patterns exist, so that asking for each name pays. */
  readonly excludes: boolean;
  readonly excluded: (path: string, isDirectory: boolean) => boolean;
  /** `.snapshots` and its like, which are skipped at the root of a file system only. */
  readonly isSystemDirectory: (name: string) => boolean;
  readonly isMountRoot: (path: string, stat: Stat) => boolean;
  /** Mount points below the root, relative and printable. */
  readonly mountPoints: ReadonlySet<string>;
  /** Mounts that an earlier scan entered, or that this one enters. */
  readonly enteredMounts: ReadonlySet<string>;
  /** Whether a file system is mounted at the path now. */
  readonly isMounted: (path: string) => boolean;
  /** False on FUSE, NFS and SMB mounts that are not read-only: there a second listing replaces the lookup by name (design.md, rule 9). */
  readonly lookupByName: boolean;
  /** The file system has met errors since this shard began, as far as it tells: what it calls absent need not be. */
  readonly mediumFailed: () => boolean;
  /** By "device:inode": hard links within a root are read once. */
  readonly links: Map<string, LinkDigest>;
  readonly nowMs: () => number;
  /** Moves the progress counter. */
  readonly tick: () => void;
  readonly progress: (files: number, bytes: number) => void;
}
