// Which vanished paths stand under another name now (design.md section 6, "Moved"). Looks only at what vanished and what appeared.
import { baseName } from '../path.ts';
import type { Kind } from '../version.ts';

/** A path that is absent now (proven), with its newest good observation. */
export interface Vanished {
  readonly path: string;
  readonly kind: Kind;
  readonly size: number | null;
  /** Null: unread, which matches nothing. */
  readonly digest: bigint | null;
  /** Identity of the newest live copy that was seen at this path; null when only backups ever saw it, or something else after it. */
  readonly live: Identity | null;
  /** That copy had no other name: what bears its identity now is this very entry, wherever and since whenever it was seen. */
  readonly alone: boolean;
  /** Point (ms) of the last sighting, over all observers. */
  readonly lastSeenMs: number;
}

/** A path that is there now and was not always. */
export interface Appeared {
  readonly path: string;
  readonly kind: Kind;
  readonly size: number | null;
  readonly digest: bigint | null;
  readonly live: Identity;
  /**
   * Point (ms) of the first sighting of its present run. Lacking in the complete newest snapshot counts as not having been there, so a
   * name that an older snapshot had begins anew after the newest one that lacks it.
   */
  readonly firstSeenMs: number;
}

/** A file system's own identity of an entry. Without a birth time (0n) an inode number may have been given out again: no identity. */
export interface Identity {
  readonly root: number;
  readonly inode: bigint;
  readonly btimeNs: bigint;
}

export interface Moves {
  /** Vanished path → where it stands now, one to one. */
  readonly moved: ReadonlyMap<string, string>;
  /** Vanished path that stays missing → a candidate: 'may have moved to'. */
  readonly candidates: ReadonlyMap<string, string>;
  /** Vanished path → a name whose content stood there before it vanished: a copy, and a source. */
  readonly copies: ReadonlyMap<string, string>;
}

/**
 * First what had one name only and bears its identity under another name now: it was renamed, also to a name that it had before, and also
 * twice, so that several names lead to one. Then by (root, inode, birth time), then by (size > 0, digest), each with a one-to-one count
 * or an equal base name: there a candidate must have appeared at or after the last sighting; what stood elsewhere before is a copy. k
 * vanished against fewer appeared stay missing. Pairs are found in byte order of the paths given, which are expected sorted: the answer
 * does not depend on chance.
 */
export function findMoves(vanished: readonly Vanished[], appeared: readonly Appeared[]): Moves {
  const moved = new Map<string, string>();
  const candidates = new Map<string, string>();
  const copies = new Map<string, string>();
  const taken = new Set<string>();
  const standing = group(appeared, identityKey);
  for (const v of vanished) {
    const found = v.alone ? standing.get(identityKey(v) ?? '') : undefined;
    const [only] = found ?? [];
    if (only === undefined || found?.length !== 1) continue;
    moved.set(v.path, only.path);
    taken.add(only.path);
  }
  for (const keyOf of [identityKey, contentKey]) {
    const gone = group(
      vanished.filter((v) => !moved.has(v.path)),
      keyOf,
    );
    const here = group(
      appeared.filter((a) => !taken.has(a.path)),
      keyOf,
    );
    for (const [key, lost] of gone) {
      const found = here.get(key);
      if (found === undefined) continue;
      matchGroup(lost, found, { moved, candidates, copies, taken });
    }
  }
  for (const path of moved.keys()) {
    candidates.delete(path);
    copies.delete(path);
  }
  return { moved, candidates, copies };
}

interface Answer {
  readonly moved: Map<string, string>;
  readonly candidates: Map<string, string>;
  readonly copies: Map<string, string>;
  readonly taken: Set<string>;
}

