// What vanished and what appeared, taken from the facts and the live manifest, for findMoves to pair.
import { isGap, type Observer, type PathFacts, versionAt } from '../../domain/facts.ts';
import { evidenceOf } from '../../domain/gluster/evidence.ts';
import { compareBytes } from '../../domain/path.ts';
import { isFromList, sameMtime, sizesAgree, type Version } from '../../domain/version.ts';
import { findMoves, type Moves, NO_MOVES, pathsToLookAt, suffixesInQuestion } from '../../domain/window/moves.ts';
import type { SuffixInQuestion } from '../../domain/window/rewritten.ts';
import { type Appeared, identityKey, type Vanished } from '../../domain/window/pairs.ts';
import { hadEnding, namesAt, sizesNow, standingNow } from '../catalog/neighbours.ts';
import { pathsOfDirectories, rowsOfNames } from '../catalog/reconciliation.ts';
import type { Queryable } from '../catalog/scans.ts';
import { type Case, type JudgingTools, readFor } from './judging.ts';
import type { Loaded } from './load.ts';

/** Who looked, and when. */
interface Seen {
  readonly observers: readonly Observer[];
  /** Ms, by observer. */
  readonly points: readonly number[];
  /** Index of live now. */
  readonly live: number;
}

/** Index of the newest observer that saw a version of the path, before `end`; -1 where none did. */
export function lastSeenAt(facts: PathFacts, end: number): number {
  for (let index = end - 1; index >= 0; index--) if (versionAt(facts.sights, index) !== null) return index;
  return -1;
}

/**
 * A list shows neither what came after it nor, mostly, what was not there. What only a list saw last may have moved to
 * any name that no list has: its content is not lost, whenever that name came to be. So the last sighting by a list
 * comes before the first of what was always there.
 */
const SEEN_BY_LIST_MS = -Number.MAX_VALUE;
const ALWAYS_STOOD_MS = SEEN_BY_LIST_MS / 2;

/** As lastSeenAt, but past lists that have the name without a digest where something older has the content. */
function contentSeenAt(facts: PathFacts, end: number): number {
  const last = lastSeenAt(facts, end);
  for (let index = last; index >= 0; index = lastSeenAt(facts, index)) {
    const version = versionAt(facts.sights, index);
    if (version !== null && !(isFromList(version) && version.digest === null)) return index;
  }
  return last;
}

/** How a name went, where that is known: who renames a file changes its directory. */
function howOf({ facts }: Case): Vanished['how'] {
  return facts.surroundings?.absence?.how ?? null;
}

/**
 * Finds moves. A vanished file that was only listed is read if a file of its size appeared, or its inode stands
 * elsewhere: else a rename before the newest snapshot would look like a loss, or what was overwritten after a rename
 * like a move.
 * @param gone cases that are proven absent live now
 */
export async function movesOf(
  client: Queryable,
  gone: readonly Case[],
  { builder, points, roots, cases }: Pick<Loaded, 'builder' | 'points' | 'roots' | 'cases'>,
  tools: JudgingTools,
): Promise<Moves> {
  const liveRoot = roots.find((root) => root.live);
  if (gone.length === 0 || liveRoot === undefined) return NO_MOVES;
  const seen: Seen = { observers: builder.observers, points, live: builder.observers.length - 1 };
  const found = gone.flatMap((one) => vanishedOf(one, seen) ?? []);
  if (found.length === 0) return NO_MOVES;
  // A list may have no size: a file of the same digest that is there now lends its own.
  const unsized = found.flatMap((v) => (v.digest !== null && v.size === null ? [v.digest] : []));
  const sizes = await sizesNow(client, liveRoot, unique(unsized));
  const sized = (v: Vanished): Vanished => ({ ...v, size: v.size ?? sizes.get(v.digest ?? 0n) ?? null });
  let vanished = found.map(sized);

  const names = await standingNow(client, liveRoot, {
    contents: vanished.flatMap((v) =>
      v.digest !== null && v.size !== null && v.size > 0 ? [{ size: v.size, digest: v.digest }] : [],
    ),
    sizes: unique(vanished.flatMap((v) => (v.kind === 'file' && v.digest === null && v.size !== null ? [v.size] : []))),
    identities: vanished.flatMap((v) =>
      v.live === null || v.live.btimeNs === 0n ? [] : [{ inode: v.live.inode, btimeNs: v.live.btimeNs }],
    ),
  });
  const hidden = cases.filter(({ facts }) => isGap(facts.sights[seen.live] ?? null));
  const unshown = hidden.flatMap((one) => unshownOf(one, seen) ?? []);
  const appearedAt = async (wanted: readonly { directory: number; name: string }[]): Promise<Appeared[]> => {
    if (wanted.length === 0) return [];
    const paths = await pathsOfDirectories(client, unique(wanted.map((n) => n.directory)));
    return (await rowsOfNames(client, roots, wanted)).flatMap((rows) => {
      const facts = builder.build(rows, paths.get(rows.directory) ?? '');
      return typeof facts === 'string' ? [] : (appearedOf(facts, seen, liveRoot.root) ?? []);
    });
  };
  let appeared = (await appearedAt(names)).toSorted(byPath);
  vanished = (await readUnread(vanished, { gone, appeared, unshown, seen }, tools)).map(sized).toSorted(byPath);
  const beside = await namesAt(client, pathsToLookAt(vanished, appeared));
  if (beside.length > 0) appeared = [...appeared, ...(await appearedAt(beside))].toSorted(byPath);
  const known = await knownSuffixes(client, suffixesInQuestion(vanished, appeared), seen);
  return findMoves(vanished, appeared, known, unshown.toSorted(byPath));
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return compareBytes(a.path, b.path);
}

