// What a shard brings home: rows gathered, listings, directories left over; and how that becomes a result with child
// shards.
import { joinPath } from '../../domain/path.ts';
import { SUBVOLUME_STUB } from '../../domain/scan.ts';
import { resolveDirectories } from '../catalog/directories.ts';
import { seenInGoodStanding, standingKey } from '../catalog/known.ts';
import { type ListingRow, NEVER_UNCHANGED, type ShardResult } from '../catalog/shard-result.ts';
import type { Place, ShardDirectory, ShardWork } from '../catalog/shards.ts';
import { type Columns, NAME } from '../files/columns.ts';
import { isLink } from '../files/linked-names.ts';
import type { ListingDigest } from '../files/listing-digest.ts';
import { FORMAT_DIRECTORY, FORMAT_FILE, formatAt, mountIdAt, type Stat, sizeAt } from '../files/stat.ts';
import { gather } from './directory-diff.ts';
import type { Diffed, Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { CHILD_SHARDS, READ_SHARD_BYTES } from './limits.ts';
import { type Look, type Looked, MOUNTED_SINCE } from './look.ts';

export interface ListOutcome {
  readonly gathered: Gathered;
  readonly listings: ListingRow[];
  /** Directories that still have to be listed. */
  readonly rest: ShardDirectory[];
  /** Directories too long for a look: each becomes a shard by itself. */
  readonly huge: ShardDirectory[];
  /** Directories whose rows of this scan, written ahead or by an earlier try, are replaced at the end of the shard. */
  replaces: readonly number[];
  /** For the shards that come of this one. */
  readonly hung: readonly Place[];
}

export function emptyOutcome(
  environment: ShardEnvironment,
  rest: ShardDirectory[] = [],
  hung: readonly Place[] = [],
): ListOutcome {
  return { gathered: gather(environment), listings: [], rest, huge: [], replaces: [], hung };
}

export function resultOf(outcome: ListOutcome, generation: number): ShardResult {
  const { gathered } = outcome;
  return {
    versions: gathered.versions,
    endings: gathered.endings,
    gaps: gathered.gaps,
    listings: outcome.listings,
    counts: gathered.counts,
    replaces: outcome.replaces,
    forgets: [],
    unsettles: [],
    children: [
      ...listChildren(outcome.rest, generation + 1),
      ...outcome.huge.map((one) => ({
        kind: 'list' as const,
        work: { directories: [one], generation: generation + 1 },
      })),
      ...readChildren(gathered),
    ].map((child) => (outcome.hung.length === 0 ? child : { ...child, work: { ...child.work, hung: outcome.hung } })),
  };
}

function listChildren(rest: readonly ShardDirectory[], generation: number): { kind: 'list'; work: ShardWork }[] {
  const directories = [...rest].reverse();
  const size = Math.max(1, Math.ceil(directories.length / CHILD_SHARDS));
  const children: { kind: 'list'; work: ShardWork }[] = [];
  for (let start = 0; start < directories.length; start += size) {
    children.push({ kind: 'list', work: { directories: directories.slice(start, start + size), generation } });
  }
  return children;
}

function readChildren(gathered: Gathered): { kind: 'read'; work: ShardWork }[] {
  const children: { kind: 'read'; work: ShardWork }[] = [];
  let files: { directory: ShardDirectory; name: string; bytes: number }[] = [];
  let bytes = 0;
  for (const file of gathered.deferred) {
    if (files.length > 0 && bytes + file.bytes > READ_SHARD_BYTES) {
      children.push({ kind: 'read', work: { files } });
      files = [];
      bytes = 0;
    }
    files.push({ directory: file.directory, name: file.name, bytes: file.bytes });
    bytes += file.bytes;
  }
  if (files.length > 0) children.push({ kind: 'read', work: { files } });
  return children;
}

/** What of a look its subdirectories come from. */
export type Standing = Pick<Looked, 'directory' | 'handle' | 'columns'> & { readonly standing: Iterable<number> };

/** Those of an unchanged directory. */
export function allStanding(looked: Looked): Standing {
  const { directory, handle, columns, from, to } = looked;
  return { directory, handle, columns, standing: range(from, to) };
}

function* range(from: number, to: number): Generator<number> {
  for (let index = from; index < to; index++) yield index;
}

interface WantedChild {
  readonly parent: number;
  readonly name: string;
  readonly path: string;
  readonly inode: bigint;
  readonly device: bigint;
  readonly isStub: boolean;
  /** Another file system, or another place of the same one, is mounted over it. */
  readonly crosses: boolean;
}

function* wantedChildren(environment: ShardEnvironment, one: Standing): Generator<WantedChild> {
  const { columns, directory, handle } = one;
  const { view } = columns;
  for (const index of one.standing) {
    const at = columns.statAt(index);
    if (columns.state(index) !== NAME.stands || formatAt(view, at) !== FORMAT_DIRECTORY) continue;
    const name = columns.name(index);
    const stat = columns.stat(index, name);
    const mountId = mountIdAt(view, at);
    yield {
      parent: directory.id,
      name,
      path: joinPath(directory.path, name),
      inode: stat.inode,
      device: stat.device,
      isStub: environment.context.role === 'backup' && environment.isStub(directory.path, name, stat),
      crosses: stat.device !== handle.stat.device || mountId !== handle.stat.mountId,
    };
  }
}

/**
 * Subdirectories to be listed, with their ids; a mount that is not entered, and a snapshot's stub of a nested
 * subvolume, become a `boundary`.
 */
export async function childDirectories(
  environment: ShardEnvironment,
  looks: readonly Standing[],
  outcome: Pick<ListOutcome, 'gathered'>,
): Promise<ShardDirectory[]> {
  const wanted = looks.flatMap((one) => [...wantedChildren(environment, one)]);
  const ids = await resolveDirectories(environment.client, wanted);
  const children: ShardDirectory[] = [];
  wanted.forEach((child, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error('every directory has an id');
    const detail = notEntered(environment, child);
    if (detail !== null) {
      outcome.gathered.gaps.push({ directory: id, name: '', status: 'boundary', errno: null, detail });
      return;
    }
    // Of a mount point a lookup tells what opening it does: both are of the file system that is mounted there.
    children.push({ id, path: child.path, inode: String(child.inode), device: String(child.device) });
  });
  return children;
}

/** Why a subdirectory is not looked into; null for nearly all. */
function notEntered(environment: ShardEnvironment, child: WantedChild): string | null {
  const isMount = environment.mountPoints.has(child.path);
  if (child.isStub) return SUBVOLUME_STUB;
  if ((child.crosses || isMount) && !environment.context.scope.crossMounts)
    return 'another file system: it is not entered unless --cross-mounts is given';
  return isMount && !environment.enteredMounts.has(child.path) ? MOUNTED_SINCE : null;
}

/** Files of a directory that stand as they did, and are held against no row: services/scan/linked.ts. */
export interface LinkedFiles {
  /** Their indices. */
  readonly linked: readonly number[];
  readonly bytes: number;
  readonly linkDigest: bigint;
  /** Null: unread. */
  readonly contentDigest: bigint | null;
  readonly racy: boolean;
}

const NONE_LINKED: LinkedFiles = { linked: [], bytes: 0, linkDigest: 0n, contentDigest: 0n, racy: false };

/** The digests of what stands. */
export function listingOf(
  { context, digest }: ShardEnvironment,
  one: Look,
  diffed: Diffed,
  files: LinkedFiles = NONE_LINKED,
): ListingRow {
  const { columns, stat } = one;
  const { standing, gaps, deferred } = diffed;
  const { linked } = files;
  digest.reset();
  const sums = { files: linked.length, bytes: files.bytes };
  const count = linked.length + standing.length;
  // What was looked at, no more and no less: its stat digest stands.
  const asLooked = count === one.count && one.extra.length === 0;
  for (const index of standing) addToListing(digest, columns, index, { sums, stat: !asLooked });
  if (!asLooked) for (const index of linked) digest.addStat(columns, index);
  // A later snapshot can share files that have a name in this one.
  const mayBeLinked = context.role === 'backup' && (linked.length > 0 || standing.some((i) => isLink(columns, i)));
  if (mayBeLinked) for (const index of standing) digest.addLink(columns, index);
  return listingRow(one.directory.id, stat, {
    statDigest: asLooked ? one.statDigest : digest.statDigest(),
    linkDigest: mayBeLinked ? BigInt.asIntN(64, files.linkDigest + digest.linkDigest()) : null,
    contentDigest: sumOrNull(files.contentDigest, digest.contentDigest()),
    count,
    ...sums,
    gaps,
    deferred,
    racy: files.racy || diffed.racy,
  });
}

function sumOrNull(a: bigint | null, b: bigint | null): bigint | null {
  return a === null || b === null ? null : BigInt.asIntN(64, a + b);
}

/** What a whole listing comes to, in one part or many. */
export interface ListingSums
  extends Pick<ListingRow, 'statDigest' | 'linkDigest' | 'contentDigest' | 'count' | 'files' | 'bytes'> {
  /** Names that could not be looked at or read. */
  readonly gaps: number;
  readonly deferred: number;
  readonly racy: boolean;
}

/** @param stat of the directory, as in Look.stat */
export function listingRow(
  directory: number,
  stat: Pick<Stat, 'inode' | 'mtimeNs' | 'ctimeNs'>,
  { gaps, deferred, ...sums }: ListingSums,
): ListingRow {
  return {
    directory,
    ...sums,
    // With a gap it must never match: a name that is gone for good next time would be missed.
    statDigest: gaps === 0 ? sums.statDigest : NEVER_UNCHANGED,
    linkDigest: gaps === 0 ? sums.linkDigest : null,
    contentDigest: gaps === 0 && deferred === 0 ? sums.contentDigest : null,
    dirInode: stat.inode,
    dirMtimeNs: stat.mtimeNs,
    dirCtimeNs: stat.ctimeNs,
  };
}

/** Adds what stands to the digests of its directory, and to its sums. */
export function addToListing(
  digest: ListingDigest,
  columns: Columns,
  index: number,
  into: { readonly sums: { files: number; bytes: number }; readonly stat: boolean },
): void {
  if (into.stat) digest.addStat(columns, index);
  digest.addContent(columns, index);
  const at = columns.statAt(index);
  if (formatAt(columns.view, at) !== FORMAT_FILE) return;
  into.sums.files++;
  into.sums.bytes += sizeAt(columns.view, at);
}

/** One question for all rows whose content changed in silence: was that digest once seen in good standing? */
export async function settleSuspects(environment: ShardEnvironment, gathered: Gathered): Promise<void> {
  const good = await seenInGoodStanding(environment.client, gathered.suspects);
  for (const row of gathered.suspects.splice(0)) {
    row.settle(!good.has(standingKey(row.directory, row.name, row.digest)));
  }
}
