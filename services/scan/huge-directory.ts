// A directory too long to be held in memory: streamed, held against the catalog in chunks that are written ahead,
// absences found at the end by what the catalog knows and no chunk brought. An interrupted listing starts again: its
// rows of this scan are replaced.
import { knownDonors, knownRows, nextSeen } from '../catalog/known.ts';
import { dropMet, openMet, rememberMet, unmetNames } from '../catalog/met.ts';
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
import { addToListing, childDirectories, emptyOutcome, listingRow, resultOf, settleSuspects } from './outcome.ts';
import type { ListOutcome } from './outcome.ts';

/** Names of a huge directory that are remembered to tell duplicates. */
const REMEMBERED_NAMES_MAX = 200_000;

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

class Streaming {
  readonly #environment: ShardEnvironment;
  readonly #shard: Shard;
  readonly #place: HugeDirectory;
  readonly #outcome: ListOutcome;
  /** A digest of its own: between two parts other code uses the thread's. */
  readonly #digest: ListingDigest;
  readonly #sums = { files: 0, bytes: 0 };
  readonly #names = new Set<string>();
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
    this.#replaces = [place.directory.id];
  }

  /** The whole listing, a part at a time. */
  async listAll(): Promise<void> {
    const { columns, progress } = this.#environment;
    const { directory, handle } = this.#place;
    handle.rewind();
    for (let ended = false; !ended; ) {
      this.#environment.enter(directory.id, '');
      columns.reset();
      const range = columns.list(handle, HUGE_CHUNK, () => progress.tick());
      ({ ended } = range);
      this.#outcome.gathered.counts.duplicates += range.duplicates;
      await this.#part(range);
    }
  }

  async #part(range: ListedRange): Promise<void> {
    const { client, context } = this.#environment;
    const { directory, handle } = this.#place;
    const names = this.#newNames(range);
    const looked = lookAtAll(this.#environment, directory, handle, range);
    this.#environment.leave();
    await rememberMet(client, names);
    const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
    const donors = (await knownDonors(client, context, [directory.id])).get(directory.id);
    const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
    await this.#diff({ looked, known, donors, nexts, complete: false, readLarge: false });
  }

  /** Names that an earlier part has brought are duplicates: they are left out. */
  #newNames({ from, to }: ListedRange): string[] {
    const { columns } = this.#environment;
    const names: string[] = [];
    for (let index = from; index < to; index++) {
      const name = columns.name(index);
      if (this.#names.has(name)) {
        this.#outcome.gathered.counts.duplicates++;
        columns.setState(index, NAME.repeated);
        continue;
      }
      if (this.#names.size < REMEMBERED_NAMES_MAX) this.#names.add(name);
      names.push(name);
    }
    this.#place.handle.assertEnds(this.#names.size, this.#outcome.gathered.counts.duplicates);
    return names;
  }

  /**
   * Names that the catalog knows and that no part brought, a part at a time: looked up, and ended where they are not
   * there.
   */
  async endAbsent(): Promise<void> {
    const { client, context, columns } = this.#environment;
    const { directory, handle } = this.#place;
    let after = '';
    for (;;) {
      const names = await unmetNames(client, context, directory.id, after, HUGE_CHUNK);
      const last = names.at(-1);
      if (last === undefined) return;
      after = last;
      columns.reset();
      const looked = lookAtAll(this.#environment, directory, handle, { from: 0, to: 0 });
      const known = (await knownRows(client, context, [directory.id], names)).get(directory.id) ?? new Map();
      const nexts = context.laterGaps ? await nextSeen(client, context, directory.id, names) : null;
      await this.#diff({ looked, known, donors: undefined, nexts, complete: true, readLarge: false });
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
