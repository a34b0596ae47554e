// Last known good, and whether an earlier observation looks damaged (rows 6 to 8). Each is defined by the other: what
// is good is what does not look damaged beside what was known good before it. A step only ever asks about older
// observations, so that ends; answers are kept by rank.
import { isFromList, quiet, same, sameMtime } from '../version.ts';
import { isAllZeros, ZERO_TAIL_BYTES_MIN, zeroTailOf } from '../window/damage-shape.ts';
import { isReadItself, type Judging, needRead, readable } from './asking.ts';
import type { Acceptance } from './context.ts';
import { inLossInterval } from './context.ts';
import { contentKey, expectedKeyOf, observedKeyOf } from './keys.ts';
import { comparisonOf, needLooks } from './looks.ts';
import { revertedTo } from './reverted.ts';
import type { Damage, History, Sighting } from './sightings.ts';
import { changedInLoss, differs, recordedDamage, runBeganInLoss, volumeOf } from './sightings.ts';
import { takeSides } from './votes.ts';

/** XXH64 of nothing. */
const EMPTY = 0xef46db3751d8e999n;
/** Older versions that are read to know whether the path looked like this before. */
const LOOKS_ASKED_MAX = 3;
/**
 * A path that once kept no more than this share when it shrank is a log that is rotated, also where it is found empty.
 */
const ROTATED_KEEPS_DIVISOR = 10;

/** Row 7: the shapes that a crash gives a file. */
export type Shape = 'empty' | 'all zeros' | 'cut off' | 'ends in zeros';

/**
 * The newest observation before `rank` that is neither suspect nor looks damaged; null where there is none. A list
 * without a digest says that the name was there, not what it was: it is expected only where nothing else is, or where
 * its size proves that the content was another.
 */
export function* lkgBefore(h: History, rank: number): Judging<Sighting | null> {
  let named: Sighting | null = null;
  for (let i = rank - 1; i >= 0; i--) {
    const sighting = h.earlier[i];
    if (sighting === undefined || sighting.suspect) continue;
    if ((yield* damageAt(h, i)) !== 'none') continue;
    if (isFromList(sighting) && sighting.digest === null) {
      named ??= sighting;
      continue;
    }
    const found = named !== null && differs(named, sighting) ? named : sighting;
    if (rank === h.earlier.length && found.digest !== null && !isFromList(found)) {
      // It may have been read before looks were recorded: where it replaced other content, it matters whether it is
      // zeros.
      if (h.earlier.slice(0, found.rank).some((before) => differs(before, found))) yield* needLooks(h, found);
    }
    return found;
  }
  return named;
}

/** How the earlier observation of that rank looks beside those before it. */
export function* damageAt(h: History, rank: number): Judging<Damage> {
  const known = h.damages.get(rank);
  if (known !== undefined) return known;
  const damage = yield* findDamage(h, rank);
  h.damages.set(rank, damage);
  return damage;
}

function* findDamage(h: History, rank: number): Judging<Damage> {
  const judged = h.earlier[rank];
  const before = h.earlier[rank - 1];
  const recorded = judged === undefined ? null : recordedDamage(h, judged);
  if (recorded !== null) return recorded;
  if (judged === undefined || before === undefined) return 'none';
  if (isFromList(judged)) return isOddList(h, judged) ? 'corrupt' : 'none';
  // Copies of one version that differ are one state of the path: which of them is odd is put to the vote where one is
  // to be restored. A damaged state does not become good by standing in more snapshots; but a version that somebody
  // went back to is what the path is from then on.
  if (same(judged, before) || judged.version === before.version) {
    const standing = yield* damageAt(h, rank - 1);
    if (standing !== 'reverted') return standing;
  } else if (!mayBeDamaged(h, judged, before)) return 'none';
  const lkg = yield* lkgBefore(h, rank);
  if (lkg === null || same(judged, lkg)) return 'none';
  if ((yield* acceptedPair(h, lkg, judged)) !== null) return 'none';
  const sides = yield* takeSides(h, judged, h.earlier.slice(0, rank));
  if (sides === 'odd') return 'corrupt';
  if (sides === 'unknown') return 'undecided';
  if (sides === 'backup odd') return 'none';
  if ((yield* truncatedLike(h, judged, lkg)) !== null) {
    // One copy of the version was read, maybe a later one: this may still hold what the file was before it was spoilt.
    if (judged.kind === 'file' && judged.digest !== null && readable(h, judged) && !isReadItself(h, judged))
      return yield* needRead(h, [judged]);
    return 'truncated';
  }
  return (yield* revertedTo(h, judged, lkg)) === null ? 'none' : 'reverted';
}

