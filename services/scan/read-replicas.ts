// A file of which a GlusterFS volume keeps several copies: when it is read, all of them are, and they are held against
// one another. Rot on one replica shows in nothing else: clients read whichever answers first.
import { gapStatusOf } from '../../domain/errno.ts';
import type { BrickEntry } from '../../domain/gluster/brick.ts';
import type { UnionName } from '../../domain/gluster/union.ts';
import { joinPath } from '../../domain/path.ts';
import type { ShardCounts } from '../catalog/shard-result.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { gapOf } from '../files/brick-gaps.ts';
import type { Columns } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { readContent } from '../files/read.ts';
import { heldAgainstSignature, type OnBrick } from '../files/replicas.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import type { ShardEnvironment } from './environment.ts';
import { READ_ATTEMPTS } from './limits.ts';
import { type Entry, entryAt, type NameGap, statIn } from './look.ts';
import type { Observed } from './observe.ts';
import { noteOf } from './said-by-bricks.ts';
import { readEntry } from './seen.ts';

export interface ReadOfAll {
  readonly read: Observed | NameGap;
  /** What its replicas contradict one another in, where one of them is believed all the same. */
  readonly note: NameGap | null;
}

interface How {
  /** In the columns. */
  readonly index: number;
  readonly counts: ShardCounts;
  readonly isFromMedium: boolean;
}

interface Place {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  readonly columns: Columns;
}

/** Reads a file that was looked at, with its replicas where it has some. */
export function readWhole(environment: ShardEnvironment, place: Place, entry: Entry, how: How): ReadOfAll {
  const { handle } = place;
  const copies = handle instanceof UnionDirectory ? handle.replicasOf(entry.name) : [];
  const read = readEntry(environment, handle, entry, { ...how, remembers: copies.length < 2 });
  const [holder] = copies;
  if (!(handle instanceof UnionDirectory) || holder === undefined || copies.length < 2 || 'status' in read)
    return { read, note: null };
  const contents = new Map<number, Partial<BrickEntry>>();
  contents.set(holder.brick, { digest: read.digest, zeroFrom: read.zeroFrom });
  const isUnread = !readOthers(environment, copies.slice(1), entry.name, { ...how, contents });
  const isSame = [...contents.values()].every(({ digest }) => digest === read.digest);
  if (isSame && !isUnread) return { read, note: null };
  const learned = isSame
    ? handle.learn(entry.name, contents)
    : judged(environment, handle, copies, { entry, contents });
  const its = learned === null || !isUnread ? learned : { ...learned, evidence: [...learned.evidence, UNREAD] };
  const refused = refusalOf(handle, entry.name, its);
  if (its === null || refused !== null) return { read: refused ?? read, note: null };
  const contradicts = its.class !== 'plain' || isUnread || its.evidence.includes('signature broken');
  const note = contradicts ? noteOf(its, handle.bricks.roots) : null;
  return { read: its.holder === holder.brick ? read : readAgain(environment, place, how), note };
}

const UNREAD = 'replica unread' as const;

/** @returns whether all of them could be read */
function readOthers(
  environment: ShardEnvironment,
  others: readonly OnBrick[],
  name: string,
  into: Pick<How, 'counts' | 'isFromMedium'> & { readonly contents: Map<number, Partial<BrickEntry>> },
): boolean {
  let areRead = true;
  for (const { brick, directory } of others) {
    const limits = { attempts: READ_ATTEMPTS, isFromMedium: into.isFromMedium };
    const result = readContent(environment.reader, directory, name, limits);
    areRead &&= result.ok;
    if (!result.ok) continue;
    into.counts.filesRead++;
    into.counts.bytesRead += result.bytes;
    into.contents.set(brick, { digest: result.digest, zeroFrom: result.zeroFrom });
  }
  return areRead;
}

/** They differ: what GlusterFS has signed may tell which of them is right. */
function judged(
  { reader }: ShardEnvironment,
  handle: UnionDirectory,
  copies: readonly OnBrick[],
  { entry: { name }, contents }: { readonly entry: Entry; readonly contents: Map<number, Partial<BrickEntry>> },
): UnionName | null {
  for (const { brick, directory } of copies) {
    const signature = heldAgainstSignature(directory, name, reader.onProgress);
    if (signature !== undefined) contents.set(brick, { ...contents.get(brick), signature });
  }
  return handle.learn(name, contents);
}

/** Why the name does not stand; null where it does. */
function refusalOf(handle: UnionDirectory, name: string, its: UnionName | null): NameGap | null {
  if (its === null)
    return { name, status: 'unsettled', errno: null, detail: 'it was gone when its replicas were compared' };
  if (its.isClear) return null;
  const { status, kept } = gapOf(handle.bricks, its, joinPath(handle.path, name));
  return { name, status, ...kept };
}

/** Another replica is believed than the one that was looked at. */
function readAgain(environment: ShardEnvironment, place: Place, how: How): Observed | NameGap {
  try {
    statIn(environment, place, how.index);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const detail = 'it could not be looked at on the brick that is right';
    return { name: place.columns.name(how.index), status: gapStatusOf(error.errno), errno: error.errno, detail };
  }
  return readEntry(environment, place.handle, entryAt(place.columns, how.index), { ...how, remembers: false });
}
