// What a shard brings home: rows gathered, listings, directories left over; and how that becomes a result with child shards.
import { joinPath } from '../../domain/path.ts';
import { SUBVOLUME_STUB } from '../../domain/scan.ts';
import { resolveDirectories } from '../catalog/directories.ts';
import { seenInGoodStanding, standingKey } from '../catalog/known.ts';
import type { ListingRow, ShardResult } from '../catalog/shard-result.ts';
import type { Place, ShardDirectory, ShardWork } from '../catalog/shards.ts';
import type { Directory } from '../files/directory.ts';
import { gather } from './directory-diff.ts';
import type { Diffed, Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { CHILD_SHARDS, READ_SHARD_BYTES } from './limits.ts';
import { type Entry, type Look, MOUNTED_SINCE } from './look.ts';

export interface ListOutcome {
  readonly gathered: Gathered;
  readonly listings: ListingRow[];
  /** Directories that still have to be listed. */
  readonly rest: ShardDirectory[];
  /** Directories too long for a look: each becomes a shard by itself. */
  readonly huge: ShardDirectory[];
  /** A huge directory was streamed, and its rows written ahead. */
  streamed: boolean;
  /** For the shards that come of this one. */
  readonly hung: readonly Place[];
}

export function emptyOutcome(rest: ShardDirectory[] = [], hung: readonly Place[] = []): ListOutcome {
  return { gathered: gather(), listings: [], rest, huge: [], streamed: false, hung };
}

export function resultOf(outcome: ListOutcome, generation: number): ShardResult {
  const { gathered } = outcome;
  return {
    versions: gathered.versions,
    endings: gathered.endings,
    gaps: gathered.gaps,
    listings: outcome.listings,
    counts: gathered.counts,
    replaces: [],
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

/** Subdirectories to be listed, with their ids; a mount that is not entered, and a snapshot's stub of a nested subvolume, become a `boundary`. */
export async function childDirectories(
  environment: ShardEnvironment,
  looks: readonly {
    readonly directory: ShardDirectory;
    readonly handle: Directory;
    readonly entries: readonly Entry[];
  }[],
  outcome: Pick<ListOutcome, 'gathered'>,
): Promise<ShardDirectory[]> {
  const wanted = looks.flatMap((one) =>
    one.entries
      .filter((entry) => entry.stat.kind === 'directory')
      .map((entry) => ({
        parent: one.directory.id,
        name: entry.name,
        path: joinPath(one.directory.path, entry.name),
        stat: entry.stat,
        isStub: environment.context.role === 'backup' && environment.isStub(one.directory.path, entry.name, entry.stat),
        parentDevice: one.handle.stat.device,
      })),
  );
  const ids = await resolveDirectories(environment.client, wanted);
  const children: ShardDirectory[] = [];
  wanted.forEach((child, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error('every directory has an id');
    const isMount = environment.mountPoints.has(child.path);
    const crosses = child.stat.device !== child.parentDevice || isMount;
    const detail = child.isStub
      ? SUBVOLUME_STUB
      : crosses && !environment.context.scope.crossMounts
        ? 'another file system: it is not entered unless --cross-mounts is given'
        : isMount && !environment.enteredMounts.has(child.path)
          ? MOUNTED_SINCE
          : null;
    if (detail !== null) {
      outcome.gathered.gaps.push({ directory: id, name: '', status: 'boundary', errno: null, detail });
      return;
    }
    children.push({
      id,
      path: child.path,
      inode: String(child.stat.inode),
      // Of a mount point lstat tells what opening it does: both are of the file system that is mounted there.
      device: String(child.stat.device),
    });
  });
  return children;
}

/** The digests of what stands. */
export function listingOf(
  environment: ShardEnvironment,
  one: Pick<Look, 'directory' | 'stat'>,
  diffed: Diffed,
): ListingRow {
  const { digest } = environment;
  digest.reset();
  let files = 0;
  let bytes = 0;
  for (const { entry, digest: content } of diffed.seen) {
    digest.addStat(entry.name, entry.stat, entry.target);
    const { kind, size, rdev } = entry.stat;
    digest.addContent(entry.name, { kind, size, rdev, digest: content }, entry.target);
    if (entry.stat.kind === 'file') {
      files++;
      bytes += entry.stat.size ?? 0;
    }
  }
  const whole = diffed.gaps === 0 && diffed.deferred === 0;
  const { stat } = one;
  return {
    directory: one.directory.id,
    // With a gap it must never match: a name that is gone for good next time would be missed.
    statDigest: diffed.gaps === 0 ? digest.statDigest() : ~digest.statDigest(),
    contentDigest: whole ? digest.contentDigest() : null,
    count: diffed.seen.length,
    files,
    bytes,
    racy: diffed.racy,
    dirInode: stat.inode,
    dirMtimeNs: stat.mtimeNs,
    dirCtimeNs: stat.ctimeNs,
  };
}

/** One question for all rows whose content changed in silence: was that digest once seen in good standing? */
export async function settleSuspects(environment: ShardEnvironment, gathered: Gathered): Promise<void> {
  const good = await seenInGoodStanding(environment.client, gathered.suspects);
  for (const row of gathered.suspects.splice(0)) {
    row.settle(!good.has(standingKey(row.directory, row.name, row.digest)));
  }
}