/**
 * Which endings of names the volume, or one of its backups, had before the files that bear them now were last seen
 * without.
 */
async function knownSuffixes(
  client: Queryable,
  asked: readonly SuffixInQuestion[],
  { observers, points }: Seen,
): Promise<Set<string>> {
  const known = new Set<string>();
  for (const { suffix, beforeMs, names } of asked) {
    const newest = new Map<number, bigint>();
    observers.forEach(({ scan }, index) => {
      if ((points[index] ?? 0) <= beforeMs && scan.seq > (newest.get(scan.rootId) ?? -1n))
        newest.set(scan.rootId, scan.seq);
    });
    const scans = [...newest].map(([root, seq]) => ({ root, seq }));
    if (await hadEnding(client, scans, suffix, names)) known.add(suffix);
  }
  return known;
}

function vanishedOf(one: Case, seen: Seen): Vanished | null {
  const { facts } = one;
  const { observers, points, live } = seen;
  const newest = lastSeenAt(facts, live);
  const last = contentSeenAt(facts, live);
  const version = versionAt(facts.sights, last);
  if (version === null) return null;
  let identity: Vanished['live'] = null;
  let alone = false;
  for (let index = live - 1; index >= 0; index--) {
    const observer = observers[index];
    const copy = observer?.role === 'live' ? versionAt(facts.sights, index) : null;
    if (observer === undefined || copy === null) continue;
    // A backup that saw another file here afterwards speaks of an inode that is not known: the one that live had may be
    // its old copy (x~).
    if (!mayBeSame(copy, version)) break;
    identity = { root: observer.scan.rootId, inode: copy.inode, btimeNs: copy.btimeNs };
    alone = copy.kind === 'directory' || copy.nlink === 1;
    break;
  }
  const read = facts.readings.findLast((reading) => reading.observer === last && reading.digest !== null);
  return {
    path: facts.path,
    kind: version.kind,
    size: version.size,
    digest: version.suspect ? null : (version.digest ?? read?.digest ?? null),
    mtimeNs: version.mtimeNs,
    target: version.target,
    rdev: version.rdev,
    suspect: version.suspect,
    live: identity,
    alone,
    firstSeenMs: runBegan(facts, seen, newest),
    lastSeenMs: observers[newest]?.role === 'list' ? SEEN_BY_LIST_MS : (points[newest] ?? 0),
    how: howOf(one),
  };
}

/**
 * A name that is not known to be absent, and of which nobody can say what is there: as it was seen last; where nobody
 * saw it before, what a brick holds under it.
 */
function unshownOf(one: Case, seen: Seen): Vanished | null {
  const before = vanishedOf(one, seen);
  const sight = one.facts.sights[seen.live] ?? null;
  if (before !== null || !isGap(sight)) return before;
  const copy = evidenceOf(sight.detail)?.copies.find(({ xxh64 }) => xxh64 !== null);
  if (copy === undefined || copy.xxh64 === null) return null;
  const atMs = seen.points[seen.live] ?? 0;
  return {
    path: one.facts.path,
    kind: 'file',
    size: copy.size,
    digest: BigInt(`0x${copy.xxh64}`),
    mtimeNs: BigInt(copy.mtimeNs),
    target: null,
    rdev: null,
    suspect: false,
    live: null,
    alone: false,
    firstSeenMs: atMs,
    lastSeenMs: atMs,
    how: null,
  };
}

/** What the newest live observation of a path saw there, live now included; null where none did. */
export function lastSeenLive({ sights }: PathFacts, observers: readonly Observer[]): Version | null {
  for (let index = observers.length - 1; index >= 0; index--) {
    const seen = observers[index]?.role === 'live' ? versionAt(sights, index) : null;
    if (seen !== null) return seen;
  }
  return null;
}

/**
 * Nothing speaks against these two being one file: kind, size, mtime, and digests where both were read; a list tells no
 * time.
 */
