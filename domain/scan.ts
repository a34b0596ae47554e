// Volumes, scans and gaps: one observation of a tree, and what it could not see.

export type Role = 'live' | 'backup';
export type Layout = 'tree' | 'gluster' | 'snapshots';

export const GAP_STATUSES = [
  'denied',
  'io',
  'partial',
  'boundary',
  'unmounted',
  'failed',
  'unsettled',
  // Of names on bricks: a verdict each (docs/design.md#verdicts, row 2).
  'hidden',
  'unreachable',
  'misplaced',
] as const;
export type GapStatus = (typeof GAP_STATUSES)[number];

/**
 * The name of a gap that hides no name which was seen: names of its directory, and of those below, that were not seen
 * may be there all the same, as on a brick that is away. No file can have it.
 */
export const NAMES_UNSEEN = '/';
/** The name of a gap that says of names which stand that nobody knows whether users can open them. */
export const NAMES_UNPLACED = '//';

/**
 * Whether a gap hides nothing that was seen: NAMES_UNSEEN, what the bricks say of a name that stands all the same (a
 * slash, then the name), or content that has lost its name (gluster/orphans.ts).
 */
export function hidesNothing({ name }: Pick<Gap, 'name'>): boolean {
  return name.startsWith('/');
}

/** A directory or a name that a scan could not look at. What lies below is unknown, never absent. */
export interface Gap {
  /** Printable path of the directory. */
  readonly directory: string;
  /** '' for the directory itself and all below it; NAMES_UNSEEN for what of it was not seen. */
  readonly name: string;
  readonly status: GapStatus;
  /** EACCES, EIO …; null where no errno was involved. */
  readonly errno: string | null;
  readonly detail: string | null;
}

/**
 * The detail of a `boundary` that stands for a nested subvolume: in a snapshot of the subvolume above, an empty
 * directory takes its place. What lies in the subvolume has no copy there, and its absence proves nothing.
 */
export const SUBVOLUME_STUB = 'a nested subvolume: a snapshot holds an empty directory in its place';

/**
 * Whether a gap hides nothing but what a snapshot cannot hold: for its backup such a name is missing, for its history
 * it is unknown.
 */
export function isSubvolumeStub(gap: Pick<Gap, 'status' | 'detail'>): boolean {
  return gap.status === 'boundary' && gap.detail === SUBVOLUME_STUB;
}

/** The detail of a `boundary` that is a file with another one mounted over it. */
export const MOUNTED_FILE = 'another file is mounted over it: it is not read unless --cross-mounts is given';

/**
 * Whether a boundary is a mount: as a directory that was seen, or as a file. What a file system keeps at its root is
 * one by its name.
 */
export function isMountGap(gap: Pick<Gap, 'name' | 'status' | 'detail'>): boolean {
  return gap.status === 'boundary' && (gap.name === '' || gap.detail === MOUNTED_FILE);
}

/**
 * When a state was taken: an interval, in ms since 1970. A snapshot whose name has a date without a time covers that
 * day.
 */
export interface AsOf {
  readonly fromMs: number;
  readonly toMs: number;
  /**
   * How it is known: 'name' | 'noted' | 'btrfs' | 'scan' …, or the estimates 'order' | 'mtime' | 'weekday'
   * (domain/snapshot-order.ts).
   */
  readonly source: string;
}

/** list: bytes are not read; read: what cannot be carried is read; reread: every copy is read. */
export type ScanMode = 'list' | 'read' | 'reread';

/** One complete observation of a volume: the live tree, or one snapshot. */
export interface Scan {
  readonly id: bigint;
  readonly volumeId: number;
  readonly rootId: number;
  /** Of its root: where path means something. */
  readonly host: string;
  readonly seq: bigint;
  /** Printable path of the directory that was walked; for a snapshot, where it lies now. */
  readonly path: string;
  /** The snapshot's name; null for a live tree. */
  readonly snapshot: string | null;
  readonly asOf: AsOf;
  readonly mode: ScanMode;
  /** Why the state is no longer on disk ('gone' | 'rewritten'), or null while its copies can be read. */
  readonly pruned: string | null;
  /** When another host read it (an imported export), in ms; null for scans made here. */
  readonly exportedMs: number | null;
  readonly startedMs: number;
  /**
   * mtime of its root when that was listed: the root is nobody's entry, so no version tells. Null where it was not
   * recorded.
   */
  readonly rootMtimeNs: bigint | null;
  /** A list that another tool made: whether it claims to hold every file. Left out for what was really looked at. */
  readonly list?: 'partial' | 'complete';
}
