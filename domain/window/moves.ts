// Which vanished paths stand under another name now (docs/design.md#moved). Looks only at what vanished and what
// appeared.
import { isDisplaced, isTrashed } from '../places.ts';
import { pairByContent } from './content-moves.ts';
import { companionOf, findPlaces, ownFileAt } from './directory-moves.ts';
import { rewrittenInBurst, type SuffixInQuestion, suffixesToAskFor } from './rewritten.ts';
import {
  type Appeared,
  group,
  identityKey,
  type Pair,
  pairOneToOne,
  holdsTheSame,
  taking,
  type Vanished,
} from './pairs.ts';

/**
 * By vanished path, unless said otherwise. A path is in one of moved, later, displaced, trashed and rewritten, or in
 * none.
 */
export interface Moves {
  /** Where it stands now; several names of one file may lead to one. */
  readonly moved: ReadonlyMap<string, string>;
  /** The name that it had next, which vanished as well or cannot be shown: what became of the file is told there. */
  readonly later: ReadonlyMap<string, string>;
  /** Of what stays missing, a candidate: 'may have moved to'. */
  readonly candidates: ReadonlyMap<string, string>;
  /** A name whose content stood there while the vanished name was still there: a copy, and a source. */
  readonly copies: ReadonlyMap<string, string>;
  /** Where a repair put it: below lost+found. */
  readonly displaced: ReadonlyMap<string, string>;
  /** Where it lies since it was deleted: in a trash or versions place. */
  readonly trashed: ReadonlyMap<string, string>;
  /** Rewritten in a burst and renamed: where its inode is now, with other content. */
  readonly rewritten: ReadonlyMap<string, string>;
  /** Directories that were renamed, whatever became of the files in them. */
  readonly directories: ReadonlyMap<string, string>;
  /** By new name: the old name of the same file, whose content is another one now. Its history is the new name's. */
  readonly formers: ReadonlyMap<string, string>;
}

export const NO_MOVES: Moves = {
  moved: new Map(),
  later: new Map(),
  candidates: new Map(),
  copies: new Map(),
  displaced: new Map(),
  trashed: new Map(),
  rewritten: new Map(),
  directories: new Map(),
  formers: new Map(),
};

/**
 * First the file systems' own identities: what bears that of a vanished name now is the same file, whatever it holds.
 * Then directories: where most of one went, the rest of it is looked for, so that among many equal files those of one
 * directory stay together. Then content: with a one-to-one count or an equal base name, where the new name appeared
 * after the old one was last seen, whoever lost the name was not silent about it, and no known inode says otherwise.
 * Pairs are found in byte order of the paths given, which are expected sorted: the answer does not depend on chance.
 * @param knownSuffixes endings of names that the volume had before (rewritten.ts)
 * @param unshown names of which it is not known what is there now: hidden on bricks, or unreadable
 */
export function findMoves(
  vanished: readonly Vanished[],
  appeared: readonly Appeared[],
  knownSuffixes: ReadonlySet<string> = new Set(),
  unshown: readonly Vanished[] = [],
): Moves {
  const pairs = pairByIdentity(vanished, appeared);
  const places = findPlaces(vanished, appeared, pairs);
  pairByDirectory(vanished, appeared, places, pairs);
  const { candidates, copies } = pairByContent(vanished, appeared, pairs);
  const rewritten = rewrittenInBurst([...pairs.values()], knownSuffixes);

  const moved = new Map<string, string>();
  const displaced = new Map<string, string>();
  const trashed = new Map<string, string>();
  const formers = new Map<string, Vanished>();
  const settle = (from: string, to: string): void => {
    const map = isDisplaced(from, to) ? displaced : isTrashed(from, to) ? trashed : moved;
    map.set(from, to);
  };
  for (const { v, a, changed } of pairs.values()) {
    if (rewritten.has(v.path)) continue;
    settle(v.path, a.path);
    if (!changed || displaced.has(v.path)) continue;
    const other = formers.get(a.path);
    if (other === undefined || other.lastSeenMs < v.lastSeenMs) formers.set(a.path, v);
  }
  const directories = new Map<string, string>();
  for (const v of vanished) {
    const to = v.kind === 'directory' ? places.get(v.path) : undefined;
    if (to === undefined || to === '') continue;
    directories.set(v.path, to);
    if (!pairs.has(v.path)) settle(v.path, to);
  }
  return {
    moved,
    later: laterNames(
      vanished.filter((v) => !pairs.has(v.path) && !directories.has(v.path)),
      unshown,
    ),
    candidates,
    copies,
    displaced,
    trashed,
    rewritten,
    directories,
    formers: new Map([...formers].map(([to, v]) => [to, v.path])),
  };
}

