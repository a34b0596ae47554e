// Which tree a root is (docs/design.md#identity), so that an empty or swapped volume is not taken for a loss.
import { errnoText } from '../../domain/errno.ts';
import { opendirSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { isWithin, joinPath } from '../../domain/path.ts';
import { BTRFS_ROOT_INODE, type RootMark } from '../../domain/snapshot-identity.ts';
import type { Directory } from './directory.ts';
import { openRoot } from './open-directory.ts';
import { errnoOf, FileError } from './errors.ts';
import { identifyBricks } from './bricks.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { bytesOf, realPathOf } from './location.ts';
import { isFuse, isNetworkOrFuse, type Mount, mountOf, readMounts } from './mounts.ts';
import type { Stat } from './stat.ts';
import { statPlace } from './directory.ts';

/**
 * Recorded as JSON. Null parts could not be learnt, and are not compared. st_dev is no part of it: it changes with
 * every boot.
 */
export interface RootIdentity {
  readonly fsType: string | null;
  /** The file system's UUID, from /dev/disk/by-uuid, or for btrfs from /sys/fs/btrfs. */
  readonly uuid: string | null;
  /**
   * `server:/export` and the like for network and FUSE file systems; null for local ones, whose device names wander.
   */
  readonly source: string | null;
  /** Where in its file system the root lies, for btrfs: subvolumes all have root inode 256. Printable. */
  readonly subvolume: string | null;
  /** Decimal, signed as Node gives it. Null where the file system makes inodes up anew at each mount. */
  readonly rootInode: string | null;
  /**
   * When the root directory was made, in ns since 1970, decimal. The roots of all ext4 have the same inode, and where
   * udev does not run (in a container) no UUID is to be had: this tells one from another.
   */
  readonly rootBtimeNs: string | null;
  /** Mount points below the root that a scan enters: printable, relative to the root. */
  readonly enteredMounts: readonly string[];
  /** Of a volume that is read from its bricks: those that were read as a part of it. */
  readonly bricks?: readonly string[];
}

/** Whether JSON from the catalog is a recorded identity of a tree's root (a snapshot's is another thing). */
export function isIdentity(value: unknown): value is RootIdentity {
  return typeof value === 'object' && value !== null && 'fsType' in value && 'enteredMounts' in value;
}

const BY_UUID = '/dev/disk/by-uuid';
const BTRFS = '/sys/fs/btrfs';

function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No udev in a container, no btrfs in the kernel: the part is then not known.
    return [];
  }
}

function deviceNumber(path: string): bigint | null {
  try {
    const stat = statSync(path, { bigint: true });
    return stat.isBlockDevice() ? stat.rdev : null;
  } catch {
    return null;
  }
}

/** btrfs has an anonymous st_dev; the kernel lists the member devices of every file system by its UUID. */
function btrfsUuidOf(source: string): string | null {
  let device = source;
  try {
    device = posix.resolve(posix.dirname(source), readlinkSync(source));
  } catch {
    // Not a link: a plain device name.
  }
  const names = [posix.basename(source), posix.basename(device)];
  for (const uuid of list(BTRFS)) {
    if (list(`${BTRFS}/${uuid}/devices`).some((name) => names.includes(name))) return uuid;
  }
  return null;
}

function uuidOf(mount: Mount): string | null {
  if (!mount.source.startsWith('/dev/')) return null;
  if (mount.fsType === 'btrfs') {
    const uuid = btrfsUuidOf(mount.source);
    if (uuid !== null) return uuid;
  }
  const device = deviceNumber(mount.source);
  if (device === null) return null;
  return list(BY_UUID).find((uuid) => deviceNumber(`${BY_UUID}/${uuid}`) === device) ?? null;
}

/**
 * FUSE file systems number as they please, and SMB does without server inodes; GlusterFS derives inodes from its own
 * ids.
 */
export function keepsInodes(fsType: string): boolean {
  if (fsType === 'fuse.glusterfs') return true;
  return !isFuse(fsType) && fsType !== 'cifs' && fsType !== 'smb3' && fsType !== '9p' && fsType !== 'vboxsf';
}

/** Null where it is not kept; a system that only makes it up gives the time of the last change. */
export function birthOf(fsType: string, { btimeNs, ctimeNs }: Pick<Stat, 'btimeNs' | 'ctimeNs'>): string | null {
  return !keepsInodes(fsType) || btimeNs <= 0n || btimeNs === ctimeNs ? null : String(btimeNs);
}

/** What tells an open root from the one that was recorded; null when it is the same as far as one look tells. */
export function otherRoot(
  recorded: RootMark,
  { inode, btimeNs, ctimeNs }: Pick<Stat, 'inode' | 'btimeNs' | 'ctimeNs'>,
  mount: Mount | null,
): string | null {
  if (recorded.rootInode !== null && recorded.rootInode !== String(inode))
    return `inode ${inode}, was ${recorded.rootInode}`;
  const birth = mount === null ? null : birthOf(mount.fsType, { btimeNs, ctimeNs });
  return recorded.rootBtimeNs !== null && birth !== null && recorded.rootBtimeNs !== birth
    ? 'made at another time, on another file system'
    : null;
}

