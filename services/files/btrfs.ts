// What btrfs itself knows of a subvolume, asked through its own tool where that is installed and may be used; and what
// it makes up.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { joinPath } from '../../domain/path.ts';
import { bytesOf } from './location.ts';
import { type Mount, mountByPath } from './mounts.ts';
import { type Stat, STATX } from './stat.ts';

/** BTRFS_EMPTY_SUBVOL_DIR_OBJECTID: no other directory of a btrfs has this inode. */
const STUB_INODE = 2;

/** Whether it has the inode of a stub, so that isStub() is to be asked; no others need a name or a Stat for it. */
export function mayBeStub(view: DataView, at: number): boolean {
  return view.getUint32(at + STATX.inode, true) === STUB_INODE && view.getUint32(at + STATX.inode + 4, true) === 0;
}

/**
 * Whether a directory is the empty one that a snapshot holds in place of a nested subvolume.
 *
 * @param directory real, absolute, printable: the one that holds it
 */
export function isStub(
  directory: string,
  name: string,
  stat: Pick<Stat, 'kind' | 'inode'>,
  mounts: readonly Mount[],
): boolean {
  if (stat.inode !== BigInt(STUB_INODE) || stat.kind !== 'directory') return false;
  const path = joinPath(directory, name);
  const mount = mountByPath(path, mounts);
  // The root of an ext4 that is mounted in a btrfs has this inode, too.
  return mount !== null && mount.fsType === 'btrfs' && mount.mountPoint !== path;
}

export interface Subvolume {
  readonly uuid: string;
  /** It is a snapshot of another subvolume, not a subvolume that was created empty. */
  readonly isSnapshot: boolean;
  readonly readOnly: boolean;
  /** When it was created, ms since 1970. */
  readonly otimeMs: number;
}

const TIMEOUT_MS = 10_000;
/** The directory is the child's descriptor 3, so no name, however odd, is ever an argument. */
const ARGUMENTS = ['subvolume', 'show', '/proc/self/fd/3'];

/** Reads the answer of `btrfs subvolume show`; null where a part is missing. */
export function parseSubvolume(output: string): Subvolume | null {
  const field = (name: string): string | undefined =>
    new RegExp(String.raw`^\s*${name}:\s+(\S.*?)\s*$`, 'm').exec(output)?.[1];
  const uuid = field('UUID');
  const created = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(field('Creation time') ?? '');
  if (uuid === undefined || uuid === '-' || created === null) return null;
  return {
    uuid,
    isSnapshot: (field('Parent UUID') ?? '-') !== '-' || (field('Received UUID') ?? '-') !== '-',
    readOnly: (field('Flags') ?? '').includes('readonly'),
    otimeMs: Date.parse(`${created[1]}T${created[2]}${created[3]}:${created[4]}`),
  };
}

/**
 * The subvolume whose root a directory is; null without btrfs-progs, without the right to ask (root), and for anything
 * else.
 */
export function subvolumeOf(path: string): Subvolume | null {
  let fd: number;
  try {
    fd = openSync(bytesOf(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch {
    return null;
  }
  try {
    const answer = spawnSync('btrfs', ARGUMENTS, { stdio: ['ignore', 'pipe', 'ignore', fd], timeout: TIMEOUT_MS });
    return answer.status === 0 ? parseSubvolume(answer.stdout.toString('utf8')) : null;
  } finally {
    closeSync(fd);
  }
}
