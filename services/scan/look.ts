// Looking at one directory: its names and what lstat says of each, before anything is held against the catalog.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { decodeName, joinPath } from '../../domain/path.ts';
import type { GapStatus } from '../../domain/scan.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { withoutMadeUp } from '../files/btrfs.ts';
import type { Directory } from '../files/directory.ts';
import { openDirectory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { isLocked } from '../files/fscrypt.ts';
import type { Stat } from '../files/stat.ts';
import type { ShardEnvironment } from './environment.ts';
import { HUGE_ENTRIES } from './limits.ts';

export interface Entry {
  readonly name: string;
  readonly stat: Stat;
  /** A symlink's target. */
  readonly target: string | null;
}

export interface NameGap {
  readonly name: string;
  readonly status: GapStatus;
  readonly errno: string | null;
  readonly detail: string | null;
}

/** A directory that was listed to its end. The handle stays open until the look is closed. */
export interface Look {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  /**
   * The directory as it was before its listing and after it. Where it moved each time that it was listed: its mtime after the last one, which is
   * not older than what the listing shows, and its ctime before it, by which it shows as moved.
   */
  readonly stat: Stat;
  readonly entries: readonly Entry[];
  /** Names that were listed but could not be read. */
  readonly gaps: NameGap[];
  /** Names that were listed and are out of scope. */
  readonly excluded: Set<string>;
  /** Over all entries, signed; see services/files/listing-digest.ts. */
  readonly statDigest: bigint;
  readonly duplicates: number;
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
const UTF16_UNIT_BYTES_MAX = 3;
/** A directory that moves while it is listed is listed so often. */
const LISTINGS_MAX = 3;
/** Names that are taken from a listing at a time. */
const NAMES_PER_BATCH = 1_024;

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
  try {
    // Asked anew for each: a file system may be unmounted while its volume is scanned.
    if (environment.enteredMounts.has(directory.path) && !environment.isMounted(directory.path)) {
      handle.close();
      const detail = 'a file system was mounted here when it was scanned before; now it is not';
      return { directory, gap: { name: '', status: 'unmounted', errno: null, detail } };
    }
    if (environment.isCovered(directory.path)) {
      handle.close();
      return { directory, gap: { name: '', status: 'boundary', errno: null, detail: MOUNTED_SINCE } };
    }
    environment.visit(directory.path);
    return lookAt(environment, directory, handle, namesMax);
  } catch (error) {
    handle.close();
    return unseen(directory, error);
  }
}

function lookAt(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  namesMax: number,
): Look | Unseen | Huge {
  const entries: Entry[] = [];
  const gaps: NameGap[] = [];
  const excluded = new Set<string>();
  const { digest } = environment;
  digest.reset();
  const isMountRoot = environment.isMountRoot(directory.path, handle.stat);
  const { names, duplicates, stat } = listStill(environment, handle, namesMax);
  if (isLocked(handle, names)) {
    handle.close();
    return { directory, gap: { name: '', status: 'denied', errno: 'ENOKEY', detail: LOCKED } };
  }
  if (names.length > namesMax) return { huge: handle };
  for (const name of names) {
    environment.progress.tick();
    const entry = lookAtName(environment, directory, handle, name, isMountRoot);
    if (entry === 'excluded') excluded.add(name);
    else if ('status' in entry) gaps.push(entry);
    else {
      entries.push(entry);
      digest.addStat(name, entry.stat, entry.target);
    }
  }
  return { directory, handle, stat, entries, gaps, excluded, statDigest: digest.statDigest(), duplicates };
}

/** All names, or more than `namesMax` of them; listed again where the directory moved meanwhile, a few times. */
function listStill(
  environment: ShardEnvironment,
  handle: Directory,
  namesMax: number,
): { readonly names: readonly string[]; readonly duplicates: number; readonly stat: Stat } {
  let before = handle.stat;
  for (let attempt = 1; ; attempt++) {
    const names: string[] = [];
    const batches = handle.batches(NAMES_PER_BATCH);
    let next = batches.next();
    for (; next.done !== true && names.length <= namesMax; next = batches.next()) {
      environment.progress.tick();
      for (const name of next.value.names) names.push(name);
    }
    if (next.done !== true) {
      batches.return({ count: 0, duplicates: 0 });
      return { names, duplicates: 0, stat: before };
    }
    const after = handle.restat();
    const { duplicates } = next.value;
    if (after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs)
      return { names, duplicates, stat: before };
    if (attempt === LISTINGS_MAX) return { names, duplicates, stat: { ...after, ctimeNs: before.ctimeNs } };
    before = after;
  }
}

const LOCKED = 'locked by fscrypt: unlock it, then run again';
const FILE_SYSTEMS_OWN = "the file system's own: snapshots or bookkeeping at its root";

/**
 * What one name is: an entry, a gap, or out of scope. ENOENT of a listed name is a gap too: the listing said that it is there. What a file
 * system keeps at its root is a boundary, not an absence: a backup may well hold a copy of it.
 */
export function lookAtName(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  name: string,
  isMountRoot: boolean,
): Entry | NameGap | 'excluded' {
  if (isMountRoot && environment.isSystemDirectory(name))
    return { name, status: 'boundary', errno: null, detail: FILE_SYSTEMS_OWN };
  if (environment.hangs(directory.id, name)) return noAnswer(name);
  environment.enter(directory.id, name);
  try {
    const stat = statIn(environment, directory, handle, name);
    if (environment.excludes && environment.excluded(joinPath(directory.path, name), stat.kind === 'directory'))
      return 'excluded';
    const odd = stat.kind === 'directory' ? tooLong(name) : null;
    if (odd !== null) return { name, status: 'failed', errno: 'ENAMETOOLONG', detail: odd };
    return { name, stat, target: stat.kind === 'symlink' ? handle.readlink(name) : null };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (isAbsent(error.errno)) {
      return { name, status: 'unsettled', errno: error.errno, detail: 'listed, but gone when it was checked' };
    }
    if (error.errno === 'EINVAL' && error.operation === 'readlink') {
      return { name, status: 'unsettled', errno: null, detail: 'it was a symlink when it was checked' };
    }
    return { name, status: gapStatusOf(error.errno), errno: error.errno, detail: error.detail };
  }
}

/** lstat, less what the file system makes up. @throws FileError */
export function statIn(
  environment: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  name: string,
): Stat {
  const stat = handle.lstat(name);
  return environment.isStub(directory.path, name, stat) ? withoutMadeUp(stat) : stat;
}

/** FUSE knows names that Linux does not; the dictionary of directories, which is indexed by them, refuses the longest. Null for all others. */
function tooLong(name: string): string | null {
  if (name.length <= NAME_BYTES_MAX / UTF16_UNIT_BYTES_MAX) return null;
  const bytes = decodeName(name).length;
  return bytes <= NAME_BYTES_MAX
    ? null
    : `the name of this directory has ${bytes} bytes, and ${NAME_BYTES_MAX} is the most`;
}

/** The thread that asked was written off. */
export function noAnswer(name: string): NameGap {
  return { name, status: 'failed', errno: null, detail: 'no answer: the storage hangs there (dmesg, findmnt)' };
}

/** A directory that its parent listed and that is gone, or another, when it is opened: the tree moves; anything else is what the errno says. */
export function unseen(directory: ShardDirectory, error: unknown): Unseen {
  if (!(error instanceof FileError)) throw error;
  const moved = isAbsent(error.errno) || error.errno === 'ESTALE' || error.errno === 'ELOOP';
  return {
    directory,
    gap: { name: '', status: moved ? 'unsettled' : gapStatusOf(error.errno), errno: error.errno, detail: null },
  };
}
