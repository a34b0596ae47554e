// A path that is not intact is looked at once more when it is judged (docs/design.md#rule-10). Where a lookup by name
// may destroy, a second listing answers instead, and the way down to the directory is listed too.
import { isAbsent } from '../../domain/errno.ts';
import type { Condition } from '../../domain/assessment.ts';
import type { RootMark } from '../../domain/snapshot-identity.ts';
import type { Version } from '../../domain/version.ts';
import { baseName, parentOf } from '../../domain/path.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { type BrickEvidence, isBrickVerdict } from '../../domain/gluster/evidence.ts';
import type { Directory } from '../files/directory.ts';
import { askAhead, type WantedAhead } from '../files/directory-elsewhere.ts';
import { openDirectory } from '../files/open-directory.ts';
import { BrickGapError } from '../files/brick-parts.ts';
import { FileError } from '../files/errors.ts';
import { createHasher } from '../files/hash.ts';
import { openScannedRoot } from '../files/identity.ts';
import { ListedNames } from '../files/listed-names.ts';
import { lookUpRule, mayLookUp, mountOf, readMounts } from '../files/mounts.ts';
import { aheadBelow } from '../files/union-ahead.ts';
import { UnionDirectory } from '../files/union-directory.ts';

/** What the scan saw of a path that is looked at again: a version, or proven absence. */
export interface Suspected {
  readonly path: string;
  readonly seen: Pick<Version, 'kind' | 'size' | 'mtimeNs'> | null;
  /** Where the bricks contradict one another, or hide it: what they have of it, and `seen` is not asked for. */
  readonly bricks?: BrickEvidence;
}

/** The live root on this host's disk: null where no mark was recorded. */
export interface LiveRoot {
  readonly root: string;
  readonly mark: RootMark | null;
}

/** as seen: nothing has moved since the scan. moved: it has, or can no longer be read (then errno says why). */
export interface SecondLook {
  readonly outcome: 'as seen' | 'moved';
  readonly errno: string | null;
  /** Of a name that is absent on all bricks: what is left of it there, and where it belongs. */
  readonly trace?: BrickEvidence;
}

/** A second look with the path that it was for. */
export interface LookedAgain<S> extends SecondLook {
  readonly asked: S;
}

export interface SecondLooks<S> {
  /** One for each path, in order. */
  readonly looks: readonly LookedAgain<S>[];
  /** How it was looked: evidence. The second listing where a single path needed it. */
  readonly by: 'lookup' | 'second listing';
}

const AS_SEEN: SecondLook = { outcome: 'as seen', errno: null };
const MOVED: SecondLook = { outcome: 'moved', errno: null };
const YIELD_EVERY = 2_000;
/** Paths of bricks on other hosts that are asked for together. */
const LOOKS_AHEAD = 500;

/**
 * Looks at live paths once more; best given in order of path, so that each directory is opened once.
 * @throws RollcallError when the live root itself cannot be opened any more: then nothing can be said about any path
 */