/**
 * Where names would stand that are not accounted for yet and whose directory was moved: to be looked up and added to
 * what appeared. What stands there may be an empty file, a link or a directory, which nothing else finds, or the same
 * file with other content.
 */
export function pathsToLookAt(vanished: readonly Vanished[], appeared: readonly Appeared[]): string[] {
  const pairs = pairByIdentity(vanished, appeared);
  const places = findPlaces(vanished, appeared, pairs);
  if (places.size === 0) return [];
  const known = new Set(appeared.map(({ path }) => path));
  const wanted = new Set<string>();
  for (const v of vanished) {
    if (pairs.has(v.path)) continue;
    const to = companionOf(v.path, places);
    if (to !== null && !known.has(to)) wanted.add(to);
  }
  return [...wanted];
}

/**
 * Among what is accounted for nowhere: names that were renamed to one that vanished after that, or that cannot be shown
 * now. Else a loss in a directory that was renamed days before would be a loss under both of its names.
 */
function laterNames(open: readonly Vanished[], unshown: readonly Vanished[]): Map<string, string> {
  const later = [...open, ...unshown]
    .filter((v) => v.firstSeenMs > Number.NEGATIVE_INFINITY)
    .map((v): Appeared => ({ ...v, zeroFrom: null }));
  const pairs = new Map<string, Pair>();
  // That a directory was renamed is told by all that was in it: nobody has to have touched it.
  const inDirectories = open.map((v) => ({ ...v, how: null }));
  pairByDirectory(inDirectories, later, findPlaces(inDirectories, later, pairs), pairs);
  pairByContent(open, later, pairs);
  return new Map([...pairs].flatMap(([from, { a, changed }]) => (changed ? [] : [[from, a.path] as const])));
}

/** Endings of names that only tell of a burst of rewriting if the volume had none such before. */
export function suffixesInQuestion(vanished: readonly Vanished[], appeared: readonly Appeared[]): SuffixInQuestion[] {
  return suffixesToAskFor([...pairByIdentity(vanished, appeared).values()]);
}

function pairByIdentity(vanished: readonly Vanished[], appeared: readonly Appeared[]): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  const standing = group(appeared, identityKey);
  for (const v of vanished) {
    const found = v.alone ? standing.get(identityKey(v) ?? '') : undefined;
    const [only] = found ?? [];
    if (only !== undefined && found?.length === 1)
      pairs.set(v.path, { v, a: only, by: 'identity', changed: !holdsTheSame(v, only) });
  }
  const taken = taking(pairs);
  const here = group(
    appeared.filter((a) => !taken.has(a.path)),
    identityKey,
  );
  const gone = group(
    vanished.filter((v) => !pairs.has(v.path)),
    identityKey,
  );
  for (const [key, lost] of gone) {
    const found = here.get(key) ?? [];
    const fresh = found.filter((a) => lost.some((v) => a.firstSeenMs > v.lastSeenMs));
    pairOneToOne(lost, fresh, (v, a) => {
      if (a.firstSeenMs <= v.lastSeenMs) return false;
      pairs.set(v.path, { v, a, by: 'identity', changed: !holdsTheSame(v, a) });
      return true;
    });
  }
  return pairs;
}

function pairByDirectory(
  vanished: readonly Vanished[],
  appeared: readonly Appeared[],
  places: ReadonlyMap<string, string>,
  pairs: Map<string, Pair>,
): void {
  if (places.size === 0) return;
  const standing = new Map(appeared.map((a) => [a.path, a]));
  const gone = new Set(vanished.flatMap((v) => (v.kind === 'directory' ? [v.path] : [])));
  const taken = taking(pairs);
  for (const v of vanished) {
    if (pairs.has(v.path)) continue;
    const to = companionOf(v.path, places);
    const a = to === null ? undefined : standing.get(to);
    if (a === undefined || taken.has(a.path)) continue;
    const found = ownFileAt(v, a, gone);
    if (found === null) continue;
    pairs.set(v.path, { v, a, by: 'directory', changed: found === 'changed' });
    taken.add(a.path);
  }
}
