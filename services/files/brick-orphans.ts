// What the bricks of a volume hold under no name: found by link count, named by what GlusterFS has written beside it,
// and read. Looking changes nothing, and nothing is followed.
import { hex } from '../../domain/digest.ts';
import { isAbsent } from '../../domain/errno.ts';
import { entryKindOf } from '../../domain/gluster/entry-kind.ts';
import { type NameHad, type Orphan, orphanGap, unreadHandles } from '../../domain/gluster/orphans.ts';
import { baseName, joinPath, parentOf } from '../../domain/path.ts';
import type { Gap } from '../../domain/scan.ts';
import { type NamedByParent, namesHadAt } from './brick-attributes.ts';
import { sightOfName } from './brick-parts.ts';
import { copyOnBrick } from './brick-shown.ts';
import type { Directory } from './directory.ts';
import { FileError } from './errors.ts';
import { handlesWithoutName, UNLINKED } from './handles.ts';
import { openDirectory } from './open-directory.ts';
import { readContent } from './read.ts';
import type { UnionDirectory } from './union-directory.ts';

const ROOT_GFID = `${'0'.repeat(31)}1`;
/** Directories in one another; deeper ones have no path that Linux takes in one piece. */
const DEPTH_MAX = 4_096;
/** A directory's handle: `../../ab/cd/<gfid of its parent>/<its name>`. */
const OF_DIRECTORY = /^\.\.\/\.\.\/[0-9a-f]{2}\/[0-9a-f]{2}\/([0-9a-f-]{36})\/([^/]+)$/s;

type OrphanGap = Omit<Gap, 'directory'>;

/** What an earlier scan has read of them, by identity: they are not read again. */
export type KnownOrphans = ReadonlyMap<string, { readonly xxh64: string; readonly zeroFrom: number | null }>;

/** Gaps of the root of the volume, one for each. */
export function orphansOn(volume: UnionDirectory, known: KnownOrphans): OrphanGap[] {
  const gaps: OrphanGap[] = [];
  const paths = new PathsByGfid(volume);
  volume.parts.forEach((part, brick) => {
    if (part.state !== 'open') return;
    const root = volume.bricks.roots[brick] ?? '';
    const found = handlesWithoutName(part.directory, volume.bricks.tick);
    const unread = new Map([...found.unread].map(([errno, handles]) => [errno, [...handles]]));
    for (const handle of found.orphans) {
      try {
        const orphan = orphanAt(volume, { root: part.directory, brick, path: root }, handle, { known, paths });
        if (orphan !== null) gaps.push(orphanGap(orphan));
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        const of = unread.get(error.errno);
        if (of === undefined) unread.set(error.errno, [handle]);
        else of.push(handle);
      }
    }
    for (const [errno, handles] of unread) gaps.push(unreadHandles(root, errno, handles));
  });
  return gaps;
}

interface OnBrick {
  readonly root: Directory;
  readonly brick: number;
  readonly path: string;
}

/** Null where it has a name after all, or is gone: users go on working. @throws FileError */
function orphanAt(
  volume: UnionDirectory,
  { root, brick, path }: OnBrick,
  handle: string,
  { known, paths }: { readonly known: KnownOrphans; readonly paths: PathsByGfid },
): Orphan | null {
  const directory = openDirectory(root, parentOf(handle));
  try {
    const name = baseName(handle);
    const sight = sightOfName(directory, name, true);
    const before = directory.statIfThere(name);
    if (sight?.state !== 'seen' || before === null || before.nlink !== 1) return null;
    const identity = `${before.inode} ${before.size} ${before.mtimeNs} ${before.ctimeNs}`;
    const content: Content | null = known.get(`${path} ${identity}`) ?? contentOf(volume, directory, name);
    const { entry } = sight;
    const copy = copyOnBrick({ brick, is: entryKindOf(entry), entry }, path, [brick]);
    return {
      copy: { ...copy, handle, xxh64: content?.xxh64 ?? null, zeroFrom: content?.zeroFrom ?? null },
      isUnlinked: parentOf(handle) === UNLINKED,
      names: namesHadAt(directory, name).flatMap((had) => nameHad(volume, paths, had)),
      identity: content === null || content.racy === true ? null : `${path} ${identity}`,
    };
  } finally {
    directory.close();
  }
}

interface Content {
  readonly xxh64: string;
  readonly zeroFrom: number | null;
  readonly racy?: boolean;
}

function contentOf({ bricks: { reader } }: UnionDirectory, directory: Directory, name: string): Content | null {
  if (reader === null) return null;
  const result = readContent(reader, directory, name, { attempts: 2 });
  return result.ok ? { xxh64: hex(result.digest), zeroFrom: result.zeroFrom, racy: result.racy } : null;
}

function nameHad(volume: UnionDirectory, paths: PathsByGfid, { parentGfid, name }: NamedByParent): NameHad[] {
  const parent = paths.of(parentGfid);
  return parent === null ? [] : [{ path: joinPath(parent, name), isAbsent: isAbsentIn(volume, parent, name) }];
}

/** By every brick: one that cannot be asked may have it. */
function isAbsentIn(volume: UnionDirectory, parent: string, name: string): boolean {
  try {
    if (parent === '') return volume.statIfThere(name) === null;
    const directory = volume.openBelow(parent);
    try {
      return directory.statIfThere(name) === null;
    } finally {
      directory.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return isAbsent(error.errno);
  }
}

/** Where directories are, by the symlinks that are their handles: read, never followed. */
class PathsByGfid {
  readonly #volume: UnionDirectory;
  readonly #known = new Map<string, string | null>([[ROOT_GFID, '']]);

  constructor(volume: UnionDirectory) {
    this.#volume = volume;
  }

  /** Below the root of the volume; null where no brick tells. */
  of(gfid: string): string | null {
    const names: string[] = [];
    const way: string[] = [];
    let at = gfid;
    let known = this.#known.get(at);
    while (known === undefined) {
      const above = way.length < DEPTH_MAX && !way.includes(at) ? this.#aboveOf(at) : null;
      if (above === null) known = null;
      else {
        way.push(at);
        names.push(above.name);
        at = above.parentGfid;
        known = this.#known.get(at);
      }
    }
    // From the top down, so that each directory on the way is known from now on.
    for (let nth = way.length - 1; nth >= 0; nth--) {
      known = known === null ? null : joinPath(known, names[nth] ?? '');
      this.#known.set(way[nth] ?? '', known);
    }
    this.#known.set(gfid, known);
    return known;
  }

  #aboveOf(gfid: string): NamedByParent | null {
    const handle = gfid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    for (const part of this.#volume.parts) {
      if (part.state !== 'open') continue;
      const target = targetIn(part.directory, `.glusterfs/${gfid.slice(0, 2)}/${gfid.slice(2, 4)}`, handle);
      const [, parent, name] = OF_DIRECTORY.exec(target ?? '') ?? [];
      if (parent !== undefined && name !== undefined) return { parentGfid: parent.replaceAll('-', ''), name };
    }
    return null;
  }
}

function targetIn(root: Directory, path: string, name: string): string | null {
  try {
    const directory = openDirectory(root, path);
    try {
      return directory.readlink(name);
    } finally {
      directory.close();
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return null;
  }
}
