// A list shard: directories listed, held against the catalog in batches, small files read; what is left over becomes shards of its own.
import { joinPath } from '../../domain/path.ts';
import { resolveDirectories } from '../catalog/directories.ts';
import { knownDonors, knownListings, knownRows, nextSeen, seenInGoodStanding, standingKey } from '../catalog/known.ts';
import type { KnownListing } from '../catalog/known.ts';
import type { ListingRow, Shard, ShardDirectory, ShardResult, ShardWork } from '../catalog/shards.ts';
import { diffDirectory, gather, lookInput } from './directory-diff.ts';
import type { Diffed, Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { listHuge } from './huge-directory.ts';
import {
  BATCH_DIRECTORIES,
  BATCH_ENTRIES,
  CHILD_SHARDS,
  READ_SHARD_BYTES,
  SHARD_BYTES_READ,
  SHARD_ENTRIES_BY_GENERATION,
  SHARD_ROWS,
} from './limits.ts';
import type { Directory } from '../files/directory.ts';
import type { Entry, Look } from './look.ts';
import { look } from './look.ts';

export interface ListOutcome {
  readonly gathered: Gathered;
  readonly listings: ListingRow[];
  /** Directories that still have to be listed. */
  readonly rest: ShardDirectory[];
}

/** Does a list shard from end to end, but for writing it. */
export async function runListShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('directories' in shard.work)) throw new Error('a list shard lists directories');
  const { generation } = shard.work;
  const budget = SHARD_ENTRIES_BY_GENERATION[generation] ?? SHARD_ENTRIES_BY_GENERATION.at(-1) ?? BATCH_ENTRIES;
  const outcome: ListOutcome = { gathered: gather(), listings: [], rest: [...shard.work.directories].reverse() };
  let entries = 0;
  while (outcome.rest.length > 0 && entries < budget && withinBounds(outcome.gathered)) {
    entries += await listBatch(environment, shard, outcome, Math.min(BATCH_ENTRIES, budget - entries));
  }
  await settleSuspects(environment, outcome.gathered);
  return resultOf(outcome, generation);
}

function withinBounds(gathered: Gathered): boolean {
  return (
    gathered.counts.bytesRead < SHARD_BYTES_READ && gathered.versions.length + gathered.endings.length < SHARD_ROWS
  );
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
    children: [...listChildren(outcome.rest, generation + 1), ...readChildren(gathered)],
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

export function readChildren(gathered: Gathered): { kind: 'read'; work: ShardWork }[] {
  const children: { kind: 'read'; work: ShardWork }[] = [];
  let files: { directory: ShardDirectory; name: string }[] = [];
  let bytes = 0;
  for (const file of gathered.deferred) {
    if (files.length > 0 && bytes + file.bytes > READ_SHARD_BYTES) {
      children.push({ kind: 'read', work: { files } });
      files = [];
      bytes = 0;
    }
    files.push({ directory: file.directory, name: file.name });
    bytes += file.bytes;
  }
  if (files.length > 0) children.push({ kind: 'read', work: { files } });
  return children;
}

/** Lists directories from the end of `rest` until the batch is full, and puts their subdirectories there. @returns entries looked at */
async function listBatch(
  environment: ShardEnvironment,
  shard: Shard,
  outcome: ListOutcome,
  entriesMax: number,
): Promise<number> {
  const { context, client } = environment;
  const looks: Look[] = [];
  let entries = 0;
  try {
    while (outcome.rest.length > 0 && looks.length < BATCH_DIRECTORIES && entries < entriesMax) {
      const directory = outcome.rest.pop();
      if (directory === undefined) break;
      environment.tick();
      const seen = look(environment, directory);
      if ('gap' in seen) {
        outcome.gathered.gaps.push({ directory: directory.id, ...seen.gap });
      } else if ('huge' in seen) {
        try {
          entries += await listHuge(environment, shard, directory, seen.huge, outcome);
        } finally {
          seen.huge.close();
        }
      } else {
        looks.push(seen);
        entries += seen.entries.length + 1;
      }
    }
    const ids = looks.map((l) => l.directory.id);
    const listings =
      context.next === null ? await knownListings(client, context, ids) : new Map<number, KnownListing>();
    const children = await childDirectories(environment, looks, outcome);
    const differing = looks.filter((l) => !isUnchanged(environment, l, listings.get(l.directory.id)));
    const differingIds = differing.map((l) => l.directory.id);
    const known = await knownRows(client, context, differingIds, null);
    const donors = await knownDonors(client, context, differingIds);
    const changed = new Set(differingIds);
    for (const one of looks) {
      const listing = listings.get(one.directory.id);
      if (!changed.has(one.directory.id) && listing !== undefined) {
        countUnchanged(environment, outcome, one, listing);
        continue;
      }
      const rows = known.get(one.directory.id) ?? new Map();
      const nexts = context.laterGaps
        ? await nextSeen(client, context, one.directory.id, [
            ...new Set([...rows.keys(), ...one.entries.map((e) => e.name)]),
          ])
        : null;
      const diffed = diffDirectory(
        environment,
        {
          ...lookInput(one),
          known: rows,
          donors: donors.get(one.directory.id),
          nexts,
          complete: true,
          readLarge: false,
        },
        outcome.gathered,
      );
      outcome.gathered.counts.duplicates += one.duplicates;
      if (context.next === null) outcome.listings.push(listingOf(environment, one, diffed));
    }
    outcome.rest.push(...children.reverse());
  } finally {
    for (const one of looks) one.handle.close();
  }
  return entries;
}

/** Subdirectories to be listed, with their ids; a mount that is not entered becomes a `boundary`. */
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
        parentDevice: one.handle.stat.device,
      })),
  );
  const ids = await resolveDirectories(environment.client, wanted);
  const children: ShardDirectory[] = [];
  wanted.forEach((child, index) => {
    const id = ids[index];
    if (id === undefined) throw new Error('every directory has an id');
    const crosses = child.stat.device !== child.parentDevice || environment.mountPoints.has(child.path);
    if (crosses && !environment.context.scope.crossMounts) {
      const detail = 'another file system: it is not entered unless --cross-mounts is given';
      outcome.gathered.gaps.push({ directory: id, name: '', status: 'boundary', errno: null, detail });
      return;
    }
    children.push({
      id,
      path: child.path,
      inode: String(child.stat.inode),
      // The root of a mount has another device and inode than its parent's listing saw through the mount point's own lstat: both are of the mount.
      device: String(child.stat.device),
      parentDevice: String(child.parentDevice),
    });
  });
  return children;
}

