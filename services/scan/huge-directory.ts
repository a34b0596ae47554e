// A directory too long to be held in memory: streamed, held against the catalog in chunks that are written ahead, absences found at the end by
// what the catalog knows and no chunk brought. An interrupted listing starts again: its rows of this scan are replaced.
import { knownDonors, knownRows, nextSeen } from '../catalog/known.ts';
import { dropMet, openMet, rememberMet, unmetNames } from '../catalog/met.ts';
import type { Shard, ShardDirectory } from '../catalog/shards.ts';
import { writeShard } from '../catalog/shard-result.ts';
import type { Directory } from '../files/directory.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { diffDirectory, gather } from './directory-diff.ts';
import type { Diffed, Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { HUGE_CHUNK } from './limits.ts';
import { childDirectories, emptyOutcome, resultOf, settleSuspects } from './outcome.ts';
import type { ListOutcome } from './outcome.ts';
import type { Entry, NameGap } from './look.ts';
import { lookAtName } from './look.ts';

/** Lists the directory and adds what it found to the outcome; rows are written ahead of the shard's end. @returns entries looked at */
export async function listHuge(
  environment: ShardEnvironment,
  shard: Shard,
  directory: ShardDirectory,
  handle: Directory,
  outcome: ListOutcome,
): Promise<number> {
  const { client, context } = environment;
  const isMountRoot = environment.isMountRoot(directory.path, handle.stat);
  // A digest of its own: between two chunks other code uses the thread's.
  const digest = new ListingDigest(environment.hasher);
  const sums = { count: 0, files: 0, bytes: 0, gaps: 0, deferred: 0, racy: false, read: true };
  let dirMtimeNs = handle.stat.mtimeNs;
  let replaces: readonly number[] = [directory.id];
  outcome.streamed = true;
  await openMet(client);
  const chunk = async (
    entries: readonly Entry[],
    nameGaps: readonly NameGap[],
    excluded: ReadonlySet<string>,
  ): Promise<void> => {
    const names = [...entries.map((e) => e.name), ...nameGaps.map((g) => g.name), ...excluded];
    await rememberMet(client, names);
    const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
    const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
    const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
    const ahead = gather();
    const input = {
      directory,
      handle,
      entries,
      nameGaps,
      excluded,
      known,
      donors,
      nexts,
      complete: false,
      readLarge: false,
    };
    add(digest, sums, diffDirectory(environment, input, ahead));
    outcome.rest.push(...(await childDirectories(environment, [{ directory, handle, entries }], { gathered: ahead })));
    await writeAhead(environment, shard, ahead, outcome.gathered, replaces);
    replaces = [];
  };
  try {
    const batches = handle.batches(HUGE_CHUNK);
    let duplicates = 0;
    const nextBatch = (): ReturnType<typeof batches.next> => {
      environment.enter(directory.id, '');
      return batches.next();
    };
    for (let next = nextBatch(); ; next = nextBatch()) {
      if (next.done === true) {
        duplicates = next.value.duplicates;
        break;
      }
      const entries: Entry[] = [];
      const gaps: NameGap[] = [];
      const excluded = new Set<string>();
      for (const name of next.value.names) {
        environment.progress.tick();
        const entry = lookAtName(environment, directory, handle, name, isMountRoot);
        if (entry === 'excluded') excluded.add(name);
        else if ('status' in entry) gaps.push(entry);
        else entries.push(entry);
      }
      environment.leave();
      await chunk(entries, gaps, excluded);
    }
    dirMtimeNs = handle.restat().mtimeNs;
    outcome.gathered.counts.duplicates += duplicates;
    await endAbsent(environment, shard, directory, handle, outcome, (diffed) => add(digest, sums, diffed));
  } finally {
    await dropMet(client);
  }
  outcome.listings.push({
    directory: directory.id,
    statDigest: sums.gaps === 0 ? digest.statDigest() : ~digest.statDigest(),
    contentDigest: sums.gaps === 0 && sums.deferred === 0 ? digest.contentDigest() : null,
    count: sums.count,
    files: sums.files,
    bytes: sums.bytes,
    racy: sums.racy,
    dirInode: handle.stat.inode,
    // As Look.stat.
    dirMtimeNs,
    dirCtimeNs: handle.stat.ctimeNs,
  });
  return sums.count;
}

/** Names that the catalog knows and that no chunk brought, a chunk at a time: looked up, and ended where they are not there. */
async function endAbsent(
  environment: ShardEnvironment,
  shard: Shard,
  directory: ShardDirectory,
  handle: Directory,
  outcome: ListOutcome,
  onDiffed: (diffed: Diffed) => void,
): Promise<void> {
  const { client, context } = environment;
  let after = '';
  for (;;) {
    const names = await unmetNames(client, context, directory.id, after, HUGE_CHUNK);
    const last = names.at(-1);
    if (last === undefined) return;
    after = last;
    const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
    const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
    const ahead = gather();
    const nothing = { entries: [], nameGaps: [], excluded: new Set<string>(), donors: undefined };
    const diffed = diffDirectory(
      environment,
      { directory, handle, ...nothing, known, nexts, complete: true, readLarge: false },
      ahead,
    );
    onDiffed(diffed);
    const entries = diffed.seen.map(({ entry }) => entry);
    outcome.rest.push(...(await childDirectories(environment, [{ directory, handle, entries }], { gathered: ahead })));
    await writeAhead(environment, shard, ahead, outcome.gathered, []);
  }
}

interface Sums {
  count: number;
  files: number;
  bytes: number;
  gaps: number;
  deferred: number;
  racy: boolean;
}

function add(digest: ListingDigest, sums: Sums, diffed: Diffed): void {
  for (const { entry, digest: content } of diffed.seen) {
    digest.addStat(entry.name, entry.stat, entry.target);
    const { kind, size, rdev } = entry.stat;
    digest.addContent(entry.name, { kind, size, rdev, digest: content }, entry.target);
    sums.count++;
    if (entry.stat.kind !== 'file') continue;
    sums.files++;
    sums.bytes += entry.stat.size ?? 0;
  }
  sums.gaps += diffed.gaps;
  sums.deferred += diffed.deferred;
  sums.racy ||= diffed.racy;
}

/** Writes the rows of a chunk while the shard stays leased; its counts and deferred files are kept for the end. */
async function writeAhead(
  environment: ShardEnvironment,
  shard: Shard,
  ahead: Gathered,
  into: Gathered,
  replaces: readonly number[],
): Promise<void> {
  await settleSuspects(environment, ahead);
  const { counts } = ahead;
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) into.counts[key] += counts[key];
  into.deferred.push(...ahead.deferred);
  const result = resultOf({ ...emptyOutcome(), gathered: { ...ahead, deferred: [] } }, 0);
  await writeShard(environment.client, environment.context, shard, { ...result, replaces }, environment.attributes, {
    last: false,
    nowMs: environment.nowMs(),
  });
}
