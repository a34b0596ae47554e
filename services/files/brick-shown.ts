// What a client mount shows of a brick's inode, with other mode bits while a file is being moved, and times of its own;
// and what is kept of an inode that it does not show.
import { hex } from '../../domain/digest.ts';
import type { BrickEntry, DirectorySight } from '../../domain/gluster/brick.ts';
import type { CopyOnBrick, Inode } from '../../domain/gluster/evidence.ts';
import { outdated, type ReplicaSet } from '../../domain/gluster/replicas.ts';
import type { UnionCopy, UnionName } from '../../domain/gluster/union.ts';
import type { OpenBricks } from './brick-parts.ts';
import { changeOfAll, type OnBrick } from './replicas.ts';
import { deviceAt, mountIdAt, setDevice, setTime, type Stat, STATX } from './stat.ts';

const MODE_MIGRATING = 0o3000;
const MODE_POINTER = 0o1000;

/** Also where the bits of the kind were left out: who asks then knows it as a file. */
function isFileMode(mode: number): boolean {
  return (mode & 0o170000) === 0o100000 || (mode & 0o170000) === 0;
}

/** GlusterFS shows a file that is being moved without the bits that mark it. */
export function shownMode(mode: number): number {
  return isFileMode(mode) && (mode & MODE_MIGRATING) === MODE_MIGRATING ? mode & ~MODE_MIGRATING : mode;
}

/** Of a regular file, whatever its content: what GlusterFS takes for a pointer to another brick. */
export function isPointerMode(mode: number): boolean {
  return isFileMode(mode) && (mode & 0o7777) === MODE_POINTER;
}

/**
 * Inodes of different bricks may have one number, and are told apart here; `brick` is the first one on the file system
 * that the inode is of.
 */
export function shownInode(inode: bigint, brick: number): bigint {
  return BigInt.asIntN(64, inode ^ (BigInt(brick) << 56n));
}

function newestMtime(entries: ReadonlyMap<number, BrickEntry>, isDirectory: boolean, holder: number): bigint | null {
  if (!isDirectory) return entries.get(holder)?.mdataMtimeNs ?? null;
  const shown = [...entries.values()].flatMap(({ mdataMtimeNs }) => mdataMtimeNs ?? []);
  const times = shown.length > 0 ? shown : [...entries.values()].map(({ mtimeNs }) => mtimeNs);
  return times.length === 0 ? null : times.reduce((a, b) => (a > b ? a : b));
}

/** The brick that stands for a directory may be one that missed a change of its mode or owner. */
export function setBelieved(
  { holder, evidence }: UnionName,
  entries: ReadonlyMap<number, BrickEntry>,
  view: DataView,
  at: number,
): void {
  const believed = entries.get(holder ?? -1);
  if (believed?.kind !== 'directory' || !evidence.includes('stale replica')) return;
  const format = view.getUint16(at + STATX.mode, true) & 0o170000;
  view.setUint16(at + STATX.mode, format | believed.mode, true);
  view.setUint32(at + STATX.uid, believed.uid, true);
  view.setUint32(at + STATX.gid, believed.gid, true);
}

/** As the catalog keeps it beside the manifest. */
export function copyOnBrick({ brick, is, entry }: UnionCopy, root: string, rescue: readonly number[]): CopyOnBrick {
  const { digest, zeroFrom } = entry;
  const xxh64 = digest === null ? null : hex(digest);
  return { brick: root, is, ...inodeOf(entry), xxh64, zeroFrom, rescue: rescue.includes(brick) };
}

/** What a lookup says of it. */
export function inodeOf({ kind, mode, uid, gid, size, gfid, mdataMtimeNs, mtimeNs }: BrickEntry): Inode {
  return { kind, mode, uid, gid, size, mtimeNs: String(mdataMtimeNs ?? mtimeNs), gfid };
}

/**
 * A directory is open on every brick that has it, and the first of them stands for it: that it is another one than for
 * the directory above is no mount point.
 */
