// Row 7: the shapes that a crash gives a file: empty, all zeros, cut off, or ending in zeros that the good version did not have.
import type { Comparison } from '../facts.ts';
import { isTold, quiet, same, sameMtime } from '../version.ts';
import { isAllZeros, ZERO_TAIL_BYTES_MIN, zeroTailOf } from '../window/damage-shape.ts';
import { inLossInterval } from './context.ts';
import type { Case, Pending, Sighting } from './sightings.ts';
import { differs, needRead, PENDING, readable, recordedDamage, roleOf, volumeOf, wasRead } from './sightings.ts';

/** XXH64 of nothing. */
const EMPTY = 0xef46db3751d8e999n;
/** Pairs of copies that are tried before the bytes count as not to be had. */
const COMPARE_ATTEMPTS_MAX = 3;
/** Older versions that are read to know whether the path looked like this before. */
const LOOKS_ASKED_MAX = 3;
/** A path that once kept no more than this share when it shrank is a log that is rotated, also where it is found empty. */
const ROTATED_KEEPS_DIVISOR = 10;

export type Shape = 'empty' | 'all zeros' | 'cut off' | 'ends in zeros';

/**
 * The shape of `judged` beside the good version before it, or null: from a good version that is not empty, and never where the path looked
 * like this before. Zeros count at any time; an empty or shorter file where that happened in a loss interval, or where no mtime announces it.
 * Bytes that are not known are asked for: a copy to read, or two copies to compare.
 */
export function truncatedLike(c: Case, judged: Sighting, lkg: Sighting): Shape | null | Pending {
  if (judged.kind !== 'file' || lkg.kind !== 'file' || judged.size === null) return null;
  if (sizeOf(lkg) === 0 || (isTold(lkg) && !differs(judged, lkg))) return null;
  // Two listings that were never read differ for certain only in size; another mtime is reason enough to look at the bytes.
  if (same(judged, lkg) || (!differs(judged, lkg) && quiet(judged, lkg))) return null;
  const stoodBefore = wasOnce(c, judged, lkg, (earlier) => quiet(earlier, judged) && !differs(earlier, judged));
  if (stoodBefore !== false) return stoodBefore === PENDING ? PENDING : null;
  const zeros = judged.size === 0 ? null : zeroed(c, judged, lkg);
  return zeros ?? shortened(c, judged, judged.size, lkg);
}

/** All zeros, or zeros at the end. */
function zeroed(c: Case, judged: Sighting, lkg: Sighting): Shape | null | Pending {
  if (looksOf(c, judged) === PENDING) return PENDING;
  const allZeros = isAllZeros(judged) === true;
  const tail = zeroTailOf(judged);
  if (tail === null || (tail < ZERO_TAIL_BYTES_MIN && !allZeros)) return null;
  if (looksOf(c, lkg) === PENDING) return PENDING;
  if (allZeros) {
    if (isAllZeros(lkg) === true) return null;
    return unlessBefore(c, judged, lkg, 'all zeros', (earlier) => isAllZeros(earlier) === true);
  }
  const tailOfLkg = zeroTailOf(lkg);
  if (tailOfLkg === null || tailOfLkg >= ZERO_TAIL_BYTES_MIN) return null;
  if (advanced(judged, lkg)) {
    const bytes = compare(c, judged, lkg);
    if (bytes === PENDING) return PENDING;
    if (bytes?.alikeBeforeZeros !== true) return null;
  }
  return unlessBefore(c, judged, lkg, 'ends in zeros', (earlier) => (zeroTailOf(earlier) ?? 0) >= ZERO_TAIL_BYTES_MIN);
}

/** Empty, or the beginning of the good version. */
function shortened(c: Case, judged: Sighting, size: number, lkg: Sighting): Shape | null | Pending {
  const was = sizeOf(lkg);
  if (size >= was || (advanced(judged, lkg) && !runBeganInLoss(c, judged))) return null;
  const rotated = shrankLikeThis(c, judged, size, was);
  if (rotated !== false) return rotated === PENDING ? PENDING : null;
  if (size === 0) return 'empty';
  const bytes = compare(c, judged, lkg);
  if (bytes === PENDING) return PENDING;
  return bytes?.truePrefix === true ? 'cut off' : null;
}

/** Of a file that a list told without a size it is known at least whether it was empty. */
function sizeOf(lkg: Sighting): number {
  if (lkg.size !== null) return lkg.size;
  return lkg.digest === null || lkg.digest === EMPTY ? 0 : Number.MAX_SAFE_INTEGER;
}

/** Its mtime announces a change since the good version. A list tells no time: then nothing speaks against one. */
function advanced(judged: Sighting, lkg: Sighting): boolean {
  return isTold(lkg) || (judged.mtimeNs > lkg.mtimeNs && !sameMtime(judged.mtimeNs, lkg.mtimeNs));
}

