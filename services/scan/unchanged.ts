// Directories of which a listing is what it was: none of their rows is asked for.
import { type KnownListing, knownListings } from '../catalog/known.ts';
import type { ScanContext } from '../catalog/scan-context.ts';
import type { ShardEnvironment } from './environment.ts';
import type { Look } from './look.ts';
import { type ListOutcome, listingRow } from './outcome.ts';

/** Of a root that no scan has seen, before or after, nothing is known. */
export function isFirst({ previous, next }: ScanContext): boolean {
  return previous === null && next === null;
}

/** Only the newest scan can compare its listings with those of the one before it. */
export async function listingsToCompare(
  { client, context }: ShardEnvironment,
  directories: readonly number[],
): Promise<ReadonlyMap<number, KnownListing>> {
  if (context.next !== null || context.previous === null) return new Map();
  return knownListings(client, context, directories);
}

/** Whether it would speak for the rows of its directory, if nothing moved there since. */
export function mayStand({ previous, next, mode }: ScanContext, listing: KnownListing): boolean {
  if (previous === null || !previous.sameScope || next !== null || mode === 'reread') return false;
  return mode === 'list' || (listing.contentDigest !== null && !listing.racy);
}

/** Nothing in the directory moved since its newest listing, so no row of it needs to be fetched. */
export function isUnchanged(
  context: ScanContext,
  { gaps, statDigest, count }: Pick<Look, 'gaps' | 'statDigest' | 'count'>,
  listing: KnownListing | undefined,
): boolean {
  if (listing === undefined || !mayStand(context, listing) || gaps.length > 0) return false;
  return statDigest === listing.statDigest && count === listing.count;
}

export function countUnchanged(
  environment: ShardEnvironment,
  outcome: ListOutcome,
  one: Pick<Look, 'directory' | 'count' | 'duplicates' | 'stat'>,
  listing: KnownListing,
): void {
  const { counts } = outcome.gathered;
  counts.seen += one.count;
  counts.visited += one.count;
  counts.files += listing.files;
  counts.bytes += listing.bytes;
  counts.duplicates += one.duplicates;
  environment.progress.add(listing.files, 0);
  const { stat } = one;
  const moved =
    stat.mtimeNs !== listing.dirMtimeNs || stat.ctimeNs !== listing.dirCtimeNs || stat.inode !== listing.dirInode;
  if (!moved) return;
  outcome.listings.push(listingRow(one.directory.id, stat, { ...listing, gaps: 0, deferred: 0 }));
}