function mayBeSame(a: Version, b: Version): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind !== 'file') return true;
  return (
    sizesAgree(a, b) &&
    (isFromList(a) || isFromList(b) || sameMtime(a.mtimeNs, b.mtimeNs)) &&
    (a.digest === b.digest || a.digest === null || b.digest === null)
  );
}

function appearedOf(facts: PathFacts, seen: Seen, root: number): Appeared | null {
  const now = versionAt(facts.sights, seen.live);
  if (now === null) return null;
  return {
    path: facts.path,
    kind: now.kind,
    size: now.size,
    digest: now.suspect ? null : now.digest,
    mtimeNs: now.mtimeNs,
    target: now.target,
    rdev: now.rdev,
    zeroFrom: now.zeroFrom,
    live: { root, inode: now.inode, btimeNs: now.btimeNs },
    firstSeenMs: runBegan(facts, seen, seen.live),
  };
}

/**
 * Point of the first sighting of the run that ends with `last`. What was always there has not appeared.
 *
 */
function runBegan(facts: PathFacts, { observers, points }: Seen, last: number): number {
  // An absence counts only in a volume that has had the path; where no backup ever had it, lacking in a snapshot is
  // enough.
  const had = new Set<string>();
  observers.forEach((observer, index) => {
    if (versionAt(facts.sights, index) !== null) had.add(observer.volume);
  });
  const anyBackup = observers.some((observer) => observer.role === 'backup' && had.has(observer.volume));
  let first = last;
  for (let index = last - 1; index >= 0; index--) {
    const sight = facts.sights[index] ?? null;
    const observer = observers[index];
    if (sight !== null) {
      if (!isGap(sight)) first = index;
    } else if (observer !== undefined && (had.has(observer.volume) || !anyBackup)) return points[first] ?? 0;
  }
  // Of two equal files the one that is left is no target of the other.
  const listed = observers.some(({ role }, index) => role === 'list' && versionAt(facts.sights, index) !== null);
  return listed ? Number.NEGATIVE_INFINITY : ALWAYS_STOOD_MS;
}

async function readUnread(
  vanished: readonly Vanished[],
  {
    gone,
    appeared,
    unshown,
    seen,
  }: {
    readonly gone: readonly Case[];
    readonly appeared: readonly Appeared[];
    readonly unshown: readonly Vanished[];
    readonly seen: Seen;
  },
  tools: JudgingTools,
): Promise<Vanished[]> {
  const { observers, live } = seen;
  const newest = new Map<number, number>();
  for (const a of appeared)
    if (a.kind === 'file' && a.size !== null && a.size > 0)
      newest.set(a.size, Math.max(a.firstSeenMs, newest.get(a.size) ?? Number.NEGATIVE_INFINITY));
  // What was renamed and lost after that is nowhere: its later name vanished too.
  for (const v of [...vanished, ...unshown])
    if (v.kind === 'file' && v.size !== null && v.size > 0 && v.firstSeenMs > Number.NEGATIVE_INFINITY)
      newest.set(v.size, Math.max(v.firstSeenMs, newest.get(v.size) ?? Number.NEGATIVE_INFINITY));
  // And of that one the content is asked for as well: only both tell that it was the same file.
  const oldest = new Map<number, number>();
  for (const v of vanished)
    if (v.kind === 'file' && v.size !== null && v.size > 0)
      oldest.set(v.size, Math.min(v.lastSeenMs, oldest.get(v.size) ?? Number.POSITIVE_INFINITY));
  const standing = new Map(appeared.map((a) => [identityKey(a), a.size]));
  const matters = (v: Vanished): boolean =>
    (newest.get(v.size ?? 0) ?? Number.NEGATIVE_INFINITY) > v.lastSeenMs ||
    (oldest.get(v.size ?? 0) ?? Number.POSITIVE_INFINITY) < v.firstSeenMs ||
    standing.get(identityKey(v) ?? '') === v.size;
  const wanted = new Set(
    vanished.filter((v) => v.kind === 'file' && v.digest === null && v.size !== null && matters(v)).map((v) => v.path),
  );
  if (wanted.size === 0) return [...vanished];
  const asked = gone.flatMap((one) => {
    if (!wanted.has(one.facts.path)) return [];
    const observer = contentSeenAt(one.facts, live);
    const scan = observers[observer]?.scan;
    const onDisk = scan !== undefined && scan.pruned === null && scan.exportedMs === null;
    if (!onDisk || observers[observer]?.role !== 'backup') return [];
    if (one.facts.readings.some((reading) => reading.observer === observer)) return [];
    return [{ one, facts: one.facts, requests: [{ kind: 'read' as const, observer }] }];
  });
  if (asked.length === 0) return [...vanished];
  await readFor(asked, tools, 'move');
  return gone.flatMap((one) => vanishedOf(one, seen) ?? []);
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
