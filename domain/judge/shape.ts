// Row 7: the shapes that a crash gives a file: empty, all zeros, cut off, or ending in zeros that the good version did not have.
import type { Comparison } from '../facts.ts';
import { isTold, quiet, same } from '../version.ts';
import { inLossInterval } from './context.ts';
import type { Case, Pending, Sighting } from './sightings.ts';
import { differs, PENDING, readable, recordedDamage, roleOf, volumeOf } from './sightings.ts';

/** Zeros at the end that a file of the good version's kind does not have: a block of most file systems. */
const ZERO_TAIL_BYTES_MIN = 4096;
/** XXH64 of nothing. */
const EMPTY = 0xef46db3751d8e999n;
/** Pairs of copies that are tried before the bytes count as not to be had. */
const COMPARE_ATTEMPTS_MAX = 3;
/** A path that once kept no more than this share when it shrank is a log that is rotated, also where it is found empty. */
const ROTATED_KEEPS_DIVISOR = 10;

export type Shape = 'empty' | 'all zeros' | 'cut off' | 'ends in zeros';

/**
 * The shape of `judged` beside the good version before it, or null. Holds only for what changed in W, from a good version that is not
 * empty. Bytes that are not known are asked for as a comparison of two copies that are on disk.
 */
export function truncatedLike(c: Case, judged: Sighting, lkg: Sighting): Shape | null | Pending {
  if (judged.kind !== 'file' || lkg.kind !== 'file' || judged.size === null) return null;
  const lkgSize = sizeOf(lkg);
  if (lkgSize === 0 || (isTold(lkg) && !differs(judged, lkg))) return null;
  // Two listings that were never read differ for certain only in size; another mtime is reason enough to look at the bytes.
  if (same(judged, lkg) || (!differs(judged, lkg) && quiet(judged, lkg)) || !runBeganInWindow(c, judged)) return null;
  const { size } = judged;
  const rotated = size < lkgSize && shrankLikeThis(c, judged, size, lkgSize);
  if (size === 0) return rotated ? null : 'empty';

  const bytes = compare(c, judged, lkg);
  if (bytes === PENDING) return PENDING;
  if (bytes === null) return null;
  const alone = bytes.of === bytes.against;
  if (bytes.allZeros && (alone || bytes.zeroTailAgainst < lkgSize)) return 'all zeros';
  if (alone) return null;
  if (bytes.truePrefix && !rotated) return 'cut off';
  if (bytes.zeroTail >= ZERO_TAIL_BYTES_MIN && bytes.zeroTailAgainst < ZERO_TAIL_BYTES_MIN) return 'ends in zeros';
  return null;
}

/** Of a file that a list told without a size it is known at least whether it was empty. */
function sizeOf(lkg: Sighting): number {
  if (lkg.size !== null) return lkg.size;
  return lkg.digest === null || lkg.digest === EMPTY ? 0 : Number.MAX_SAFE_INTEGER;
}

/** The change that made this content happened in W: the step into the run of equal observations that ends with it. */
function runBeganInWindow(c: Case, judged: Sighting): boolean {
  // What was found so once does not become good by a window that is shorter today.
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

/**
 * Did the path shrink like this before W? Within one volume, outside W, from one observation to the next, to no larger a share than
 * now, or to a tenth: a letter that once lost a sentence does not excuse that it is empty now.
 */
function shrankLikeThis(c: Case, judged: Sighting, size: number, lkgSize: number): boolean {
  const last = new Map<string, Sighting>();
  for (const sighting of c.earlier.slice(0, judged.rank)) {
    const volume = volumeOf(c, sighting);
    const before = last.get(volume);
    last.set(volume, sighting);
    if (before?.kind !== 'file' || sighting.kind !== 'file') continue;
    const was = before.size ?? 0;
    const kept = sighting.size ?? 0;
    if (kept >= was || inLossInterval(c.context, before.observer, sighting.observer)) continue;
    if (kept * ROTATED_KEEPS_DIVISOR <= was || kept * lkgSize <= was * size) return true;
  }
  return false;
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
  const ofJudged = c.facts.comparisons.filter((comparison) => standsFor(comparison.of, judged));
  const toLkg = ofJudged.filter((comparison) => standsFor(comparison.against, lkg));
  const done = toLkg.find((comparison) => comparison.errno === null);
  if (done !== undefined) return done;

  if (toLkg.length < COMPARE_ATTEMPTS_MAX) {
    for (const of of copiesOf(c, judged))
      for (const against of copiesOf(c, lkg))
        if (!toLkg.some((tried) => tried.of === of && tried.against === against)) return ask(c, of, against);
  }
  const alone = ofJudged.filter((comparison) => comparison.of === comparison.against);
  const seen = ofJudged.find((comparison) => comparison.errno === null);
  // A comparison with any other content still tells of the judged copy's own zeros.
  if (seen !== undefined) return { ...seen, against: seen.of, truePrefix: false };
  if (alone.length >= COMPARE_ATTEMPTS_MAX) return null;
  const of = copiesOf(c, judged).find((copy) => !alone.some((tried) => tried.of === copy));
  return of === undefined ? null : ask(c, of, of);
}

function ask(c: Case, of: number, against: number): Pending {
  c.needs.push({ kind: 'compare', of, against });
  return PENDING;
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
