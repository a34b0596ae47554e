// A volume is read from its bricks, and restored through a client mount: how it is mounted, and whether a mount shows
// this very volume.
import { RollcallError } from '../../domain/exit.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { baseName, parentOf } from '../../domain/path.ts';
import { attributesAt } from './brick-attributes.ts';
import type { Directory } from './directory.ts';
import { FileError } from './errors.ts';
import { isGluster } from './gluster.ts';
import { placesOf } from './location.ts';
import { mountOf, readMounts } from './mounts.ts';
import { openDirectory, openRoot } from './open-directory.ts';
import { UnionDirectory } from './union-directory.ts';

export interface MountedBy {
  readonly server: string;
  readonly volume: string;
}

/** As `mount -t glusterfs SERVER:/VOLUME` takes it; null where glusterd has no record of the volume here. */
export function mountedBy(bricks: string): MountedBy | null {
  if (!isBricks(bricks)) return null;
  const root = opened(() => openRoot(bricks));
  if (root === null) return null;
  try {
    if (!(root instanceof UnionDirectory)) return null;
    const { name, bricks: its } = root.bricks.volume.topology;
    const server = its[0]?.host ?? '';
    return name === null || server === '' ? null : { server, volume: name };
  } finally {
    root.close();
  }
}

/** A name that was looked at through a mount, with the inode that it has there. */
export interface SeenThrough {
  /** Printable, below the root. */
  readonly path: string;
  readonly inode: bigint;
}

/**
 * Whether a directory is the root of the volume that these bricks are of, shown by a client mount. A client makes the
 * inode of a name from the last 64 bits of its gfid, which are random: one that agrees with a brick is proof.
 *
 * @param target real, absolute, printable
 */
export function isMountOfBricks(target: string, bricks: string, seen: readonly SeenThrough[]): boolean {
  if (!isBricks(bricks) || seen.length === 0) return false;
  const mount = mountOf(target, readMounts());
  if (mount === null || !isGluster(mount)) return false;
  return placesOf(bricks).some((brick) => {
    const root = opened(() => openRoot(brick));
    if (root === null) return false;
    try {
      return seen.some(({ path, inode }) => inodeOn(root, path) === inode);
    } finally {
      root.close();
    }
  });
}

/** The inode that a client shows of a name on a brick; null where the brick does not have it. */
function inodeOn(brick: Directory, path: string): bigint | null {
  const directory = opened(() => openDirectory(brick, parentOf(path)));
  if (directory === null) return null;
  try {
    const gfid = opened(() => attributesAt(directory, baseName(path)).gfid);
    return gfid === null ? null : BigInt.asIntN(64, BigInt(`0x${gfid.slice(16)}`));
  } finally {
    directory.close();
  }
}

/** Null for what cannot be opened, or asked. */
function opened<T>(open: () => T): T | null {
  try {
    return open();
  } catch (error) {
    if (error instanceof FileError || error instanceof RollcallError) return null;
    throw error;
  }
}