export function shownStat({ firstOn, shownOn, mountIds }: OpenBricks, stat: Stat): Stat {
  const brick = firstOn.get(stat.device);
  return {
    ...stat,
    inode: shownInode(stat.inode, brick ?? 0),
    device: brick === undefined ? stat.device : shownOn.device,
    mountId: mountIds.has(stat.mountId) ? shownOn.mountId : stat.mountId,
  };
}

interface OpenedFile {
  readonly name: string;
  readonly others: readonly OnBrick[];
  /** What users see as its mtime; null where the brick has no such thing. */
  readonly mdataMtimeNs: bigint | null;
}

/** Of an open file. */
export function shownFile(bricks: OpenBricks, stat: Stat, { name, others, mdataMtimeNs }: OpenedFile): Stat {
  return {
    ...shownStat(bricks, stat),
    ctimeNs: others.length === 0 ? stat.ctimeNs : changeOfAll(stat.ctimeNs, others, name),
    mode: shownMode(stat.mode),
    nlink: Math.max(1, stat.nlink - 1),
    mtimeNs: mdataMtimeNs ?? stat.mtimeNs,
  };
}

/** What bricks have of a name, without those that were left behind: what they have is another thing. */
export function entriesOf(
  sets: readonly ReplicaSet[],
  sights: readonly DirectorySight[],
  name: string,
): Map<number, BrickEntry> {
  const entries = new Map<number, BrickEntry>();
  sights.forEach((sight, brick) => {
    const one = sight.state === 'listed' ? sight.names.get(name) : undefined;
    if (one?.state === 'seen') entries.set(brick, one.entry);
  });
  for (const set of sets) {
    if (set.stale.size === 0) continue;
    for (const brick of outdated(set, (at) => entries.get(at)?.gfid ?? null)) entries.delete(brick);
  }
  return entries;
}

/** Whether all bricks that have the name have a directory there. */
export function areDirectories(entries: ReadonlyMap<number, BrickEntry>): boolean {
  return entries.size > 0 && [...entries.values()].every(({ kind }) => kind === 'directory');
}

interface Shown {
  /** The brick whose inode it is. */
  readonly brick: number;
  readonly entries: ReadonlyMap<number, BrickEntry>;
  /** The first brick on the inode's file system. */
  readonly firstBrick: number;
  readonly bricks: OpenBricks;
}

/** Makes struct statx of a brick's inode what users see. */
export function showStatx(view: DataView, at: number, { brick, entries, firstBrick, bricks }: Shown): void {
  const mode = view.getUint16(at + STATX.mode, true);
  view.setUint16(at + STATX.mode, shownMode(mode), true);
  const nlink = view.getUint32(at + STATX.nlink, true);
  const isDirectory = (mode & 0o170000) === 0o040000;
  if (!isDirectory && nlink > 1) view.setUint32(at + STATX.nlink, nlink - 1, true);
  const mtimeNs = newestMtime(entries, isDirectory, brick);
  if (mtimeNs !== null) setTime(view, at + STATX.mtime, mtimeNs);
  view.setBigInt64(at + STATX.inode, shownInode(view.getBigInt64(at + STATX.inode, true), firstBrick), true);
  // Every brick is a mount and a file system of its own: what is mounted over a name shows against those.
  const { firstOn, mountIds, shownOn } = bricks;
  if (firstOn.has(deviceAt(view, at + STATX.device))) setDevice(view, at + STATX.device, shownOn.device);
  if (mountIds.has(mountIdAt(view, at))) view.setBigUint64(at + STATX.mountId, BigInt(shownOn.mountId), true);
}

/** With what was read of one name, by brick. */
export function withRead(
  sights: readonly DirectorySight[],
  name: string,
  read: ReadonlyMap<number, Partial<BrickEntry>>,
): DirectorySight[] {
  return sights.map((sight, brick) => {
    const [one, known] = [sight.state === 'listed' ? sight.names.get(name) : undefined, read.get(brick)];
    if (sight.state !== 'listed' || one?.state !== 'seen' || known === undefined) return sight;
    return { ...sight, names: new Map(sight.names).set(name, { state: 'seen', entry: { ...one.entry, ...known } }) };
  });
}