/** Nothing in the directory moved since its newest listing, so no row of it needs to be fetched. */
function isUnchanged(environment: ShardEnvironment, one: Look, listing: KnownListing | undefined): boolean {
  const { context } = environment;
  if (listing === undefined || context.previous === null || !context.previous.sameScope || context.next !== null)
    return false;
  if (context.mode === 'reread' || one.gaps.length > 0) return false;
  if (one.statDigest !== listing.statDigest || one.entries.length !== listing.count) return false;
  return context.mode === 'list' || (listing.contentDigest !== null && !listing.racy);
}

function countUnchanged(environment: ShardEnvironment, outcome: ListOutcome, one: Look, listing: KnownListing): void {
  const { counts } = outcome.gathered;
  counts.seen += one.entries.length;
  counts.visited += one.entries.length;
  counts.files += listing.files;
  counts.bytes += listing.bytes;
  counts.duplicates += one.duplicates;
  environment.progress(listing.files, 0);
  const { stat } = one.handle;
  const moved =
    stat.mtimeNs !== listing.dirMtimeNs || stat.ctimeNs !== listing.dirCtimeNs || stat.inode !== listing.dirInode;
  if (!moved) return;
  outcome.listings.push({
    directory: one.directory.id,
    statDigest: listing.statDigest,
    contentDigest: listing.contentDigest,
    count: listing.count,
    files: listing.files,
    bytes: listing.bytes,
    racy: listing.racy,
    dirInode: stat.inode,
    dirMtimeNs: stat.mtimeNs,
    dirCtimeNs: stat.ctimeNs,
  });
}

/** The digests of what stands: names under a gap are left out, so that a later look at them never passes for unchanged. */
export function listingOf(
  environment: ShardEnvironment,
  one: Pick<Look, 'directory' | 'handle'>,
  diffed: Diffed,
): ListingRow {
  const { digest } = environment;
  digest.reset();
  let files = 0;
  let bytes = 0;
  for (const { entry, digest: content } of diffed.seen) {
    digest.addStat(entry.name, entry.stat, entry.target);
    digest.addContent(entry.name, { ...entry.stat, digest: content }, entry.target);
    if (entry.stat.kind === 'file') {
      files++;
      bytes += entry.stat.size ?? 0;
    }
  }
  const whole = diffed.gaps === 0 && diffed.deferred === 0;
  const { stat } = one.handle;
  return {
    directory: one.directory.id,
    statDigest: digest.statDigest(),
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
