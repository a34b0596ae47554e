// A list shard: directories listed, held against the catalog in batches, small files read; what is left over becomes
// shards of its own.
import { knownDonors, type KnownRow, knownRows, nextSeen, NO_ROWS } from '../catalog/known.ts';
import type { Shard, ShardDirectory } from '../catalog/shards.ts';
import type { ShardResult } from '../catalog/shard-result.ts';
import { chosenOf } from '../catalog/scrubbed.ts';
import { COPY_BYTES_MAX } from '../catalog/version-copy.ts';
import { NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { openFilesMax } from '../process/open-files.ts';
import { diffAhead, listAhead } from './ahead.ts';
import { diffDirectory } from './directory-diff.ts';
import type { Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { listHuge } from './huge-directory.ts';
import { countLinked, partlyLinked } from './linked.ts';
import {
  BATCH_DIRECTORIES,
  BATCH_DIRECTORIES_MIN,
  BATCH_ENTRIES,
  LANES_MAX,
  OTHER_FILES_MAX,
  SHARD_BYTES_READ,
  SHARD_ENTRIES_BY_GENERATION,
  SHARD_ROWS,
} from './limits.ts';
import { look, type Look, type NameGap, unseen } from './look.ts';
import {
  allStanding,
  childDirectories,
  emptyOutcome,
  type ListOutcome,
  listingOf,
  resultOf,
  type Standing,
  settleSuspects,
} from './outcome.ts';
import { countUnchanged, isFirst, isUnchanged, listingsToCompare } from './unchanged.ts';

/** Open at once in one batch: as many as all lanes may hold together, beside what else the process has open. */
const DIRECTORIES_MAX = Math.max(
  BATCH_DIRECTORIES_MIN,
  Math.min(BATCH_DIRECTORIES, Math.floor((openFilesMax() - OTHER_FILES_MAX) / LANES_MAX)),
);

/**
 * Does a list shard from end to end, but for writing it.
 * @param again it was begun before, and may have written ahead of its end
 */
export async function runListShard(environment: ShardEnvironment, shard: Shard, again: boolean): Promise<ShardResult> {
  if (!('directories' in shard.work)) throw new Error('a list shard lists directories');
  const { generation } = shard.work;
  const budget = SHARD_ENTRIES_BY_GENERATION[generation] ?? SHARD_ENTRIES_BY_GENERATION.at(-1) ?? BATCH_ENTRIES;
  const outcome = emptyOutcome(environment, [...shard.work.directories].reverse(), shard.work.hung);
  // What was written ahead goes, also where the directory is not huge any more.
  const alone = aloneIn(shard);
  if (again && alone !== null) outcome.replaces = [alone.id];
  let entries = 0;
  while (outcome.rest.length > 0 && entries < budget && withinBounds(outcome.gathered)) {
    entries += await listBatch(environment, shard, outcome, Math.min(BATCH_ENTRIES, budget - entries));
  }
  await settleSuspects(environment, outcome.gathered);
  return resultOf(outcome, generation);
}

/**
 * A huge directory is a shard by itself: what it writes ahead can then be told from what others write. Null where there
 * are several.
 */
function aloneIn({ work }: Shard): ShardDirectory | null {
  return 'directories' in work && work.directories.length === 1 ? (work.directories[0] ?? null) : null;
}

function withinBounds(gathered: Gathered): boolean {
  return (
    gathered.counts.bytesRead < SHARD_BYTES_READ &&
    gathered.versions.count + gathered.endings.length < SHARD_ROWS &&
    gathered.versions.bytes < COPY_BYTES_MAX
  );
}

/**
 * Lists directories from the end of `rest` until the batch is full, and puts their subdirectories there.
 * @returns entries looked at
 */
async function listBatch(
  environment: ShardEnvironment,
  shard: Shard,
  outcome: ListOutcome,
  entriesMax: number,
): Promise<number> {
  const looks: Look[] = [];
  environment.columns.reset();
  try {
    const entries = await lookAtBatch(environment, shard, outcome, { looks, entriesMax });
    environment.leave();
    const met = await holdAgainstCatalog(environment, outcome, looks);
    outcome.rest.push(...(await childDirectories(environment, met, outcome)).reverse());
    return entries;
  } finally {
    for (const one of looks) one.handle.close();
  }
}

async function lookAtBatch(
  environment: ShardEnvironment,
  shard: Shard,
  outcome: ListOutcome,
  batch: { readonly looks: Look[]; readonly entriesMax: number },
): Promise<number> {
  const { looks, entriesMax } = batch;
  let entries = 0;
  listAhead(environment, outcome.rest.slice(-DIRECTORIES_MAX).reverse());
  while (outcome.rest.length > 0 && looks.length < DIRECTORIES_MAX && entries < entriesMax) {
    const directory = outcome.rest.pop();
    if (directory === undefined) break;
    environment.progress.tick();
    const seen = look(environment, directory);
    if ('gap' in seen) {
      outcome.gathered.gaps.push({ directory: directory.id, ...seen.gap });
    } else if ('huge' in seen) {
      // Below the one that the shard is about others may be huge as well.
      if (aloneIn(shard)?.id === directory.id)
        entries += await listHugeAlone(environment, shard, { directory, handle: seen.huge }, outcome);
      else {
        outcome.huge.push(directory);
        seen.huge.close();
      }
    } else {
      looks.push(seen);
      entries += seen.count + 1;
    }
  }
  return entries;
}

async function listHugeAlone(
  environment: ShardEnvironment,
  shard: Shard,
  { directory, handle }: { readonly directory: ShardDirectory; readonly handle: Directory },
  outcome: ListOutcome,
): Promise<number> {
  try {
    return await listHuge(environment, shard, { directory, handle }, outcome);
  } catch (error) {
    const { gap } = unseen(directory, error);
    // It is the first of its shard: all that was gathered is its own. What was written ahead is replaced.
    Object.assign(outcome, emptyOutcome(environment, [], outcome.hung), { replaces: [directory.id] });
    outcome.gathered.gaps.push({ directory: directory.id, ...gap });
    return 0;
  } finally {
    handle.close();
  }
}

/** @returns what stands in each directory that was looked at, unchanged or not */
async function holdAgainstCatalog(
  environment: ShardEnvironment,
  outcome: ListOutcome,
  looks: readonly Look[],
): Promise<Standing[]> {
  const { context, client } = environment;
  const ids = looks.map((l) => l.directory.id);
  const listings = await listingsToCompare(environment, ids);
  const chosen = await chosenOf(client, context, ids);
  const differing = looks.filter(
    (l) => chosen.has(l.directory.id) || !isUnchanged(context, l, listings.get(l.directory.id)),
  );
  const unchosen = differing.filter((l) => !chosen.has(l.directory.id));
  const linked = await partlyLinked(environment, unchosen, listings);
  const differingIds = differing.map((l) => l.directory.id);
  const known = isFirst(context)
    ? new Map<number, ReadonlyMap<string, KnownRow>>()
    : await knownRows(
        client,
        context,
        differingIds.filter((id) => !linked.has(id)),
        null,
      );
  const rowsOf = (id: number): ReadonlyMap<string, KnownRow> => linked.get(id)?.known ?? known.get(id) ?? NO_ROWS;
  const donors = await knownDonors(client, context, differingIds);
  const changed = new Set(differingIds);
  const met: Standing[] = [];
  const ahead = differing.map((one) => {
    const { id } = one.directory;
    return { looked: one, known: rowsOf(id), donors: donors.get(id), chosen: chosen.get(id) };
  });
  diffAhead(environment, ahead);
  for (const one of looks) {
    const listing = listings.get(one.directory.id);
    if (!changed.has(one.directory.id) && listing !== undefined) {
      countUnchanged(environment, outcome, one, listing);
      met.push(allStanding(one));
      continue;
    }
    const rows = rowsOf(one.directory.id);
    const stranger = strangerOf(environment, one, rows);
    if (stranger !== null) {
      outcome.gathered.gaps.push({ directory: one.directory.id, ...stranger });
      continue;
    }
    const nexts = context.laterGaps ? await nextsOf(environment, one, rows) : null;
    const input = { looked: one, known: rows, donors: donors.get(one.directory.id), nexts };
    const how = { complete: true, readLarge: false, chosen: chosen.get(one.directory.id) };
    const diffed = diffDirectory(environment, { ...input, ...how }, outcome.gathered);
    outcome.gathered.counts.duplicates += one.duplicates;
    const files = linked.get(one.directory.id);
    if (files !== undefined) countLinked(environment, outcome.gathered, files);
    outcome.listings.push(listingOf(environment, one, diffed, files));
    // Also directories that the listing left out and a lookup found.
    const { directory, handle, columns } = one;
    met.push({ directory, handle, columns, standing: diffed.standing });
  }
  return met;
}

function nextsOf(
  { client, context }: ShardEnvironment,
  one: Look,
  rows: ReadonlyMap<string, KnownRow>,
): Promise<Map<string, bigint | null>> {
  return nextSeen(client, context, one.directory.id, [...new Set([...rows.keys(), ...namesIn(one)])]);
}

/** Names that stand. */
function* namesIn({ columns, from, to }: Look): Generator<string> {
  for (let index = from; index < to; index++) if (columns.state(index) === NAME.stands) yield columns.name(index);
}

/**
 * An empty or swapped file system is not a loss below the root either (docs/design.md#rule-3): here a gap tells, and
 * the rest is scanned. (Every fresh ext4 has lost+found.)
 */
function strangerOf(environment: ShardEnvironment, one: Look, rows: ReadonlyMap<string, KnownRow>): NameGap | null {
  const { context, mountPoints } = environment;
  if (context.role !== 'live' || context.newState || !mountPoints.has(one.directory.path)) return null;
  const there = new Set([...namesIn(one), ...one.gaps.map(({ name }) => name)]);
  const known = [...rows].flatMap(([name, row]) => (row.now === undefined || name === 'lost+found' ? [] : [name]));
  if (known.length === 0 || known.some((name) => there.has(name) || one.excluded.has(name))) return null;
  const detail = `none of the ${known.length} names known there is left: another or an empty file system may be mounted; --new-state accepts it`;
  return { name: '', status: 'unmounted', errno: null, detail };
}
