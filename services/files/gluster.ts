// What of GlusterFS shows on a machine: client mounts, on which looking can destroy, and bricks, which are no plain
// trees (docs/design.md#rule-9). After a crash in the middle of a rebalance a file can be whole on its brick and yet be
// marked as a mere pointer; the client deletes such a pointer when its name is looked up, and sometimes when its
// directory is listed. A read-only mount is no protection (tried: 24 such files before an audit through a read-only
// mount, 2 after it).
import { lstatSync, readlinkSync } from 'node:fs';
import { isAbsent } from '../../domain/errno.ts';
import { encodePath, isWithin, joinPath, parentOf } from '../../domain/path.ts';
import { openRoot } from './open-directory.ts';
import { errnoOf, FileError } from './errors.ts';
import { ListedNames } from './listed-names.ts';
import { bytesOf } from './location.ts';
import { mayLookUp, type Mount, mountByPath, mountsBelow, readMounts } from './mounts.ts';

/** A GlusterFS client mount, read-only or not. Kernels that know no subtypes write the program before the source. */
export function isGluster({ fsType, source }: Mount): boolean {
  return fsType === 'fuse.glusterfs' || fsType === 'glusterfs' || (fsType === 'fuse' && /^glusterfs(#|$)/.test(source));
}

/**
 * A FUSE mount that does not say which program answers, with a source as a GlusterFS client writes it
 * (`server:/volume`).
 */
export function mayBeGluster({ fsType, source }: Mount): boolean {
  return fsType === 'fuse' && /^[^/#]+:/.test(source);
}

/** Where looking may destroy, as far as the mount table can say. */
export function mayDestroy(mount: Mount): boolean {
  return isGluster(mount) || mayBeGluster(mount);
}

/**
 * Mount points below a directory at which a listing may destroy: what is not entered by a scan must not be looked into
 * before it either.
 */
export function glusterBelow(path: string, mounts: readonly Mount[]): ReadonlySet<string> {
  return new Set(
    mountsBelow(path, mounts)
      .filter(mayDestroy)
      .map(({ mountPoint }) => mountPoint),
  );
}

const LINKS_MAX = 40;

const above = (path: string): string => (path === '/' ? path : parentOf(path));

export interface Way {
  /** The first mount of that kind on the way; null where none is met. */
  readonly met: Mount | null;
  /** Where the way leads, symlinks followed, as far as they could be. */
  readonly leads: string;
}

/**
 * The way to a path, symlinks followed one by one, each place held against the mount table before it is touched. What
 * cannot be followed is judged by its text.
 *
 * @param path absolute, printable
 */
export function wayTo(path: string, isMeant: (mount: Mount) => boolean, mounts: readonly Mount[]): Way {
  const partsOf = (text: string): string[] => text.split('/').filter((part) => part !== '' && part !== '.');
  const judged = (leads: string): Way => {
    const mount = mountByPath(leads, mounts);
    return { met: mount !== null && isMeant(mount) ? mount : null, leads };
  };
  const ahead = partsOf(path);
  let at = '/';
  let links = 0;
  for (let name = ahead.shift(); name !== undefined; name = ahead.shift()) {
    const next = name === '..' ? above(at) : joinPath(at, name);
    const way = judged(next);
    if (way.met !== null) return { met: way.met, leads: [next, ...ahead].join('/') };
    const target = name === '..' ? null : linkAt(next);
    if (target === null) {
      at = next;
    } else if (target instanceof FileError || ++links > LINKS_MAX) {
      return judged([next, ...ahead].join('/'));
    } else {
      if (target.startsWith('/')) at = '/';
      ahead.unshift(...partsOf(target));
    }
  }
  return judged(at);
}

/**
 * The real path of something that may be gone, asked for before any guard: nothing is touched where looking may
 * destroy.
 */
export function realWithoutHarm(path: string): string {
  return wayTo(path, mayDestroy, readMounts()).leads;
}

/** Where a symlink leads, printable; null for what is none. */
function linkAt(path: string): string | FileError | null {
  try {
    return encodePath(readlinkSync(bytesOf(path), { encoding: 'buffer' }));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return errno === 'EINVAL' ? null : new FileError(errno, 'readlink', path);
  }
}

/**
 * The handle of a brick's root directory: every brick that was ever started has it, and a client mount shows it to
 * nobody.
 */
const HANDLE = '.glusterfs/00/00/00000000-0000-0000-0000-000000000001';
const VOLUME_ID = 'trusted.glusterfs.volume-id';

/**
 * The root of a brick that one of these paths lies on: the path itself or a directory above it that holds the handle of
 * a brick's root, or bears the volume's id, which only CAP_SYS_ADMIN sees: the handle is what tells everybody. Null
 * where no brick is seen.
 *
 * @param paths real, absolute, printable
 */
export function brickUnder(paths: readonly string[], mounts: readonly Mount[]): string | null {
  const places = placesAbove(paths, mounts).filter(({ mount }) => mount === null || !isGluster(mount));
  for (const { at, mount } of places) if (holdsHandle(at, mount)) return at;
  return volumeIdAmong(places.filter(({ mount }) => mayLookUp(mount)).map(({ at }) => at));
}

interface Place {
  readonly at: string;
  readonly mount: Mount | null;
}

/**
 * The paths and all directories above them; of a directory that is mounted elsewhere, too, where another mount shows
 * what lies above it.
 */
function placesAbove(paths: readonly string[], mounts: readonly Mount[]): Place[] {
  const places = new Map<string, Place>();
  const add = (from: string, to: string): void => {
    for (let at = from; !places.has(at); at = above(at)) {
      places.set(at, { at, mount: mountByPath(at, mounts) });
      if (at === to) return;
    }
  };
  for (const path of paths) {
    add(path, '/');
    const own = mountByPath(path, mounts);
    if (own === null || own.root === '/') continue;
    for (const other of mounts) {
      if (other.device !== own.device || other.root === own.root || !isWithin(other.root, own.root)) continue;
      const below = own.root.slice(other.root === '/' ? 1 : other.root.length + 1);
      add(joinPath(other.mountPoint, below), other.mountPoint);
    }
  }
  return [...places.values()];
}

function holdsHandle(directory: string, mount: Mount | null): boolean {
  if (!mayLookUp(mount)) return listsHandle(directory);
  try {
    lstatSync(bytesOf(joinPath(directory, HANDLE)));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (isAbsent(errno)) return false;
  }
  // GlusterFS makes .glusterfs for root alone: who may not look inside cannot say that it is no brick.
  try {
    return lstatSync(bytesOf(joinPath(directory, '.glusterfs'))).isDirectory();
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return false;
  }
}

function listsHandle(directory: string): boolean {
  try {
    const root = openRoot(directory);
    try {
      const listed = new ListedNames(root);
      if (!listed.has('.glusterfs')) return false;
      try {
        return listed.has(HANDLE);
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        return error.errno !== 'ENOTDIR' && error.errno !== 'ELOOP';
      }
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}

/**
 * The first of these directories that bears the id of a GlusterFS volume. Only CAP_SYS_ADMIN sees it, which a service
 * may have without being root; for others it reads as absent.
 */
function volumeIdAmong(directories: readonly string[]): string | null {
  return directories.find((path) => bearsVolumeId(path)) ?? null;
}

function bearsVolumeId(path: string): boolean {
  try {
    const directory = openRoot(path);
    try {
      return directory.bearsAttribute(VOLUME_ID);
    } finally {
      directory.close();
    }
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}
