// What makes a vanished and an appeared name a pair, and the pairing of groups.
import { baseName } from '../path.ts';
import { isDisplaced } from '../places.ts';
import { type Kind, sameMtime } from '../version.ts';

/** What is known of a name, to tell it again under another one. */
interface Named {
  readonly path: string;
  readonly kind: Kind;
  readonly size: number | null;
  /** Null: unread (or suspect), which matches nothing. */
  readonly digest: bigint | null;
  readonly mtimeNs: bigint;
  /** Of a symlink. */
  readonly target: string | null;
  /** Of a device. */
  readonly rdev: bigint | null;
  /** Identity of the live copy. */
  readonly live: Identity | null;
}

/**
 * A path that is absent now (proven), with its newest good observation. Its identity is that of the newest live copy
 * that was seen there; null when only backups ever saw it, or something else after it.
 */
export interface Vanished extends Named {
  /** Its content changed under the same size and mtime: nothing says what it should be. */
  readonly suspect: boolean;
  /**
   * That copy had no other name: what bears its identity now is this very entry, wherever and since whenever it was
   * seen.
   */
  readonly alone: boolean;
  /** Points (ms) of the first sighting of its last run, and of the last sighting, over all observers. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  /** How the name went. Who renames a file changes its directory; null: not known. */
  readonly how: 'silent' | 'touched' | 'untold' | null;
}

/** A path that is there now and was not always. */
export interface Appeared extends Named {
  /** As Proof.zeroFrom: 0 where the content is nothing but zeros. */
  readonly zeroFrom: number | null;
  /**
   * Point (ms) of the first sighting of its present run. Lacking in the complete newest snapshot counts as not having
   * been there, so a name that an older snapshot had begins anew after the newest one that lacks it.
   */
  readonly firstSeenMs: number;
}

/**
 * A file system's own identity of an entry. Without a birth time (0n) an inode number may have been given out again: no
 * identity.
 */
export interface Identity {
  readonly root: number;
  readonly inode: bigint;
  readonly btimeNs: bigint;
}

/** A vanished name and where it stands now. */
export interface Pair {
  readonly v: Vanished;
  readonly a: Appeared;
  readonly by: 'identity' | 'directory' | 'content';
  /** The same file, with other content. */
  readonly changed: boolean;
}

export function identityKey(entry: Vanished | Appeared): string | null {
  const live = entry.live;
  if (live === null || live.btimeNs === 0n) return null;
  return `${entry.kind} ${live.root} ${live.inode} ${live.btimeNs}`;
}

/** Null for what has no content to know it by: empty, unread, or no file. */
export function contentKey(entry: Vanished | Appeared): string | null {
  if (entry.kind !== 'file' || entry.digest === null || entry.size === null || entry.size === 0) return null;
  return `${entry.size} ${entry.digest}`;
}

/**
 * Whether what stands at a known pair holds what the old name held. Where the old copy cannot be read any more, its
 * size and mtime speak for it; a suspect copy says nothing.
 */
export function holdsTheSame(v: Vanished, a: Appeared): boolean {
  if (v.kind !== a.kind || v.suspect) return false;
  switch (v.kind) {
    case 'file':
      if (v.size !== null && v.size !== a.size) return false;
      if (a.size === 0) return v.size === 0;
      if (a.digest === null) return false;
      return v.digest === null ? sameMtime(v.mtimeNs, a.mtimeNs) : v.digest === a.digest;
    case 'symlink':
      return v.target === a.target;
    case 'char-device':
    case 'block-device':
      return v.rdev === a.rdev;
    case 'directory':
    case 'fifo':
    case 'socket':
      return true;
  }
}

/**
 * Equal content under a new name is a rename only where that name appeared after the old one was last seen (two names
 * in one snapshot are a copy), the directory that lost the name changed, and the old inode, where it is known, does not
 * say that this is another file with another name. A repair leaves the directory alone, and gives a name that tells
 * nothing.
 */