/**
 * Opens a root that was scanned: a rotation may have put a neighbour at its path. Throws FileError; ESTALE where
 * another directory lies there.
 */
export function openScannedRoot(path: string, recorded: RootMark | undefined): Directory {
  const root = openRoot(path);
  try {
    const other = recorded === undefined ? null : otherRoot(recorded, root.stat, mountOf(path));
    if (other !== null) throw new FileError('ESTALE', 'open', path, `another directory than was scanned: ${other}`);
    return root;
  } catch (error) {
    root.close();
    throw error;
  }
}

/**
 * Where a directory lies in its file system, however that is mounted: `@/data`, mounted on its own or seen through the
 * top level.
 */
function placeIn(mount: Mount, path: string): string | null {
  if (!isWithin(mount.mountPoint, path)) return null;
  const below = mount.mountPoint === '/' ? path.slice(1) : path.slice(mount.mountPoint.length + 1);
  return below === '' ? mount.root : joinPath(mount.root, below);
}

function refuse(path: string, errno: string, cause: unknown): RollcallError {
  const [message, next] =
    errno === 'ENOENT'
      ? [`${path} does not exist.`, 'Check the path, and that the file system that holds it is mounted (findmnt).']
      : errno === 'ENOTDIR'
        ? [`${path} is not a directory.`, 'Name the directory at the top of the volume.']
        : errno === 'EACCES' || errno === 'EPERM'
          ? [
              `${path} may not be read by this user (${errnoText(errno)}).`,
              'Run Rollcall as root, or as a user who may read the whole volume.',
            ]
          : [
              `${path} cannot be read (${errnoText(errno)}).`,
              errno === 'ENOTCONN'
                ? 'The program behind this mount has ended: unmount it (umount -l), and mount it again; nothing was concluded.'
                : 'Check the mount and the kernel log (findmnt, dmesg); nothing was concluded.',
            ];
  return new RollcallError(message, { next, cause });
}

/**
 * What a root is now: follows symlinks in the path, opens the directory, and reads nothing below it. Throws
 * RollcallError, with what to do next, when it does not exist, is not a directory or may not be listed.
 *
 * @param path absolute, printable
 * @param enteredMounts mount points below it, relative to it, that a scan enters
 */
export function identifyRoot(path: string, enteredMounts: readonly string[] = []): RootIdentity {
  if (isBricks(path)) return identifyBricks(path, openRoot);
  try {
    opendirSync(bytesOf(path)).closeSync();
    const real = realPathOf(path);
    const stat = statPlace(real);
    const mount = mountOf(real, readMounts());
    const fsType = mount?.fsType ?? null;
    return {
      fsType,
      uuid: mount ? uuidOf(mount) : null,
      source: mount && isNetworkOrFuse(mount.fsType) ? mount.source : null,
      subvolume: mount?.fsType === 'btrfs' ? placeIn(mount, real) : null,
      rootInode: fsType !== null && keepsInodes(fsType) ? String(stat.inode) : null,
      rootBtimeNs: fsType === null ? null : birthOf(fsType, stat),
      enteredMounts: [...enteredMounts].sort(),
    };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw refuse(path, errno, error);
  }
}

/**
 * Whether a directory is the root of a file system or btrfs subvolume: where `.snapshots` and the like are not the
 * user's own.
 *
 * @param path real, absolute, printable
 */
export function isFileSystemRoot(path: string, inode: bigint, mounts: readonly Mount[] = readMounts()): boolean {
  if (mounts.some((mount) => mount.mountPoint === path)) return true;
  return inode === BigInt(BTRFS_ROOT_INODE) && mountOf(path, mounts)?.fsType === 'btrfs';
}

/** For people. Records of earlier days lack it. */
function madeAt({ rootBtimeNs }: Partial<RootIdentity>): string | null {
  return rootBtimeNs === undefined || rootBtimeNs === null ? null : nsText(rootBtimeNs);
}

/** To the nanosecond: two disks are often formatted within the same second. */
function nsText(ns: string): string {
  const value = BigInt(ns);
  const whole = new Date(Number(value / 1_000_000n)).toISOString().slice(0, 19);
  return `${whole}.${String(value % 1_000_000_000n).padStart(9, '0')}Z`;
}

/**
 * What differs between a recorded identity and the present one, as a sentence for the operator; null when nothing that
 * is known on both sides does. Mounts below the root are not compared here: one that is gone is a gap, not another
 * volume.
 */
export function identityDifference(recorded: RootIdentity, now: RootIdentity): string | null {
  const parts: readonly (readonly [string, string | null, string | null])[] = [
    ['the file system is', recorded.fsType, now.fsType],
    [now.fsType === 'gluster' ? 'the id of the volume is' : 'the UUID of the file system is', recorded.uuid, now.uuid],
    ['the source of the mount is', recorded.source, now.source],
    ['the subvolume is', recorded.subvolume, now.subvolume],
    ['the inode of the root directory is', recorded.rootInode, now.rootInode],
    ['the root directory was made', madeAt(recorded), madeAt(now)],
  ];
  const differing = parts.flatMap(([what, was, is]) =>
    was !== null && is !== null && was !== is ? [`${what} ${is}, and was ${was}`] : [],
  );
  return differing.length === 0 ? null : differing.join('; ');
}
