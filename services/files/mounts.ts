// The mounts that this process sees, from /proc/self/mountinfo (man 5 proc). Names come as bytes with octal escapes and
// leave as printable text.
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { encodePath, isWithin, joinPath } from '../../domain/path.ts';
import { fileError } from './errors.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import { bytesOf, realPathOf } from './location.ts';

export interface Mount {
  readonly id: number;
  readonly parent: number;
  /**
   * 'major:minor' of st_dev. Anonymous on btrfs and network file systems, and another one after the next boot: never an
   * identity.
   */
  readonly device: string;
  /**
   * The directory of the file system that is mounted here: '/' or a subvolume or the source of a bind mount. Printable.
   */
  readonly root: string;
  /** Absolute, printable. */
  readonly mountPoint: string;
  /** As the kernel says: 'ext4', 'btrfs', 'fuse.glusterfs', 'nfs4' … */
  readonly fsType: string;
  /** A device's path, `server:/export`, or any word. Printable. */
  readonly source: string;
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
  /** Nothing can be written through this mount: the mount or the file system is read-only. */
  readonly readOnly: boolean;
}

/**
 * Not in fs.constants: a descriptor that only names a place. Value of every architecture that Node runs on under Linux
 * but alpha, parisc and sparc.
 */
export const O_PATH = 0o10000000;

/** The kernel writes space, tab, newline, backslash and '#' as three octal digits. */
function unescapeOctal(field: string): string {
  const text = field.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
  return encodePath(Buffer.from(text, 'latin1'));
}

/** One line of mountinfo, read as latin1 so that every character is a byte. Null for a line of another shape. */
export function parseMount(line: string): Mount | null {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const [id, parent, device, root, mountPoint, options] = fields;
  const [fsType, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || device === undefined || root === undefined || mountPoint === undefined) return null;
  if (options === undefined || fsType === undefined || source === undefined) return null;
  const [own, shared] = [options.split(','), (superOptions ?? '').split(',')];
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source),
    options: own,
    superOptions: shared,
    readOnly: own.includes('ro') || shared.includes('ro'),
  };
}

/**
 * The last answer, which is nearly always the next one as well: a server with a thousand mounts is asked at each shard.
 */
let last: { readonly text: string; readonly mounts: readonly Mount[] } | null = null;

/**
 * Every mount of this process's namespace, in the kernel's order: of two on one mount point the later lies on top.
 * Throws FileError.
 */
export function readMounts(): readonly Mount[] {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'latin1');
  } catch (error) {
    throw fileError(error, 'read', '/proc/self/mountinfo');
  }
  if (last?.text !== text) last = { text, mounts: text.split('\n').flatMap((line) => parseMount(line) ?? []) };
  return last.mounts;
}

/**
 * The mount whose path is the longest prefix, by components, of an absolute printable path without symlinks. Touches
 * nothing below the mounts, so it may be asked about a volume on which even a lookup does harm; a mount hidden below a
 * later one can deceive it.
 */
export function mountByPath(path: string, mounts: readonly Mount[] = readMounts()): Mount | null {
  let best: Mount | null = null;
  for (const mount of mounts) {
    if (!isWithin(mount.mountPoint, path)) continue;
    if (best === null || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  return best;
}

function mountIdOf(path: string): number | null {
  let fd: number;
  try {
    fd = openSync(bytesOf(path), O_PATH);
  } catch (error) {
    throw fileError(error, 'open', path);
  }
  try {
    const id = /^mnt_id:\s*([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return id === undefined ? null : Number(id);
  } finally {
    closeSync(fd);
  }
}

/**
 * The mount that something which exists lies on, as the kernel resolves its path (symlinks, overmounts and bind mounts
 * included). Null where this namespace does not show it. Throws FileError when the path cannot be looked up.
 */
export function mountOf(path: string, mounts: readonly Mount[] = readMounts()): Mount | null {
  // Bricks are several file systems, all of this machine.
  if (isBricks(path)) return null;
  const id = mountIdOf(path);
  return mounts.find((mount) => mount.id === id) ?? mountByPath(realPathOf(path), mounts);
}

/** The mounts strictly below an absolute printable path without symlinks, shallow ones first. */
export function mountsBelow(path: string, mounts: readonly Mount[] = readMounts()): readonly Mount[] {
  return mounts
    .filter((mount) => mount.mountPoint !== path && isWithin(path, mount.mountPoint))
    .sort((a, b) => a.mountPoint.length - b.mountPoint.length);
}

const NETWORK = new Set([
  'nfs',
  'nfs4',
  'cifs',
  'smb',
  'smb2',
  'smb3',
  'smbfs',
  '9p',
  'ceph',
  'glusterfs',
  'lustre',
  'gfs2',
  'ocfs2',
  'gpfs',
  'beegfs',
  'afs',
  'coda',
  'ncpfs',
  'orangefs',
  'pvfs2',
  'virtiofs',
  'vboxsf',
  'prl_fs',
  'fuse',
]);

/** Any FUSE file system but those on a local block device: something in user space answers every call. */
export function isFuse(fsType: string): boolean {
  return fsType === 'fuse' || fsType.startsWith('fuse.');
}

/**
 * A file system that is served by another machine or by a process: a lookup there may hang, lie or, on GlusterFS,
 * delete.
 */
export function isNetworkOrFuse(fsType: string): boolean {
  return NETWORK.has(fsType) || isFuse(fsType);
}

/**
 * Whether a name may be looked up here to prove its absence (docs/design.md#rule-2, docs/design.md#rule-9). On FUSE,
 * NFS and SMB mounts a lookup may change what it looks at, through a read-only mount too: there a second listing takes
 * its place.
 */
export function mayLookUp(mount: Mount | null): boolean {
  return mount === null || !isNetworkOrFuse(mount.fsType);
}

/**
 * mayLookUp() for the names in a directory of a tree, by the mount that holds it: a harmless root may have other file
 * systems below.
 *
 * @param root real, absolute, printable
 * @param own the mount that the root lies on
 * @returns takes a path below the root, '' for the root itself
 */
export function lookUpRule(root: string, own: Mount | null, mounts: readonly Mount[]): (path: string) => boolean {
  const below = mountsBelow(root, mounts);
  return (path) => mayLookUp((path === '' ? null : mountByPath(joinPath(root, path), below)) ?? own);
}

/**
 * How many errors an ext2/3/4 has met since its last fsck, as the kernel counts them; null for other file systems, or
 * where that is not shown. Without metadata checksums such a file system drops names of a damaged directory from its
 * listing *and* answers ENOENT when they are looked up: this count is then the only thing that tells.
 */
export function errorsCounted(mount: Mount | null): number | null {
  if (mount === null || !/^ext[234]$/.test(mount.fsType)) return null;
  try {
    const device = basename(readlinkSync(`/sys/dev/block/${mount.device}`));
    const count = Number(readFileSync(`/sys/fs/ext4/${device}/errors_count`, 'latin1'));
    return Number.isInteger(count) ? count : null;
  } catch {
    // No sysfs here, or a kernel that does not tell.
    return null;
  }
}