/**
 * By its own shape and mtime alone, so that a log with thirty versions in thirty snapshots costs no reading: rows 6 and
 * 8 need an mtime that is not newer than all before it, row 7 that or zeros, and what is smaller under a newer mtime
 * counts in a loss interval only.
 */
function mayBeDamaged(h: History, judged: Sighting, before: Sighting): boolean {
  if (isAllZeros(judged) === true || (zeroTailOf(judged) ?? 0) >= ZERO_TAIL_BYTES_MIN) return true;
  const earlier = h.earlier.slice(0, judged.rank).filter((sighting) => !isFromList(sighting));
  if (earlier.some((one) => judged.mtimeNs <= one.mtimeNs || sameMtime(judged.mtimeNs, one.mtimeNs))) return true;
  if (earlier.length < judged.rank && changedInLoss(h, before, judged)) return true;
  return earlier.some((one) => (judged.size ?? 0) < (one.size ?? 0)) && changedInLoss(h, before, judged);
}

/** The same content with the same mtime was there before and after it: a list that says otherwise is mistaken. */
function isOddList(h: History, list: Sighting): boolean {
  const since = [...h.earlier.slice(list.rank + 1), ...(h.live === null ? [] : [h.live])];
  return h.earlier
    .slice(0, list.rank)
    .some((before) => differs(before, list) && since.some((after) => same(before, after) && quiet(before, after)));
}

/**
 * A person said that this observation is as it should be: where LKG was expected, or where other content stood under
 * the same size and mtime (row 6 may name another side than LKG). What was accepted stays so while nothing else was
 * good in between.
 */
export function* acceptedPair(h: History, lkg: Sighting | null, found: Sighting): Judging<Acceptance | null> {
  const observedKey = observedKeyOf(found);
  const accepted = (h.context.accepted.get(h.facts.path) ?? []).filter((pair) => pair.observedKey === observedKey);
  if (accepted.length === 0) return null;
  const peers = h.earlier.filter((sighting) => sighting.rank < found.rank && quiet(sighting, found));
  const expected = new Set([expectedKeyOf(lkg), ...peers.map(contentKey)]);
  const pair = accepted.find((candidate) => expected.has(candidate.expectedKey));
  if (pair !== undefined) return pair;
  if (lkg === null || observedKeyOf(lkg) !== observedKey) return null;
  return yield* acceptedPair(h, yield* lkgBefore(h, lkg.rank), lkg);
}

/**
 * Row 7, the shape of `judged` beside the good version before it, or null: from a good version that is not empty, and
 * never where the path looked like this before. Zeros count at any time; an empty or shorter file where that happened
 * in a loss interval, or where no mtime announces it.
 */
export function* truncatedLike(h: History, judged: Sighting, lkg: Sighting): Judging<Shape | null> {
  if (judged.kind !== 'file' || lkg.kind !== 'file' || judged.size === null) return null;
  if (sizeOf(lkg) === 0 || (isFromList(lkg) && !differs(judged, lkg))) return null;
  // Two listings that were never read differ for certain only in size; another mtime is reason enough to look at the
  // bytes.
  if (same(judged, lkg) || (!differs(judged, lkg) && quiet(judged, lkg))) return null;
  if (yield* wasOnce(h, judged, lkg, (earlier) => quiet(earlier, judged) && !differs(earlier, judged))) return null;
  const zeros = judged.size === 0 ? null : yield* zeroed(h, judged, lkg);
  return zeros ?? (yield* shortened(h, judged, judged.size, lkg));
}

