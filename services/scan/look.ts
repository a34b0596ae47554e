// Looking at one directory: its names and what the file system says of each, before anything is held against the
// catalog. There is one loop for all who look: whole directories, parts of huge ones, single large files, and
// directories that are listed again.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { decodeName, joinPath } from '../../domain/path.ts';
import { type GapStatus, MOUNTED_FILE } from '../../domain/scan.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { mayBeStub } from '../files/btrfs.ts';
import { type Columns, type ListedRange, NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { openDirectory } from '../files/open-directory.ts';
import { FileError, systemError } from '../files/errors.ts';
import type { LinkedNames } from '../files/linked-names.ts';
import { BrickGapError } from '../files/brick-parts.ts';
import { FORMAT_DIRECTORY, FORMAT_SYMLINK, formatAt, mountIdAt, type Stat, unsoundAt } from '../files/stat.ts';
import type { ShardEnvironment } from './environment.ts';
import { HUGE_ENTRIES } from './limits.ts';
import { linkedIn } from './linked-in.ts';
import { isLockedDirectory, listStill } from './list-still.ts';
import { saidByBricks } from './said-by-bricks.ts';

/** A name with its text, for what cannot be told from the columns alone. */
export interface Entry {
  readonly name: string;
  readonly stat: Stat;
  /** A symlink's target. */
  readonly target: string | null;
}

export function entryAt(columns: Columns, index: number): Entry {
  const name = columns.name(index);
  return { name, stat: columns.stat(index, name), target: columns.target(index) };
}

export interface NameGap {
  readonly name: string;
  readonly status: GapStatus;
  readonly errno: string | null;
  readonly detail: string | null;
}

/**
 * Names of one directory that were looked at: in `columns`, from `from` to `to`, and `extra` ones that stand behind
 * those of others.
 */
export interface Looked {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  readonly columns: Columns;
  readonly from: number;
  readonly to: number;
  /** Names that the listing left out and a lookup found. */
  readonly extra: number[];
  /** Names that could not be looked at. */
  readonly gaps: NameGap[];
  /** Names that were listed and are out of scope. */
  readonly excluded: Set<string>;
  /** Over all that stand, signed; see services/files/listing-digest.ts. */
  readonly statDigest: bigint;
  /** How many that are. */
  readonly count: number;
}

/** A directory that was listed to its end. The handle stays open until the look is closed. */
export interface Look extends Looked {
  /**
   * The directory as it was before its listing and after it. Where it moved each time that it was listed: its mtime
   * after the last one, which is not older than what the listing shows, and its ctime before it, by which it shows as
   * moved.
   */
  readonly stat: Stat;
  readonly duplicates: number;
  /** What it shares with the same directory in the previous snapshot; null where nothing can be told. */
  readonly linked: LinkedNames | null;
}

/** A directory that could not be read: all below it is unknown. */
export interface Unseen {
  readonly directory: ShardDirectory;
  readonly gap: NameGap;
}

/** A directory too long for a look: it is streamed (huge-directory.ts). */
export interface Huge {
  readonly huge: Directory;
}

/** Linux's NAME_MAX. */
const NAME_BYTES_MAX = 255;

export const MOUNTED_SINCE = 'mounted since the scan began: the next one looks at it';

/** Opens the directory with the (device, inode) that its parent's listing saw. @throws FileError */
export function openListed(environment: ShardEnvironment, directory: ShardDirectory): Directory {
  return openDirectory(
    environment.root,
    directory.path,
    directory.inode === null
      ? undefined
      : { inode: BigInt(directory.inode), ...(directory.device === null ? {} : { device: BigInt(directory.device) }) },
  );
}

/** @param namesMax a longer listing is streamed */
export function look(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  namesMax: number = HUGE_ENTRIES,
): Look | Unseen | Huge {
  if (environment.hangs(directory.id, '')) return { directory, gap: noAnswer('') };
  environment.enter(directory.id, '');
  let handle: Directory;
  try {
    handle = openListed(environment, directory);
  } catch (error) {
    return unseen(directory, error);
  }
  const mark = environment.columns.mark();
  try {
    const gap = coveredBy(environment, directory);
    if (gap !== null) {
      handle.close();
      return { directory, gap };
    }
    environment.visit(directory.path);
    const seen = lookInto(environment, directory, handle, namesMax);
    if ('gap' in seen || 'huge' in seen) environment.columns.back(mark);
    return seen;
  } catch (error) {
    handle.close();
    environment.columns.back(mark);
    return unseen(directory, error);
  }
}

/** What is mounted here is not what this scan looks into. */
function coveredBy(environment: ShardEnvironment, { path }: ShardDirectory): NameGap | null {
  // Asked anew for each: a file system may be unmounted while its volume is scanned.
  if (environment.enteredMounts.has(path) && !environment.isMounted(path)) {
    const detail = 'a file system was mounted here when it was scanned before; now it is not';
    return { name: '', status: 'unmounted', errno: null, detail };
  }
  if (environment.isCovered(path)) return { name: '', status: 'boundary', errno: null, detail: MOUNTED_SINCE };
  return null;
}

function lookInto(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  namesMax: number,
): Look | Unseen | Huge {
  const { columns } = environment;
  const { range, stat } = listStill(environment, handle, namesMax);
  if (isLockedDirectory(columns, handle, range)) {
    handle.close();
    return { directory, gap: { name: '', status: 'denied', errno: 'ENOKEY', detail: LOCKED } };
  }
  if (!range.ended) return { huge: handle };
  const looked = lookAtAll(environment, directory, handle, range);
  looked.gaps.push(...saidByBricks(environment, handle));
  const linked = linkedIn(environment, directory, handle, looked);
  return { ...looked, stat, duplicates: range.duplicates, linked };
}

const LOCKED = 'locked by fscrypt: unlock it, then run again';
const FILE_SYSTEMS_OWN = "the file system's own: snapshots or bookkeeping at its root";

/** Looks at each name of a range of the environment's columns. */
export function lookAtAll(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  { from, to }: Pick<ListedRange, 'from' | 'to'>,
): Looked {
  const { columns, digest } = environment;
  const gaps: NameGap[] = [];
  const excluded = new Set<string>();
  const isMountRoot = environment.isMountRoot(directory.path, handle.stat);
  digest.reset();
  let count = 0;
  const place = { directory, handle, columns, isMountRoot };
  const order = columns.inInodeOrder(from, to);
  for (let at = 0; at < order.length; at++) {
    const index = order[at] ?? 0;
    environment.progress.tick();
    if (columns.state(index) === NAME.repeated) continue;
    const gap = lookAtName(environment, place, index);
    if (gap === 'excluded') excluded.add(columns.name(index));
    else if (gap !== null) gaps.push(gap);
    else {
      count++;
      digest.addStat(columns, index);
    }
  }
  return {
    directory,
    handle,
    columns,
    from,
    to,
    extra: [],
    gaps,
    excluded,
    statDigest: digest.statDigest(),
    count,
  };
}

interface Place {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  readonly columns: Columns;
  readonly isMountRoot: boolean;
}

/**
 * What one name is: null where it stands, else a gap, or out of scope. ENOENT of a listed name is a gap too: the
 * listing said that it is there. What a file system keeps at its root is a boundary, not an absence: a backup may well
 * hold a copy of it.
 */
function lookAtName(environment: ShardEnvironment, place: Place, index: number): NameGap | 'excluded' | null {
  const { directory, columns } = place;
  if (place.isMountRoot && environment.isSystemDirectory(columns.name(index)))
    return gapAt(place, index, { status: 'boundary', errno: null, detail: FILE_SYSTEMS_OWN });
  if (environment.hasHung && environment.hangs(directory.id, columns.name(index)))
    return gapAt(place, index, noAnswer(''));
  environment.enterAt(directory.id, columns, index);
  try {
    statIn(environment, place, index);
    const format = formatAt(columns.view, columns.statAt(index));
    const isDirectory = format === FORMAT_DIRECTORY;
    if (environment.excludes && environment.excluded(joinPath(directory.path, columns.name(index)), isDirectory)) {
      columns.setState(index, NAME.excluded);
      return 'excluded';
    }
    // A directory's mount is told when its children are.
    if (!isDirectory && isMountedOver(environment, place, index)) {
      return gapAt(place, index, { status: 'boundary', errno: null, detail: MOUNTED_FILE });
    }
    if (isDirectory && columns.nameLength(index) > NAME_BYTES_MAX) return gapAt(place, index, tooLong(columns, index));
    if (format === FORMAT_SYMLINK) columns.readTarget(place.handle, index);
    columns.setState(index, NAME.stands);
    return null;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return gapAt(place, index, gapOf(error));
  }
}

function isMountedOver({ context }: ShardEnvironment, { handle, columns }: Place, index: number): boolean {
  return !context.scope.crossMounts && mountIdAt(columns.view, columns.statAt(index)) !== handle.stat.mountId;
}

function gapAt({ columns }: Place, index: number, { status, errno, detail }: Omit<NameGap, 'name'>): NameGap {
  columns.setState(index, NAME.gap);
  return { name: columns.name(index), status, errno, detail };
}

function gapOf(error: FileError): Omit<NameGap, 'name'> {
  if (error instanceof BrickGapError) return { status: error.status, ...error.kept };
  const { errno, detail } = error;
  if (isAbsent(errno)) return { status: 'unsettled', errno, detail: 'listed, but gone when it was checked' };
  if (errno === 'EINVAL' && error.operation === 'readlink')
    return { status: 'unsettled', errno: null, detail: 'it was a symlink when it was checked' };
  return { status: gapStatusOf(errno), errno, detail };
}

/** Looks the name up, less what the file system makes up. @throws FileError */
export function statIn(
  environment: ShardEnvironment,
  { directory, handle, columns }: Omit<Place, 'isMountRoot'>,
  index: number,
): void {
  const result = columns.lookUp(handle, index);
  if (result !== 0) throw systemError(result, 'lstat', joinPath(handle.path, columns.name(index)));
  const { view } = columns;
  const at = columns.statAt(index);
  const unsound = unsoundAt(view, at, '');
  if (unsound !== null) throw unsoundAt(view, at, joinPath(handle.path, columns.name(index))) ?? unsound;
  if (!mayBeStub(view, at)) return;
  const name = columns.name(index);
  if (environment.isStub(directory.path, name, columns.stat(index, name))) columns.forgetTimes(index);
}

/**
 * FUSE knows names that Linux does not; the dictionary of directories, which is indexed by them, refuses the longest.
 */
function tooLong(columns: Columns, index: number): Omit<NameGap, 'name'> {
  const detail = `the name of this directory has ${columns.nameLength(index)} bytes, and ${NAME_BYTES_MAX} is the most`;
  return { status: 'failed', errno: 'ENAMETOOLONG', detail };
}

/** Puts a name that no listing has just brought where lookAtAll() looks. @returns its index */
export function addName(columns: Columns, name: string): number {
  return columns.add(decodeName(name));
}

/** The thread that asked was written off. */
export function noAnswer(name: string): NameGap {
  return { name, status: 'failed', errno: null, detail: 'no answer: the storage hangs there (dmesg, findmnt)' };
}

/**
 * A directory that its parent listed and that is gone, or another, when it is opened: the tree moves; anything else is
 * what the errno says.
 */
export function unseen(directory: ShardDirectory, error: unknown): Unseen {
  if (!(error instanceof FileError)) throw error;
  if (error instanceof BrickGapError) return { directory, gap: { name: '', status: error.status, ...error.kept } };
  const moved = isAbsent(error.errno) || error.errno === 'ESTALE' || error.errno === 'ELOOP';
  return {
    directory,
    gap: { name: '', status: moved ? 'unsettled' : gapStatusOf(error.errno), errno: error.errno, detail: null },
  };
}
