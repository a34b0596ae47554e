// A directory too long to be held in memory: streamed, held against the catalog in chunks that are written ahead,
// absences found at the end by what the catalog knows and no chunk brought. An interrupted listing starts again: its
// rows of this scan are replaced.
import { type Donor, knownDonors, knownRows, nextSeen, NO_ROWS } from '../catalog/known.ts';
import { dropMet, openMet, rememberMet, unmetNames } from '../catalog/met.ts';
import { type Chosen, chosenOf } from '../catalog/scrubbed.ts';
import type { Shard, ShardDirectory } from '../catalog/shards.ts';
import { type ListingRow, writeShard } from '../catalog/shard-result.ts';
import { type ListedRange, NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { diffDirectory, type DiffInput, gather } from './directory-diff.ts';
import type { Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import { HUGE_CHUNK } from './limits.ts';
import { lookAtAll } from './look.ts';
import {
  addToListing,
  allStanding,
  childDirectories,
  emptyOutcome,
  listingRow,
  resultOf,
  settleSuspects,
} from './outcome.ts';
import type { ListOutcome } from './outcome.ts';
import { MetNames } from './met-names.ts';
import { saidByBricks } from './said-by-bricks.ts';
import { countUnchanged, isFirst, isUnchanged, listingsToCompare, mayStand } from './unchanged.ts';

interface HugeDirectory {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
}

/**
 * Lists the directory and adds what it found to the outcome; rows are written ahead of the shard's end.
 * @returns entries looked at
 */
export async function listHuge(
  environment: ShardEnvironment,
  shard: Shard,
  { directory, handle }: HugeDirectory,
  outcome: ListOutcome,
): Promise<number> {
  const unchanged = await listUnchanged(environment, { directory, handle }, outcome);
  if (unchanged !== null) return unchanged;
  // Its first part replaces what an earlier try has written.
  outcome.replaces = [];
  const streaming = new Streaming(environment, shard, { directory, handle }, outcome);
  await openMet(environment.client);
  try {
    await streaming.listAll();
    const { mtimeNs } = handle.restat();
    await streaming.endAbsent();
    outcome.listings.push(streaming.listing(mtimeNs));
  } finally {
    await dropMet(environment.client);
  }
  return streaming.count;
}

/** The whole listing, a part at a time: in the environment's columns, until the next one is asked for. */
function* partsOf(environment: ShardEnvironment, { directory, handle }: HugeDirectory): Generator<ListedRange> {
  const { columns, progress } = environment;
  handle.rewind();
  for (let ended = false; !ended; ) {
    environment.enter(directory.id, '');
    columns.reset();
    const range = columns.list(handle, HUGE_CHUNK, () => progress.tick());
    ({ ended } = range);
    yield range;
  }
}

/**
 * Lists the directory and asks for none of its rows.
 * @returns entries looked at; null where it is not what it was, or that cannot be told
 */
async function listUnchanged(
  environment: ShardEnvironment,
  { directory, handle }: HugeDirectory,
  outcome: ListOutcome,
): Promise<number | null> {
  const { client, context } = environment;
  const known = (await listingsToCompare(environment, [directory.id])).get(directory.id);
  if (known === undefined || !mayStand(context, known)) return null;
  if ((await chosenOf(client, context, [directory.id])).size > 0) return null;
  const gathered = gather(environment);
  const rest: ShardDirectory[] = [];
  const sums = { gaps: [], statDigest: 0n, count: 0, duplicates: 0 };
  for (const range of partsOf(environment, { directory, handle })) {
    const looked = lookAtAll(environment, directory, handle, range);
    environment.leave();
    sums.statDigest = BigInt.asIntN(64, sums.statDigest + looked.statDigest);
    sums.count += looked.count;
    sums.duplicates += range.duplicates;
    handle.assertEnds(sums.count, sums.duplicates);
    if (looked.gaps.length > 0 || sums.count > known.count) return null;
    rest.push(...(await childDirectories(environment, [allStanding(looked)], { gathered })));
  }
  if (saidByBricks(environment, handle).length > 0 || !isUnchanged(context, sums, known)) return null;
  const stat = { ...handle.stat, mtimeNs: handle.restat().mtimeNs };
  countUnchanged(environment, outcome, { directory, stat, ...sums }, known);
  outcome.rest.push(...rest);
  outcome.gathered.gaps.push(...gathered.gaps);
  return sums.count;
}

class Streaming {
  readonly #environment: ShardEnvironment;
  readonly #shard: Shard;
  readonly #place: HugeDirectory;
  readonly #outcome: ListOutcome;
  /** A digest of its own: between two parts other code uses the thread's. */
  readonly #digest: ListingDigest;
  readonly #sums = { files: 0, bytes: 0 };
  readonly #met: MetNames;
  /** Of the whole directory: asked for once. */
  #donors: ReadonlyMap<string, Donor> | undefined;
  #chosen: Chosen | undefined;
  #gaps = 0;
  #deferred = 0;
  #racy = false;
  /** Rows of an earlier try are replaced by the first part. */
  #replaces: readonly number[];
  count = 0;

  constructor(environment: ShardEnvironment, shard: Shard, place: HugeDirectory, outcome: ListOutcome) {
    this.#environment = environment;
    this.#shard = shard;
    this.#place = place;
    this.#outcome = outcome;
    this.#digest = new ListingDigest(environment.hasher);
    this.#met = new MetNames(environment.hasher);
    this.#replaces = [place.directory.id];
  }

  async listAll(): Promise<void> {
    const { client, context } = this.#environment;
    const { directory, handle } = this.#place;
    this.#donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
    this.#chosen = (await chosenOf(client, context, [directory.id])).get(directory.id);
    for (const range of partsOf(this.#environment, this.#place)) {
      this.#outcome.gathered.counts.duplicates += range.duplicates;
      await this.#part(range);
    }
    for (const gap of saidByBricks(this.#environment, handle)) {
      this.#outcome.gathered.gaps.push({ directory: directory.id, ...gap });
      this.#gaps++;
    }
  }

  async #part(range: ListedRange): Promise<void> {
    const { client, context } = this.#environment;
    const { directory, handle } = this.#place;
    this.#leaveOutMet(range);
    const looked = lookAtAll(this.#environment, directory, handle, range);
    this.#environment.leave();
    const of = { donors: this.#donors, chosen: this.#chosen };
    const input = { looked, ...of, complete: false, readLarge: false };
    if (isFirst(context)) return this.#diff({ ...input, known: NO_ROWS, nexts: null });
    const names = this.#namesOf(range);
    await rememberMet(client, names);
    const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? NO_ROWS;
    const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
    await this.#diff({ ...input, known, nexts });
  }

  /** Names that an earlier part has brought are duplicates: they are left out. */
  #leaveOutMet({ from, to }: ListedRange): void {
    const { columns } = this.#environment;
    for (let index = from; index < to; index++) {
      if (columns.state(index) === NAME.repeated || this.#met.add(columns, index)) continue;
      this.#outcome.gathered.counts.duplicates++;
      columns.setState(index, NAME.repeated);
    }
    this.#place.handle.assertEnds(this.#met.size, this.#outcome.gathered.counts.duplicates);
  }

  #namesOf({ from, to }: ListedRange): string[] {
    const { columns } = this.#environment;
    const names: string[] = [];
    for (let index = from; index < to; index++)
      if (columns.state(index) !== NAME.repeated) names.push(columns.name(index));
    return names;
  }

  /**
   * Names that the catalog knows and that no part brought, a part at a time: looked up, and ended where they are not
   * there.
   */
  async endAbsent(): Promise<void> {
    const { client, context, columns } = this.#environment;
    const { directory, handle } = this.#place;
    if (isFirst(context)) return;
    let after = '';
    for (;;) {
      const names = await unmetNames(client, context, directory.id, after, HUGE_CHUNK);
      const last = names.at(-1);
      if (last === undefined) return;
      after = last;
      columns.reset();
      const looked = lookAtAll(this.#environment, directory, handle, { from: 0, to: 0 });
      const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? NO_ROWS;
      const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
      const of = { donors: undefined, chosen: this.#chosen };
      await this.#diff({ looked, known, nexts, ...of, complete: true, readLarge: false });
    }
  }

  async #diff(input: DiffInput): Promise<void> {
    const { directory, handle, columns } = input.looked;
    const ahead = gather(this.#environment);
    const diffed = diffDirectory(this.#environment, input, ahead);
    for (const index of diffed.standing) addToListing(this.#digest, columns, index, { sums: this.#sums, stat: true });
    this.count += diffed.standing.length;
    this.#gaps += diffed.gaps;
    this.#deferred += diffed.deferred;
    this.#racy ||= diffed.racy;
    const standing = { directory, handle, columns, standing: diffed.standing };
    this.#outcome.rest.push(...(await childDirectories(this.#environment, [standing], { gathered: ahead })));
    await writeAhead(this.#environment, this.#shard, ahead, { into: this.#outcome.gathered, replaces: this.#replaces });
    this.#replaces = [];
  }

  /** @param mtimeNs of the directory after its listing, as in Look.stat */
  listing(mtimeNs: bigint): ListingRow {
    const { directory, handle } = this.#place;
    const { inode, ctimeNs } = handle.stat;
    return listingRow(
      directory.id,
      { inode, mtimeNs, ctimeNs },
      {
        statDigest: this.#digest.statDigest(),
        linkDigest: null,
        contentDigest: this.#digest.contentDigest(),
        count: this.count,
        ...this.#sums,
        gaps: this.#gaps,
        deferred: this.#deferred,
        racy: this.#racy,
      },
    );
  }
}

/** Writes the rows of a part while the shard stays leased; its counts and deferred files are kept for the end. */
async function writeAhead(
  environment: ShardEnvironment,
  shard: Shard,
  ahead: Gathered,
  { into, replaces }: { readonly into: Gathered; readonly replaces: readonly number[] },
): Promise<void> {
  await settleSuspects(environment, ahead);
  const { counts } = ahead;
  for (const key of Object.keys(counts) as (keyof typeof counts)[]) into.counts[key] += counts[key];
  into.deferred.push(...ahead.deferred);
  const result = resultOf({ ...emptyOutcome(environment), gathered: { ...ahead, deferred: [] } }, 0);
  await writeShard(
    environment.client,
    environment.context,
    shard,
    { ...result, replaces },
    {
      last: false,
      nowMs: environment.nowMs(),
    },
  );
}
