// Snapshots that share what did not change by hard links (rsync --link-dest, rsnapshot, cp -al). Each link changes the
// ctime of its inode, so no listing is what it was; but a file that is the same inode in the previous snapshot, there
// and here under one name, is one copy, and its row stands. So only rows of the other names are asked for, and the
// digest of the previous listing without ctimes tells whether these and the linked files are all that it held.
import { type KnownListing, type KnownRow, knownRowsOf, NO_ROWS } from '../catalog/known.ts';
import { type Columns, NAME } from '../files/columns.ts';
import type { ScanContext } from '../catalog/scan-context.ts';
import { NEVER_UNCHANGED } from '../catalog/shard-result.ts';
import { sizeAt } from '../files/stat.ts';
import type { Gathered } from './directory-diff.ts';
import type { ShardEnvironment } from './environment.ts';
import type { Look } from './look.ts';
import type { LinkedFiles } from './outcome.ts';
import { mayStand } from './unchanged.ts';

/** Of more names, or of more than half of them, all rows of the directory are asked for. */
const ASKED_MAX = 500;

/** They are NAME.linked in the columns. */
export interface PartlyLinked extends LinkedFiles {
  /** Rows of the other names that the directory has or had. */
  readonly known: ReadonlyMap<string, KnownRow>;
}

/** Those of the directories, by id. */
export async function partlyLinked(
  environment: ShardEnvironment,
  looks: readonly Look[],
  listings: ReadonlyMap<number, KnownListing>,
): Promise<ReadonlyMap<number, PartlyLinked>> {
  const { client, context } = environment;
  const asked = new Map<number, readonly string[]>();
  for (const one of looks) {
    const names = otherNames(context, one, listings.get(one.directory.id));
    if (names !== null) asked.set(one.directory.id, names);
  }
  const rows = await knownRowsOf(client, context, asked);
  const result = new Map<number, PartlyLinked>();
  for (const { directory, linked, columns } of looks) {
    const listing = listings.get(directory.id);
    if (linked === null || listing === undefined || !asked.has(directory.id)) continue;
    const known = rows.get(directory.id) ?? NO_ROWS;
    const files = filesOf(environment, { columns, linked: linked.linked, known }, listing);
    if (files === null) mark(columns, linked.linked, NAME.stands);
    else result.set(directory.id, { ...files, known });
  }
  return result;
}

function mark(columns: Columns, indices: readonly number[], state: number): void {
  for (const index of indices) columns.setState(index, state);
}

/**
 * Marks what is linked, and names all else, here and in the previous snapshot; null, and nothing is marked, where all
 * rows of the directory are wanted.
 */
function otherNames(
  context: ScanContext,
  { linked, columns, from, to }: Look,
  listing: KnownListing | undefined,
): string[] | null {
  if (linked === null || listing === undefined || listing.linkDigest === null) return null;
  if (listing.statDigest === NEVER_UNCHANGED || !mayStand(context, listing)) return null;
  if (to - from - linked.linked.length > ASKED_MAX) return null;
  mark(columns, linked.linked, NAME.linked);
  const names = [...linked.onlyThere];
  for (let index = from; index < to; index++) if (columns.state(index) === NAME.stands) names.push(columns.name(index));
  if (names.length <= Math.min(ASKED_MAX, linked.linked.length)) return names;
  mark(columns, linked.linked, NAME.stands);
  return null;
}

/** Null unless the linked files and what the rows tell of are what the listing held, no more and no less. */
function filesOf(
  { digest }: ShardEnvironment,
  { columns, linked, known }: Pick<PartlyLinked, 'linked' | 'known'> & Pick<Look, 'columns'>,
  listing: KnownListing,
): LinkedFiles | null {
  digest.reset();
  let bytes = 0;
  for (const index of linked) {
    digest.addLink(columns, index);
    bytes += sizeAt(columns.view, columns.statAt(index));
  }
  const linkDigest = digest.linkDigest();
  let count = linked.length;
  for (const [name, { now }] of known) {
    if (now === undefined) continue;
    count++;
    digest.addLinkOf(name, now);
    digest.addContentOf(name, now, now.target);
  }
  if (count !== listing.count || digest.linkDigest() !== listing.linkDigest) return null;
  const others = digest.contentDigest();
  if (listing.contentDigest !== null && others === null) return null;
  const contentDigest =
    listing.contentDigest === null || others === null ? null : BigInt.asIntN(64, listing.contentDigest - others);
  return { linked, bytes, linkDigest, contentDigest, racy: listing.racy };
}

/** As of what is unchanged: it was seen, and was held against no row. */
export function countLinked(
  { progress }: ShardEnvironment,
  { counts }: Gathered,
  { linked, bytes }: LinkedFiles,
): void {
  counts.seen += linked.length;
  counts.visited += linked.length;
  counts.files += linked.length;
  counts.bytes += bytes;
  progress.add(linked.length, 0);
}