/** One group of equal identity or content: k vanished, m appeared. */
function matchGroup(lost: readonly Vanished[], found: readonly Appeared[], answer: Answer): void {
  const newestSighting = lost.reduce((newest, v) => Math.max(newest, v.lastSeenMs), Number.NEGATIVE_INFINITY);
  const fresh = found.filter((a) => lost.some((v) => a.firstSeenMs >= v.lastSeenMs));
  const standing = found.find((a) => a.firstSeenMs < newestSighting);
  if (standing !== undefined)
    for (const v of lost) if (standing.firstSeenMs < v.lastSeenMs) answer.copies.set(v.path, standing.path);
  if (fresh.length === 0) return;

  const pair = (v: Vanished, a: Appeared): void => {
    answer.moved.set(v.path, a.path);
    answer.taken.add(a.path);
  };
  // An equal base name first: it tells which is which, and it matches where the counts differ. Among many of one name (`__init__.py`)
  // those whose parents have equal names too belong together.
  for (const depth of [3, 2, 1]) {
    const suffix = (entry: { readonly path: string }): string => tail(entry.path, depth);
    const openHere = fresh.filter((a) => !answer.taken.has(a.path));
    const bySuffix = group(openHere, suffix);
    const byBase = group(openHere, lastName);
    const lostByBase = group(
      lost.filter((v) => !answer.moved.has(v.path)),
      lastName,
    );
    for (const [base, ofBase] of lostByBase) {
      if (ofBase.length > (byBase.get(base) ?? []).length) continue;
      for (const [key, named] of group(ofBase, suffix)) {
        const same = bySuffix.get(key) ?? [];
        if (same.length === named.length || (named.length === 1 && same.length > 1)) pairInOrder(named, same, pair);
      }
    }
  }
  const restLost = lost.filter((v) => !answer.moved.has(v.path));
  const restFresh = fresh.filter((a) => !answer.taken.has(a.path));
  if (restLost.length > 0 && restLost.length === restFresh.length) pairInOrder(restLost, restFresh, pair);
  const hint = restFresh[0] ?? fresh[0];
  if (hint === undefined) return;
  for (const v of lost) if (!answer.moved.has(v.path)) answer.candidates.set(v.path, hint.path);
}

/** Pairs each vanished path with the first free candidate that appeared at or after its last sighting. */
function pairInOrder(
  lost: readonly Vanished[],
  found: readonly Appeared[],
  pair: (v: Vanished, a: Appeared) => void,
): void {
  // Late sightings are the harder ones to satisfy: they choose first, among the candidates that appeared last.
  const free = found.toSorted((a, b) => b.firstSeenMs - a.firstSeenMs);
  const latestFirst = lost.toSorted((a, b) => b.lastSeenMs - a.lastSeenMs);
  let next = 0;
  for (const v of latestFirst) {
    const a = free[next];
    if (a === undefined) return;
    if (a.firstSeenMs < v.lastSeenMs) continue;
    pair(v, a);
    next++;
  }
}

function identityKey(entry: Vanished | Appeared): string | null {
  const live = entry.live;
  if (live === null || live.btimeNs === 0n) return null;
  return `${entry.kind} ${live.root} ${live.inode} ${live.btimeNs}`;
}

function contentKey(entry: Vanished | Appeared): string | null {
  if (entry.kind !== 'file' || entry.digest === null || entry.size === null || entry.size === 0) return null;
  return `${entry.size} ${entry.digest}`;
}

/** The last `depth` names of a path. */
function tail(path: string, depth: number): string {
  return path.split('/').slice(-depth).join('/');
}

function lastName(entry: { readonly path: string }): string {
  return baseName(entry.path);
}

function group<T>(entries: readonly T[], keyOf: (entry: T) => string | null): Map<string, T[]> {
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

/** A file (anything but a directory) that is absent now, and what became of it. */
export interface Fate {
  readonly path: string;
  readonly fate: 'moved' | 'deleted' | 'missing';
  readonly movedTo: string | null;
}

export interface DirectoryFate {
  readonly fate: Fate['fate'];
  readonly movedTo: string | null;
}

/**
 * Vanished directories whose files all moved or were deleted are so themselves: moved if any of them moved (to where most of them
 * went), else deleted. One with a missing file is missing: a restore needs it. One that holds no file that vanished is judged by its
 * own dates and is left out.
 */
export function directoryFates(directories: readonly string[], files: readonly Fate[]): Map<string, DirectoryFate> {
  const sums = new Map<string, { missing: number; moved: number; deleted: number; to: Map<string, number> }>();
  for (const directory of directories) sums.set(directory, { missing: 0, moved: 0, deleted: 0, to: new Map() });
  for (const file of files) {
    for (let slash = file.path.lastIndexOf('/'); slash > 0; slash = file.path.lastIndexOf('/', slash - 1)) {
      const sum = sums.get(file.path.slice(0, slash));
      // An ancestor that is still there ends the climb: nothing above a standing directory vanished.
      if (sum === undefined) break;
      sum[file.fate]++;
      if (file.fate !== 'moved' || file.movedTo === null) continue;
      const below = file.path.slice(slash);
      if (!file.movedTo.endsWith(below)) continue;
      const to = file.movedTo.slice(0, file.movedTo.length - below.length);
      if (to !== '') sum.to.set(to, (sum.to.get(to) ?? 0) + 1);
    }
  }
  const fates = new Map<string, DirectoryFate>();
  for (const [directory, sum] of sums) {
    if (sum.missing + sum.moved + sum.deleted === 0) continue;
    if (sum.missing > 0) {
      fates.set(directory, { fate: 'missing', movedTo: null });
      continue;
    }
    const target = [...sum.to].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
    fates.set(directory, { fate: sum.moved > 0 ? 'moved' : 'deleted', movedTo: target });
  }
  return fates;
}
