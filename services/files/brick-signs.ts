// What lies on a brick says what kind of volume it is of, where glusterd's record cannot be read. What cannot be read
// here is passed over: the scan tells of it.
import type { LayoutRange } from '../../domain/gluster/brick.ts';
import { isInternalName } from '../../domain/gluster/union-of.ts';
import { joinPath } from '../../domain/path.ts';
import { attributesAt, type PieceOf } from './brick-attributes.ts';
import type { OpenDirectory } from './brick-parts.ts';
import type { Directory } from './directory.ts';
import { FileError, readably } from './errors.ts';

/** Names of one brick that are looked at; nearly always the first ones tell. */
const NAMES_MAX = 2_000;
/** Directories whose ranges of hashes are compared. */
const DIRECTORIES_MAX = 50;
/** Files that are looked for on another brick. */
const FILES_MAX = 200;
const MODE_LINK = 0o1000;

/** A brick that can be asked. */
export interface OpenBrick {
  /** As it was named. */
  readonly path: string;
  readonly root: Directory;
  readonly open: OpenDirectory;
}

export interface BrickSigns {
  readonly pieceOf: PieceOf | null;
  /** Marks of replication: there are other bricks that hold the same names. */
  readonly isReplicated: boolean;
  /** A file was met, and none with content among all that were looked at. */
  readonly isEmptied: boolean;
}

/**
 * @param anonymous the directory that replicas keep at their root for what is being healed
 * @throws FileError where its root cannot be read
 */
export function signsOf(brick: OpenBrick, anonymous: string): BrickSigns {
  const { root } = brick;
  const own = attributesAt(root, '.');
  let isReplicated = own.isReplicated || root.statIfThere(anonymous) !== null;
  let pieceOf = own.pieceOf ?? (root.statIfThere('.shard') === null ? null : 'sharded');
  let isEmptied = false;
  for (const { directory, name, size } of pieceOf === null ? filesOf(brick) : []) {
    const its = readably(() => attributesAt(directory, name));
    if (its === null) continue;
    isReplicated ||= its.isReplicated;
    pieceOf = its.pieceOf;
    isEmptied = size === 0;
    if (pieceOf !== null || !isEmptied) break;
  }
  return { pieceOf, isReplicated, isEmptied };
}

/** Whether two bricks hold the same names: their directories have the same ranges of hashes, or files are the same. */
export function holdTheSame(a: OpenBrick, b: OpenBrick): boolean {
  for (const path of directoriesOf(a)) {
    const [of, other] = [rangeAt(a, path), rangeAt(b, path)];
    if (of !== null && other !== null) return of.start === other.start && of.stop === other.stop;
  }
  let left = FILES_MAX;
  for (const { path, directory, name } of filesOf(a)) {
    if (--left < 0) return false;
    const gfid = readably(() => attributesAt(directory, name).gfid);
    if (gfid !== null && gfid === fileAt(b, path, name)) return true;
  }
  return false;
}

/** Whether these bricks have all hashes between them: else one of the volume was not named. */
export function coverAll(bricks: readonly OpenBrick[]): boolean {
  const [first] = bricks;
  if (first === undefined) return false;
  for (const path of directoriesOf(first)) {
    const ranges = bricks.flatMap((brick) => rangeAt(brick, path) ?? []);
    const distinct = new Map(ranges.map((range) => [`${range.start}-${range.stop}`, range]));
    const covered = [...distinct.values()].reduce((sum, { start, stop }) => sum + (stop - start + 1), 0);
    if (covered >= 2 ** 32) return true;
    // The root of a volume that has several sets has a range on each. One that has a single set has none at all.
    if (path === '' && covered > 0) return false;
  }
  return false;
}

function rangeAt({ root, open }: OpenBrick, path: string): LayoutRange | null {
  const directory = readably(() => open(root, path));
  if (directory === null) return null;
  try {
    const layout = readably(() => attributesAt(directory, '.').layout);
    return layout === null || layout.stop <= layout.start ? null : layout;
  } finally {
    directory.close();
  }
}

/** The gfid of a file that is no pointer. */
function fileAt({ root, open }: OpenBrick, below: string, name: string): string | null {
  const directory = readably(() => open(root, below));
  if (directory === null) return null;
  try {
    const stat = readably(() => directory.statIfThere(name));
    if (stat?.kind !== 'file' || stat.mode === MODE_LINK) return null;
    return readably(() => attributesAt(directory, name).gfid);
  } finally {
    directory.close();
  }
}

interface Met {
  /** The directory that it is in, open, and its path below the root. */
  readonly directory: Directory;
  readonly path: string;
  readonly name: string;
  /** Null for a directory. */
  readonly size: number | null;
}

/** Files and directories of users, the nearest first, pointers left out. What cannot be read is passed over. */
function* namesOf({ root, open }: OpenBrick): Generator<Met> {
  const ahead = [''];
  let left = NAMES_MAX;
  for (const path of ahead) {
    const directory = readably(() => open(root, path));
    if (directory === null) continue;
    try {
      for (const { names } of directory.batches(64)) {
        for (const name of names) {
          if (--left < 0) return;
          if (path === '' && isInternalName(name)) continue;
          const stat = readably(() => directory.statIfThere(name));
          if (stat?.kind === 'directory') {
            ahead.push(joinPath(path, name));
            yield { directory, path, name, size: null };
          } else if (stat?.kind === 'file' && stat.mode !== MODE_LINK) {
            yield { directory, path, name, size: stat.size ?? 0 };
          }
        }
      }
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
    } finally {
      directory.close();
    }
  }
}

function* filesOf(brick: OpenBrick): Generator<Met & { readonly size: number }> {
  for (const { size, ...met } of namesOf(brick)) if (size !== null) yield { ...met, size };
}

/** Paths of the root and of the directories nearest to it. */
function* directoriesOf(brick: OpenBrick): Generator<string> {
  yield '';
  let left = DIRECTORIES_MAX;
  for (const { path, name, size } of namesOf(brick)) {
    if (size !== null) continue;
    yield joinPath(path, name);
    if (--left === 0) return;
  }
}
