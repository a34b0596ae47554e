// One directory of a GlusterFS volume on each of its bricks: open, lacking, or not to be asked; and what each brick
// says of a name in it.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import type { BrickEntry, BrickGap, DirectorySight, NameSight } from '../../domain/gluster/brick.ts';
import { isBrickVerdict } from '../../domain/gluster/evidence.ts';
import type { UnionVolume } from '../../domain/gluster/union.ts';
import { isInternalName } from '../../domain/gluster/union-of.ts';
import type { GapStatus } from '../../domain/scan.ts';
import { attributesAt, type BrickAttributes } from './brick-attributes.ts';
import type { Directory } from './directory.ts';
import { FileError } from './errors.ts';
import type { Reader } from './read.ts';
import type { Stat } from './stat.ts';

/** A name that is not plain: the gap that a scan keeps of it, with what the bricks have. */
export class BrickGapError extends FileError {
  readonly status: GapStatus;
  /** As the catalog keeps it. */
  readonly kept: { readonly errno: string | null; readonly detail: string | null };

  constructor(path: string, status: GapStatus, kept: { errno: string | null; detail: string | null }) {
    // A brick whose root is gone says nothing of the name's absence.
    const errno = kept.errno === null || isAbsent(kept.errno) ? 'EHOSTDOWN' : kept.errno;
    super(errno, 'look at the bricks', path, isBrickVerdict(status) ? status : kept.detail);
    this.status = status;
    this.kept = kept;
  }
}

/** What all directories of one opened volume share. */
export interface OpenBricks {
  readonly volume: UnionVolume;
  /** Roots of the bricks, printable, in the order of the topology. */
  readonly roots: readonly string[];
  /** For contents that have to be compared; without one they are not. */
  reader: Reader | null;
  tick: () => void;
  readonly openDirectory: OpenDirectory;
  /** What is on the bricks' file systems shows as on that of the first brick, and as reached through its mount. */
  readonly shownOn: { readonly device: bigint; readonly mountId: number };
  /** The mounts of the bricks' roots. */
  readonly mountIds: ReadonlySet<number>;
  /** By the device of a file system: the first brick that lies on it. */
  readonly firstOn: ReadonlyMap<bigint, number>;
  /** Some of them are on other hosts. */
  readonly isElsewhere: boolean;
  /** Contents that were read for a comparison, by device, inode, size and times. */
  readonly read: Map<string, { readonly digest: bigint; readonly zeroFrom: number }>;
}

type Away = BrickGap & { readonly detail: string };
export type Part =
  | { readonly state: 'open'; readonly directory: Directory; readonly attributes: BrickAttributes }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown'; readonly gap: Away };

export type OpenDirectory = (root: Directory, path: string) => Directory;

/** A root's parts. */
export function partOf(part: Part, path: string, open: OpenDirectory): Part {
  if (part.state !== 'open') return part;
  let directory: Directory | null = null;
  try {
    directory = open(part.directory, path);
    return { state: 'open', directory, attributes: attributesAt(directory, '.') };
  } catch (error) {
    directory?.close();
    if (!(error instanceof FileError)) throw error;
    if (isAbsent(error.errno)) return { state: 'absent' };
    const why = error.detail === null ? error.errno : `${error.errno}: ${error.detail}`;
    const detail = `${path} cannot be opened there (${why})`;
    return { state: 'unknown', gap: { status: gapStatusOf(error.errno), errno: error.errno, detail } };
  }
}

export function closeAll(parts: readonly Part[]): void {
  for (const part of parts) if (part.state === 'open') part.directory.close();
}

export function noneOpen(parts: readonly Part[], path: string): FileError {
  closeAll(parts);
  const unknown = parts.find((part) => part.state === 'unknown');
  if (unknown === undefined) return new FileError('ENOENT', 'open', path);
  const { status, errno, detail } = unknown.gap;
  return new BrickGapError(path, status, { errno, detail });
}

/** The directory of the lowest brick, with the newest times of all. */
export function mergedStat(stat: Stat, parts: readonly Part[], again = false): Stat {
  let mtimeNs: bigint | null = null;
  let inodeMtimeNs = stat.mtimeNs;
  let { ctimeNs } = stat;
  for (const part of parts) {
    if (part.state !== 'open') continue;
    const its = again ? part.directory.restat() : part.directory.stat;
    if (its.ctimeNs > ctimeNs) ctimeNs = its.ctimeNs;
    if (its.mtimeNs > inodeMtimeNs) inodeMtimeNs = its.mtimeNs;
    const shown = part.attributes.mdataMtimeNs;
    if (shown !== null && (mtimeNs === null || shown > mtimeNs)) mtimeNs = shown;
  }
  return { ...stat, ctimeNs, mtimeNs: mtimeNs ?? inodeMtimeNs };
}

/** @param isAsked it need not be there: null then where it is not */
export function sightOfName(directory: Directory, name: string, isAsked: boolean): NameSight | null {
  try {
    const stat = directory.lstat(name);
    const { gfid, linkto, mdataMtimeNs, pending, isCondemned, pieceOf } = attributesAt(directory, name);
    // A fragment or a shard is not the content of the file.
    if (pieceOf !== null && stat.kind === 'file') return { state: 'gap', gap: { status: 'failed', errno: null } };
    const { kind, mode, uid, gid, size, mtimeNs, nlink, rdev } = stat;
    const target = kind === 'symlink' ? directory.readlink(name) : null;
    const inode = { kind, mode, uid, gid, size, mtimeNs, nlink, rdev, target };
    const marks = { gfid, linkto, mdataMtimeNs, pending, ...(isCondemned ? { isCondemned } : {}) };
    const entry: BrickEntry = { ...inode, ...marks, digest: null, zeroFrom: null };
    return { state: 'seen', entry };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { errno } = error;
    if (isAbsent(errno)) return isAsked ? null : { state: 'gap', gap: { status: 'unsettled', errno } };
    return { state: 'gap', gap: { status: gapStatusOf(errno), errno } };
  }
}

interface Asking {
  /** One name; null for all. */
  readonly only: string | null;
  /** Of the volume: internal names are internal there only. */
  readonly isRoot: boolean;
  readonly tick: () => void;
  /** Told of each name first: what it takes is not looked at here. */
  readonly isTaken?: (name: string) => boolean;
}

/** What a brick says of the directory, and of the names in it that are asked for. */
export function sightOf(part: Part, { only, isRoot, tick, isTaken }: Asking): DirectorySight {
  if (part.state === 'absent') return { state: 'absent' };
  if (part.state === 'unknown') return { state: 'unknown', gap: part.gap };
  const { directory, attributes } = part;
  const names = new Map<string, NameSight>();
  let gap: BrickGap | null = null;
  const take = (name: string): void => {
    tick();
    if ((isRoot && isInternalName(name)) || isTaken?.(name) === true) return;
    const sight = sightOfName(directory, name, only !== null);
    if (sight !== null) names.set(name, sight);
  };
  if (only !== null) take(only);
  else {
    try {
      directory.list(1_024, (batch) => batch.forEach(take));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      gap = { status: gapStatusOf(error.errno), errno: error.errno };
    }
  }
  const { gfid, layout, mdataMtimeNs, pending } = attributes;
  return { state: 'listed', gap, gfid, layout, mdataMtimeNs, mtimeNs: directory.stat.mtimeNs, pending, names };
}