/** All zeros, or zeros at the end. */
function* zeroed(h: History, judged: Sighting, lkg: Sighting): Judging<Shape | null> {
  yield* needLooks(h, judged);
  const allZeros = isAllZeros(judged) === true;
  const tail = zeroTailOf(judged);
  if (tail === null || (tail < ZERO_TAIL_BYTES_MIN && !allZeros)) return null;
  yield* needLooks(h, lkg);
  if (allZeros) {
    if (isAllZeros(lkg) === true) return null;
    const isZeros = (earlier: Sighting): boolean => isAllZeros(earlier) === true;
    return (yield* lookedLikeThis(h, judged, lkg, isZeros)) ? null : 'all zeros';
  }
  const tailOfLkg = zeroTailOf(lkg);
  if (tailOfLkg === null || tailOfLkg >= ZERO_TAIL_BYTES_MIN) return null;
  if (advanced(judged, lkg)) {
    const bytes = yield* comparisonOf(h, judged, lkg);
    if (bytes?.alikeBeforeZeros !== true) return null;
  }
  const endsInZeros = (earlier: Sighting): boolean => (zeroTailOf(earlier) ?? 0) >= ZERO_TAIL_BYTES_MIN;
  return (yield* lookedLikeThis(h, judged, lkg, endsInZeros)) ? null : 'ends in zeros';
}

/** Empty, or the beginning of the good version. */
function* shortened(h: History, judged: Sighting, size: number, lkg: Sighting): Judging<Shape | null> {
  const was = sizeOf(lkg);
  if (size >= was || (advanced(judged, lkg) && !runBeganInLoss(h, judged))) return null;
  if (yield* shrankLikeThis(h, judged, size, was)) return null;
  if (size === 0) return 'empty';
  const bytes = yield* comparisonOf(h, judged, lkg);
  return bytes?.truePrefix === true ? 'cut off' : null;
}

/** Where a list has no size for a file, its digest still shows whether it was empty. */
function sizeOf(lkg: Sighting): number {
  if (lkg.size !== null) return lkg.size;
  return lkg.digest === null || lkg.digest === EMPTY ? 0 : Number.MAX_SAFE_INTEGER;
}

/** Its mtime announces a change since the good version. A list has no time: then a change cannot be ruled out. */
function advanced(judged: Sighting, lkg: Sighting): boolean {
  return isFromList(lkg) || (judged.mtimeNs > lkg.mtimeNs && !sameMtime(judged.mtimeNs, lkg.mtimeNs));
}

/**
 * An observation from before the good version that fits, and was not damaged itself: then this is how the path looks at
 * times.
 */
function* wasOnce(h: History, judged: Sighting, lkg: Sighting, fits: (earlier: Sighting) => boolean): Judging<boolean> {
  for (const earlier of h.earlier.slice(0, Math.min(lkg.rank, judged.rank))) {
    if (earlier.kind !== 'file' || isFromList(earlier) || !fits(earlier)) continue;
    if ((yield* damageAt(h, earlier.rank)) === 'none') return true;
  }
  return false;
}

/**
 * An earlier version had such zeros: a file that is allocated before it is written, an archive. A few of the unread
 * ones are read to know.
 */
function* lookedLikeThis(
  h: History,
  judged: Sighting,
  lkg: Sighting,
  fits: (earlier: Sighting) => boolean,
): Judging<boolean> {
  if (yield* wasOnce(h, judged, lkg, fits)) return true;
  const unknown = h.earlier
    .slice(0, lkg.rank)
    .filter((earlier, i, all) => all.findIndex(({ version }) => version === earlier.version) === i)
    .filter((earlier) => earlier.kind === 'file' && earlier.size === judged.size && earlier.version !== lkg.version);
  for (const earlier of unknown.slice(0, LOOKS_ASKED_MAX)) yield* needLooks(h, earlier);
  return false;
}

/**
 * Did the path shrink like this before? Within one volume, outside the loss intervals, from one observation to the
 * next, to no larger a share than now, or to a tenth: a letter that once lost a sentence does not excuse that it is
 * empty now. A shrink that was damage excuses none.
 */
function* shrankLikeThis(h: History, judged: Sighting, size: number, lkgSize: number): Judging<boolean> {
  const last = new Map<string, Sighting>();
  for (const sighting of h.earlier.slice(0, judged.rank)) {
    const volume = volumeOf(h, sighting);
    const before = last.get(volume);
    last.set(volume, sighting);
    if (before?.kind !== 'file' || sighting.kind !== 'file') continue;
    const was = before.size ?? 0;
    const kept = sighting.size ?? 0;
    if (kept >= was || inLossInterval(h.context, before.observer, sighting.observer)) continue;
    if (kept * ROTATED_KEEPS_DIVISOR > was && kept * lkgSize > was * size) continue;
    if ((yield* damageAt(h, sighting.rank)) === 'none') return true;
  }
  return false;
}