export function mayBeRename(v: Vanished, a: Appeared): boolean {
  if (a.firstSeenMs <= v.lastSeenMs) return false;
  if (isDisplaced(v.path, a.path)) return true;
  return v.how !== 'silent' && !isAnotherFile(v, a);
}

function isAnotherFile(v: Vanished, a: Appeared): boolean {
  return v.live !== null && a.live !== null && !sameInode(v, a) && baseName(v.path) !== baseName(a.path);
}

/** Where the file system keeps no birth time, the number alone: with equal content that is no chance. */
export function sameInode(v: Vanished, a: Appeared): boolean {
  if (v.live === null || a.live === null || v.live.root !== a.live.root || v.live.inode !== a.live.inode) return false;
  return v.live.btimeNs === a.live.btimeNs || v.live.btimeNs === 0n || a.live.btimeNs === 0n;
}

export function taking(pairs: ReadonlyMap<string, Pair>): Set<string> {
  return new Set([...pairs.values()].map(({ a }) => a.path));
}

/**
 * Pairs a group of equal entries, as far as that is certain: by equal base name first, which tells which is which and
 * holds where the counts differ (among many of one name, `__init__.py`, those whose parents have equal names too belong
 * together), then all of the rest where as many are left on both sides.
 * @param pair makes a pair and answers true, or false where these two cannot be one
 */
export function pairOneToOne(
  lost: readonly Vanished[],
  fresh: readonly Appeared[],
  pair: (v: Vanished, a: Appeared) => boolean,
): void {
  if (fresh.length === 0) return;
  const paired = new Set<string>();
  const taken = new Set<string>();
  const make = (v: Vanished, a: Appeared): boolean => {
    if (!pair(v, a)) return false;
    paired.add(v.path);
    taken.add(a.path);
    return true;
  };
  for (const depth of [3, 2, 1]) {
    const suffix = (entry: { readonly path: string }): string => tail(entry.path, depth);
    const open = fresh.filter((a) => !taken.has(a.path));
    const bySuffix = group(open, suffix);
    const byBase = group(open, lastName);
    const lostByBase = group(
      lost.filter((v) => !paired.has(v.path)),
      lastName,
    );
    for (const [base, ofBase] of lostByBase) {
      if (ofBase.length > (byBase.get(base) ?? []).length) continue;
      for (const [key, named] of group(ofBase, suffix)) {
        const same = bySuffix.get(key) ?? [];
        if (same.length === named.length || (named.length === 1 && same.length > 1)) pairInOrder(named, same, make);
      }
    }
  }
  const restLost = lost.filter((v) => !paired.has(v.path));
  const restFresh = fresh.filter((a) => !taken.has(a.path));
  if (restLost.length > 0 && restLost.length === restFresh.length) pairInOrder(restLost, restFresh, make);
}

/** So many places are tried for one name that may not have any of them. */
const TRIES_MAX = 16;

/** Pairs each vanished path with the first free candidate that it may have. */
function pairInOrder(
  lost: readonly Vanished[],
  found: readonly Appeared[],
  make: (v: Vanished, a: Appeared) => boolean,
): void {
  // Late sightings are the harder ones to satisfy: they choose first, among the candidates that appeared last.
  const free = found.toSorted((a, b) => b.firstSeenMs - a.firstSeenMs);
  const latestFirst = lost.toSorted((a, b) => b.lastSeenMs - a.lastSeenMs);
  // What one name cannot have is left for those after it.
  const open: Appeared[] = [];
  let next = 0;
  for (const v of latestFirst) {
    while (open.length < TRIES_MAX && next < free.length) open.push(...free.slice(next, ++next));
    const at = open.findIndex((a) => make(v, a));
    if (at >= 0) open.splice(at, 1);
  }
}

/** The last `depth` names of a path. */
function tail(path: string, depth: number): string {
  return path.split('/').slice(-depth).join('/');
}

export function lastName(entry: { readonly path: string }): string {
  return baseName(entry.path);
}

export function group<T>(entries: readonly T[], keyOf: (entry: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (key === null) continue;
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [entry]);
    else list.push(entry);
  }
  return groups;
}