export async function lookAgain<S extends Suspected>(live: LiveRoot, suspected: readonly S[]): Promise<SecondLooks<S>> {
  let root: Directory;
  let byName: (directory: string) => boolean;
  try {
    const mounts = readMounts();
    byName = lookUpRule(live.root, mountOf(live.root, mounts), mounts);
    root = openScannedRoot(live.root, live.mark ?? undefined);
    if (root instanceof UnionDirectory)
      root.bricks.reader = { hasher: await createHasher(), onProgress: () => {}, nowMs: Date.now };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw noRoot(live.root, error.message, error);
  }
  const looks: LookedAgain<S>[] = [];
  const lookups = new Lookups(root);
  const listings = new Listings(root);
  let by: SecondLooks<S>['by'] = 'lookup';
  try {
    for (const [at, asked] of suspected.entries()) {
      if (at % LOOKS_AHEAD === 0) {
        // Its directory is opened again, with the names that are asked for now.
        lookups.close();
        looksAhead(
          root,
          suspected.slice(at, at + LOOKS_AHEAD).map(({ path }) => path),
        );
      }
      const named = byName(parentOf(asked.path)) || asked.bricks !== undefined;
      if (!named) by = 'second listing';
      const listed = named ? null : listings.look(asked);
      // What a listing has brought may be looked at.
      const isListed = listed?.outcome === 'as seen' && asked.seen !== null;
      looks.push({ ...(listed === null || isListed ? lookups.look(asked) : listed), asked });
      if (looks.length % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    lookups.close();
    root.close();
  }
  return { looks, by };
}

/** Nothing can be said of any path of a live root that cannot be opened, or is another one. */
export function noRoot(livePath: string, why: string, cause?: unknown): RollcallError {
  return new RollcallError(`${livePath} can no longer be read: ${why}`, {
    exit: EXIT.guard,
    next: 'check that the volume is mounted and answers, then run the command again',
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The way of looking that looks no name up which a listing has not brought. Listings are remembered for as long as it
 * is kept.
 */
export function lookByListing(root: Directory): (suspected: Suspected) => SecondLook {
  const listings = new Listings(root);
  return (suspected) => listings.look(suspected);
}

/** The file system of a root on which no absent name is looked up; null where names are. */
export function listingOnlyAt(livePath: string): string | null {
  const mounts = readMounts();
  const mount = mountOf(livePath, mounts);
  return mount === null || mayLookUp(mount) ? null : mount.fsType;
}

/** For the report: that absence was not proved by lookups on this mount. */
export function byListingOnly(livePath: string, fsType: string | null): Condition[] {
  if (fsType === null) return [];
  const text = `${livePath} is on a ${fsType} mount: missing names were confirmed by listing their directories a second time, not by looking each name up.`;
  return [{ code: 'second-listing', text }];
}

/** For second looks: each path is asked for in its directory. */
function looksAhead(root: Directory, paths: readonly string[]): void {
  if (!(root instanceof UnionDirectory) || !root.bricks.isElsewhere) return;
  const names = new Map<string, string[]>();
  for (const path of paths) {
    const parent = parentOf(path);
    const its = names.get(parent);
    if (its === undefined) names.set(parent, [baseName(path)]);
    else its.push(baseName(path));
  }
  askAhead(
    aheadBelow(
      root.parts,
      [...names].map(([path, its]): WantedAhead => ({ path, names: its })),
    ),
  );
}

class Lookups {
  readonly #root: Directory;
  #path: string | null = null;
  #opened: Directory | FileError | null = null;

  constructor(root: Directory) {
    this.#root = root;
  }

  look({ path, seen, bricks }: Suspected): SecondLook {
    const directory = this.#open(parentOf(path));
    if (directory instanceof FileError) {
      if (isAbsent(directory.errno)) return seen === null && bricks === undefined ? AS_SEEN : MOVED;
      return { outcome: 'moved', errno: directory.errno };
    }
    try {
      if (bricks !== undefined && directory instanceof UnionDirectory)
        return directory.isStillSo(baseName(path), bricks) ? AS_SEEN : MOVED;
      const stat = directory.statIfThere(baseName(path));
      if (stat === null && seen === null) return absentFrom(directory, baseName(path));
      if (stat === null || seen === null) return MOVED;
      if (stat.kind !== seen.kind) return MOVED;
      // A directory's times move with every name in it; what became of the names is asked of themselves.
      if (stat.kind === 'directory') return AS_SEEN;
      return stat.size === seen.size && stat.mtimeNs === seen.mtimeNs ? AS_SEEN : MOVED;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (isAbsent(error.errno)) return seen === null ? AS_SEEN : MOVED;
      // The bricks say other than they did.
      if (error instanceof BrickGapError && isBrickVerdict(error.status)) return MOVED;
      return { outcome: 'moved', errno: error.errno };
    }
  }

  close(): void {
    if (this.#opened !== null && !(this.#opened instanceof FileError)) this.#opened.close();
    this.#opened = null;
    this.#path = null;
  }

  #open(path: string): Directory | FileError {
    if (this.#path === path && this.#opened !== null) return this.#opened;
    this.close();
    this.#path = path;
    try {
      this.#opened = openDirectory(this.#root, path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.#opened = error;
    }
    return this.#opened;
  }
}

function absentFrom(directory: Directory, name: string): SecondLook {
  const trace = directory instanceof UnionDirectory ? directory.traceOf(name) : null;
  return trace === null ? AS_SEEN : { ...AS_SEEN, trace };
}

/** Presence only: no name is looked up that a listing has not brought. */
class Listings {
  readonly #names: ListedNames;

  constructor(root: Directory) {
    this.#names = new ListedNames(root);
  }

  look({ path, seen }: Suspected): SecondLook {
    try {
      return this.#names.has(path) === (seen !== null) ? AS_SEEN : MOVED;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      // The name is not a directory any more: nothing is below it.
      if (error.errno === 'ENOTDIR') return seen === null ? AS_SEEN : MOVED;
      return { outcome: 'moved', errno: error.errno };
    }
  }
}
