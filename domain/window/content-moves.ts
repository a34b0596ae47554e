// Renames that only equal content tells of, and what that content tells of those that are none.
import { isDisplaced } from '../places.ts';
import {
  type Appeared,
  contentKey,
  group,
  mayBeRename,
  type Pair,
  pairOneToOne,
  sameInode,
  taking,
  type Vanished,
} from './pairs.ts';

interface Hints {
  readonly candidates: Map<string, string>;
  readonly copies: Map<string, string>;
}

/** Adds pairs for what is not paired yet; k vanished names against fewer that appeared get none of them. */
export function pairByContent(
  vanished: readonly Vanished[],
  appeared: readonly Appeared[],
  pairs: Map<string, Pair>,
): Hints {
  const hints: Hints = { candidates: new Map(), copies: new Map() };
  const taken = taking(pairs);
  const here = group(appeared, contentKey);
  const gone = group(
    vanished.filter((v) => !pairs.has(v.path)),
    contentKey,
  );
  for (const [key, lost] of gone) {
    const found = here.get(key);
    if (found !== undefined) pairGroup(lost, found, pairs, taken, hints);
  }
  return hints;
}

/** One group of equal content: k vanished, m that stand now. */
function pairGroup(
  lost: readonly Vanished[],
  found: readonly Appeared[],
  pairs: Map<string, Pair>,
  taken: Set<string>,
  hints: Hints,
): void {
  const pair = (v: Vanished, a: Appeared): boolean => {
    if (taken.has(a.path) || !mayBeRename(v, a)) return false;
    pairs.set(v.path, { v, a, by: 'content', changed: false });
    taken.add(a.path);
    return true;
  };
  const earliest = lost.reduce((first, v) => Math.min(first, v.lastSeenMs), Number.POSITIVE_INFINITY);
  const fresh = found.filter((a) => a.firstSeenMs > earliest);
  const open = (): Vanished[] => lost.filter((v) => !pairs.has(v.path));
  const ordinary = fresh.filter((a) => !taken.has(a.path) && !lost.every((v) => isDisplaced(v.path, a.path)));
  // A file system without birth times: with equal content the number of the inode is enough.
  const byInode = group(ordinary, ({ live }) => (live === null ? null : `${live.root} ${live.inode}`));
  for (const v of lost) {
    const a = v.live === null ? undefined : byInode.get(`${v.live.root} ${v.live.inode}`)?.[0];
    if (a !== undefined && sameInode(v, a)) pair(v, a);
  }
  // Whose directory kept silent was not renamed by anybody, and neither was what stood beside all of these: they take
  // no name from the others.
  const newest = ordinary.reduce((last, a) => Math.max(last, a.firstSeenMs), Number.NEGATIVE_INFINITY);
  pairOneToOne(
    open().filter((v) => v.how !== 'silent' && newest > v.lastSeenMs),
    ordinary.filter((a) => !taken.has(a.path)),
    pair,
  );
  pairDisplaced(open(), fresh, pairs);
  hint(open(), found, taken, hints);
}

/** What a repair put below lost+found is named for all who may have lost it: they are missing anyway. */
function pairDisplaced(lost: readonly Vanished[], fresh: readonly Appeared[], pairs: Map<string, Pair>): void {
  const repaired = fresh.filter((a) => lost.some((v) => isDisplaced(v.path, a.path)));
  lost.forEach((v, i) => {
    const a = repaired[Math.min(i, repaired.length - 1)];
    if (a !== undefined && isDisplaced(v.path, a.path) && mayBeRename(v, a))
      pairs.set(v.path, { v, a, by: 'content', changed: false });
  });
}

function hint(
  lost: readonly Vanished[],
  found: readonly Appeared[],
  taken: ReadonlySet<string>,
  { candidates, copies }: Hints,
): void {
  if (lost.length === 0) return;
  const oldest = found.reduce((first, a) => (a.firstSeenMs < first.firstSeenMs ? a : first));
  const newest = found.reduce((last, a) => (a.firstSeenMs > last.firstSeenMs ? a : last));
  const free = found.find((a) => !taken.has(a.path));
  for (const v of lost) {
    if (oldest.firstSeenMs <= v.lastSeenMs) copies.set(v.path, oldest.path);
    const after = free !== undefined && free.firstSeenMs > v.lastSeenMs ? free : newest;
    if (after.firstSeenMs > v.lastSeenMs) candidates.set(v.path, after.path);
  }
}
