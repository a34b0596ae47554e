// A list shard: directories listed, held against the catalog in batches, small files read; what is left over becomes shards of its own.
import { knownDonors, knownListings, knownRows, nextSeen } from '../catalog/known.ts';
import type { KnownListing, KnownRow } from '../catalog/known.ts';
import type { Shard, ShardDirectory } from '../catalog/shards.ts';
import type { ShardResult } from '../catalog/shard-result.ts';
import { diffDirectory, lookInput } from './directory-diff.ts';
import type { Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { listHuge } from './huge-directory.ts';
import {
  BATCH_DIRECTORIES,
  BATCH_ENTRIES,
  SHARD_BYTES_READ,
  SHARD_ENTRIES_BY_GENERATION,
  SHARD_ROWS,
} from './limits.ts';
import { look, type Look, type NameGap, unseen } from './look.ts';
import { childDirectories, emptyOutcome, listingOf, resultOf, settleSuspects } from './outcome.ts';
import type { ListOutcome } from './outcome.ts';

/** Does a list shard from end to end, but for writing it. */
export async function runListShard(environment: ShardEnvironment, shard: Shard): Promise<ShardResult> {
  if (!('directories' in shard.work)) throw new Error('a list shard lists directories');
  const { generation } = shard.work;
  const budget = SHARD_ENTRIES_BY_GENERATION[generation] ?? SHARD_ENTRIES_BY_GENERATION.at(-1) ?? BATCH_ENTRIES;
  const outcome = emptyOutcome([...shard.work.directories].reverse(), shard.work.hung);
  let entries = 0;
  while (outcome.rest.length > 0 && entries < budget && withinBounds(outcome.gathered)) {
    entries += await listBatch(environment, shard, outcome, Math.min(BATCH_ENTRIES, budget - entries));
  }
  await settleSuspects(environment, outcome.gathered);
  // An earlier try may have written ahead of its end: the directory was huge then, and is not now.
  const alone = aloneIn(shard);
  const replaces = alone !== null && !outcome.streamed ? [alone.id] : [];
  return { ...resultOf(outcome, generation), replaces };
}

/** A huge directory is a shard by itself: what it writes ahead can then be told from what others write. Null where there are several. */
function aloneIn({ work }: Shard): ShardDirectory | null {
  return 'directories' in work && work.directories.length === 1 ? (work.directories[0] ?? null) : null;
}

function withinBounds(gathered: Gathered): boolean {
  return (
    gathered.counts.bytesRead < SHARD_BYTES_READ && gathered.versions.length + gathered.endings.length < SHARD_ROWS
  );
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
      environment.progress.tick();
      const seen = look(environment, directory);
      if ('gap' in seen) {
        outcome.gathered.gaps.push({ directory: directory.id, ...seen.gap });
      } else if ('huge' in seen) {
        try {
          // Below the one that the shard is about others may be huge as well.
          if (aloneIn(shard)?.id === directory.id)
            entries += await listHuge(environment, shard, directory, seen.huge, outcome);
          else outcome.huge.push(directory);
        } catch (error) {
          const { gap } = unseen(directory, error);
          // It is the first of its shard: all that was gathered is its own. What was written ahead is replaced.
          Object.assign(outcome, emptyOutcome([], outcome.hung));
          outcome.gathered.gaps.push({ directory: directory.id, ...gap });
        } finally {
          seen.huge.close();
        }
      } else {
        looks.push(seen);
        entries += seen.entries.length + 1;
      }
    }
    environment.leave();
    const ids = looks.map((l) => l.directory.id);
    const listings =
      context.next === null ? await knownListings(client, context, ids) : new Map<number, KnownListing>();
    const differing = looks.filter((l) => !isUnchanged(environment, l, listings.get(l.directory.id)));
    const differingIds = differing.map((l) => l.directory.id);
    const known = await knownRows(client, context, differingIds, null);
    const donors = await knownDonors(client, context, differingIds);
    const changed = new Set(differingIds);
    const met: Pick<Look, 'directory' | 'handle' | 'entries'>[] = [];
    for (const one of looks) {
      const listing = listings.get(one.directory.id);
      if (!changed.has(one.directory.id) && listing !== undefined) {
        countUnchanged(environment, outcome, one, listing);
        met.push(one);
        continue;
      }
      const rows = known.get(one.directory.id) ?? new Map();
      const stranger = strangerOf(environment, one, rows);
      if (stranger !== null) {
        outcome.gathered.gaps.push({ directory: one.directory.id, ...stranger });
        continue;
      }
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
      outcome.listings.push(listingOf(environment, one, diffed));
      // Also directories that the listing left out and a lookup found.
      met.push({ directory: one.directory, handle: one.handle, entries: diffed.seen.map(({ entry }) => entry) });
    }
    outcome.rest.push(...(await childDirectories(environment, met, outcome)).reverse());
  } finally {
    for (const one of looks) one.handle.close();
  }
  return entries;
}

/**
 * An empty or swapped file system is not a loss below the root either (design.md section 3, rule 3): here a gap tells, and the rest is scanned.
 * (Every fresh ext4 has lost+found.)
 */
function strangerOf(environment: ShardEnvironment, one: Look, rows: ReadonlyMap<string, KnownRow>): NameGap | null {
  const { context, mountPoints } = environment;
  if (context.role !== 'live' || context.newState || !mountPoints.has(one.directory.path)) return null;
  const there = new Set([...one.entries, ...one.gaps].map(({ name }) => name));
  const known = [...rows].flatMap(([name, row]) => (row.now === undefined || name === 'lost+found' ? [] : [name]));
  if (known.length === 0 || known.some((name) => there.has(name) || one.excluded.has(name))) return null;
  const detail = `none of the ${known.length} names known there is left: another or an empty file system may be mounted; --new-state accepts it`;
  return { name: '', status: 'unmounted', errno: null, detail };
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
  environment.progress.add(listing.files, 0);
  const { stat } = one;
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