/** The change that made this content happened in a loss interval: the step into the run of equal observations that ends with it. */
export function runBeganInLoss(c: Case, judged: Sighting): boolean {
  // What was found so once does not become good by intervals that are fewer today.
  if (recordedDamage(c, judged) !== null) return true;
  let first = judged;
  for (let i = judged.rank - 1; i >= 0; i--) {
    const before = c.earlier[i];
    if (before === undefined) return false;
    if (!same(before, judged)) {
      const from = Math.min(before.observer, first.observer);
      return inLossInterval(c.context, from, Math.max(before.observer, first.observer));
    }
    first = before;
  }
  return false;
}

/** An observation from before the good version that fits, and was not damaged itself: then this is how the path looks at times. */
function wasOnce(c: Case, judged: Sighting, lkg: Sighting, fits: (earlier: Sighting) => boolean): boolean | Pending {
  for (const earlier of c.earlier.slice(0, Math.min(lkg.rank, judged.rank))) {
    if (earlier.kind !== 'file' || isTold(earlier) || !fits(earlier)) continue;
    const damage = c.damageAt(c, earlier.rank);
    if (damage === PENDING) return PENDING;
    if (damage === 'none') return true;
  }
  return false;
}

/** The shape, unless an earlier version had it: a file that is allocated before it is written, an archive. A few of the unread ones are read to know. */
function unlessBefore(
  c: Case,
  judged: Sighting,
  lkg: Sighting,
  shape: Shape,
  fits: (earlier: Sighting) => boolean,
): Shape | null | Pending {
  const was = wasOnce(c, judged, lkg, fits);
  if (was !== false) return was === PENDING ? PENDING : null;
  const unknown = c.earlier
    .slice(0, lkg.rank)
    .filter((earlier, i, all) => all.findIndex(({ version }) => version === earlier.version) === i)
    .filter((earlier) => earlier.kind === 'file' && earlier.size === judged.size && earlier.version !== lkg.version);
  for (const earlier of unknown.slice(0, LOOKS_ASKED_MAX)) if (looksOf(c, earlier) === PENDING) return PENDING;
  return shape;
}

/**
 * Did the path shrink like this before? Within one volume, outside the loss intervals, from one observation to the next, to no larger a
 * share than now, or to a tenth: a letter that once lost a sentence does not excuse that it is empty now. A shrink that was damage excuses none.
 */
function shrankLikeThis(c: Case, judged: Sighting, size: number, lkgSize: number): boolean | Pending {
  const last = new Map<string, Sighting>();
  for (const sighting of c.earlier.slice(0, judged.rank)) {
    const volume = volumeOf(c, sighting);
    const before = last.get(volume);
    last.set(volume, sighting);
    if (before?.kind !== 'file' || sighting.kind !== 'file') continue;
    const was = before.size ?? 0;
    const kept = sighting.size ?? 0;
    if (kept >= was || inLossInterval(c.context, before.observer, sighting.observer)) continue;
    if (kept * ROTATED_KEEPS_DIVISOR > was && kept * lkgSize > was * size) continue;
    const damage = c.damageAt(c, sighting.rank);
    if (damage === PENDING) return PENDING;
    if (damage === 'none') return true;
  }
  return false;
}

/** Reads what a content looks like where that is not known: of a copy that nobody read, or that was read before looks were recorded. */
export function looksOf(c: Case, content: Sighting): 'known' | 'not to be had' | Pending {
  if (content.kind !== 'file' || content.size === 0 || content.zeroFrom !== null) return 'known';
  const copy = copiesOf(c, content).find((observer) => !wasRead(c, observer));
  const sighting = copy === undefined ? undefined : c.byObserver.get(copy);
  return sighting === undefined ? 'not to be had' : needRead(c, sighting);
}

function alike(a: Sighting, b: Sighting): boolean {
  return a.observer === b.observer || same(a, b) || (a.version === b.version && a.digest === b.digest);
}

/** The comparison of these two contents, wherever copies of them were compared; asks for one; null where none can be made. */
function compare(c: Case, judged: Sighting, lkg: Sighting): Comparison | null | Pending {
  const standsFor = (observer: number, content: Sighting): boolean => {
    const sighting = c.byObserver.get(observer);
    return sighting !== undefined && alike(sighting, content);
  };
  const tried = c.facts.comparisons.filter(
    (comparison) => standsFor(comparison.of, judged) && standsFor(comparison.against, lkg),
  );
  const done = tried.find((comparison) => comparison.errno === null);
  if (done !== undefined || tried.length >= COMPARE_ATTEMPTS_MAX) return done ?? null;
  for (const of of copiesOf(c, judged))
    for (const against of copiesOf(c, lkg)) {
      if (tried.some((one) => one.of === of && one.against === against)) continue;
      c.needs.push({ kind: 'compare', of, against });
      return PENDING;
    }
  return null;
}

/** Observers where a copy of this content can be read here: live now first, then the newest snapshots. */
function copiesOf(c: Case, content: Sighting): number[] {
  const { live } = c;
  const copies = c.earlier
    .filter((sighting) => roleOf(c, sighting) === 'backup' && alike(sighting, content) && readable(c, sighting))
    .map((sighting) => sighting.observer)
    .reverse();
  return live !== null && alike(live, content) && readable(c, live) ? [c.context.live, ...copies] : copies;
}
