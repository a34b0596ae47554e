// Rows 6 to 8 for any observation: whether it looks damaged beside what was known good before it, and so what is last known good.
import { isTold, quiet, same, sameMtime } from '../version.ts';
import { isAllZeros, ZERO_TAIL_BYTES_MIN, zeroTailOf } from '../window/damage-shape.ts';
import type { Acceptance } from './context.ts';
import { inLossInterval } from './context.ts';
import { contentKey, expectedKeyOf, observedKeyOf } from './keys.ts';
import { looksOf, runBeganInLoss, truncatedLike } from './shape.ts';
import type { Case, Damage, Pending, Sighting } from './sightings.ts';
import { differs, needRead, PENDING, readable, recordedDamage, roleOf, volumeOf, wasRead } from './sightings.ts';
import { takeSides } from './votes.ts';

/**
 * The newest observation before `rank` that is neither suspect nor looks damaged; null where there is none. A list without a digest says
 * that the name was there, not what it was: it is expected only where nothing else is, or where its size proves that the content was another.
 */
export function lkgBefore(c: Case, rank: number): Sighting | null | Pending {
  let named: Sighting | null = null;
  for (let i = rank - 1; i >= 0; i--) {
    const sighting = c.earlier[i];
    if (sighting === undefined || sighting.suspect) continue;
    const damage = damageOf(c, i);
    if (damage === PENDING) return PENDING;
    if (damage !== 'none') continue;
    if (isTold(sighting) && sighting.digest === null) {
      named ??= sighting;
      continue;
    }
    const found = named !== null && differs(named, sighting) ? named : sighting;
    return rank === c.earlier.length && awaitsLooks(c, found) ? PENDING : found;
  }
  return named;
}

/** It was read before looks were recorded, and other content stood there before it: then it matters whether it is zeros. Asks for them. */
function awaitsLooks(c: Case, lkg: Sighting): boolean {
  if (lkg.digest === null || isTold(lkg)) return false;
  return c.earlier.slice(0, lkg.rank).some((before) => differs(before, lkg)) && looksOf(c, lkg) === PENDING;
}

/** Whether an earlier observation looks damaged: rows 6 to 8 hold with it as L and only earlier observations. */
export function damageOf(c: Case, rank: number): Damage | Pending {
  const known = c.damages.get(rank);
  if (known !== undefined && known !== PENDING) return known;
  const damage = findDamage(c, rank);
  c.damages.set(rank, damage);
  return damage;
}

function findDamage(c: Case, rank: number): Damage | Pending {
  const judged = c.earlier[rank];
  const before = c.earlier[rank - 1];
  const recorded = judged === undefined ? null : recordedDamage(c, judged);
  if (recorded !== null) return recorded;
  if (judged === undefined || before === undefined) return 'none';
  if (isTold(judged)) return isOddList(c, judged) ? 'corrupt' : 'none';
  // Copies of one version that differ are one state of the path: which of them is odd is put to the vote where one is to be restored. A damaged
  // state does not become good by standing in more snapshots; but a version that somebody went back to is what the path is from then on.
  if (same(judged, before) || judged.version === before.version) {
    const standing = damageOf(c, rank - 1);
    if (standing !== 'reverted') return standing;
  } else if (!mayBeDamaged(c, judged, before)) return 'none';
  const lkg = lkgBefore(c, rank);
  if (lkg === PENDING) return PENDING;
  if (lkg === null || same(judged, lkg)) return 'none';
  const accepted = acceptedPair(c, lkg, judged);
  if (accepted !== null) return accepted === PENDING ? PENDING : 'none';
  const sides = takeSides(c, judged, c.earlier.slice(0, rank));
  if (sides === PENDING) return PENDING;
  if (sides === 'odd') return 'corrupt';
  if (sides === 'unknown') return 'undecided';
  if (sides === 'backup odd') return 'none';
  const truncated = truncatedLike(c, judged, lkg);
  if (truncated === PENDING) return PENDING;
  if (truncated !== null) return 'truncated';
  const reverted = revertedTo(c, judged, lkg);
  if (reverted === PENDING) return PENDING;
  return reverted === null ? 'none' : 'reverted';
}

/**
 * By its own shape and mtime alone, so that a log with thirty versions in thirty snapshots costs no reading: rows 6 and 8 need an mtime that
 * is not newer than all before it, row 7 that or zeros, and what is smaller under a newer mtime counts in a loss interval only.
 */
function mayBeDamaged(c: Case, judged: Sighting, before: Sighting): boolean {
  if (isAllZeros(judged) === true || (zeroTailOf(judged) ?? 0) >= ZERO_TAIL_BYTES_MIN) return true;
  const earlier = c.earlier.slice(0, judged.rank).filter((sighting) => !isTold(sighting));
  if (earlier.some((one) => judged.mtimeNs <= one.mtimeNs || sameMtime(judged.mtimeNs, one.mtimeNs))) return true;
  if (earlier.length < judged.rank && changedInLoss(c, before, judged)) return true;
  return earlier.some((one) => (judged.size ?? 0) < (one.size ?? 0)) && changedInLoss(c, before, judged);
}

/** Before and after it stood one content with one mtime: nothing changed there, and a list that says otherwise is mistaken. */
function isOddList(c: Case, list: Sighting): boolean {
  const since = [...c.earlier.slice(list.rank + 1), ...(c.live === null ? [] : [c.live])];
  return c.earlier
    .slice(0, list.rank)
    .some((before) => differs(before, list) && since.some((after) => same(before, after) && quiet(before, after)));
}

export function changedInLoss(c: Case, before: Sighting, after: Sighting): boolean {
  const from = Math.min(before.observer, after.observer);
  return inLossInterval(c.context, from, Math.max(before.observer, after.observer));
}

/**
 * A person said that this observation is as it should be: where LKG was expected, or where other content stood under the same size and
 * mtime (row 6 may name another side than LKG). What was accepted stays so while nothing else was good in between.
 */
export function acceptedPair(c: Case, lkg: Sighting | null, found: Sighting): Acceptance | null | Pending {
  const observedKey = observedKeyOf(found);
  const accepted = (c.context.accepted.get(c.facts.path) ?? []).filter((pair) => pair.observedKey === observedKey);
  if (accepted.length === 0) return null;
  const peers = c.earlier.filter((sighting) => sighting.rank < found.rank && quiet(sighting, found));
  const expected = new Set([expectedKeyOf(lkg), ...peers.map(contentKey)]);
  const pair = accepted.find((candidate) => expected.has(candidate.expectedKey));
  if (pair !== undefined) return pair;
  if (lkg === null || observedKeyOf(lkg) !== observedKey) return null;
  const before = lkgBefore(c, lkg.rank);
  return before === PENDING ? PENDING : acceptedPair(c, before, lkg);
}

export function acceptance(c: Case, expectedKey: string, observedKey: string): Acceptance | null {
  const accepted = c.context.accepted.get(c.facts.path) ?? [];
  return accepted.find((pair) => pair.expectedKey === expectedKey && pair.observedKey === observedKey) ?? null;
}

/**
 * Row 8: not same as LKG, same as an observation older than LKG, and with an mtime that is not newer than LKG's; outside of the loss intervals
 * only while the newest snapshot has not got it so. Answers with that older observation. Older copies of the same size that were only listed
 * are read, newest first.
 */
export function revertedTo(c: Case, judged: Sighting, lkg: Sighting): Sighting | null | Pending {
  if (!differs(judged, lkg) || judged.suspect) return null;
  const isNewer = (than: Sighting): boolean =>
    judged.mtimeNs > than.mtimeNs && !sameMtime(judged.mtimeNs, than.mtimeNs);
  // A list told no time of LKG: then the content must have come back with the time that it had.
  if (!isTold(lkg) && isNewer(lkg)) return null;
  if (standsInBackup(c, judged, lkg) && !runBeganInLoss(c, judged)) return null;
  const older = c.earlier.filter(
    (sighting) =>
      sighting.rank < lkg.rank &&
      sighting.kind === judged.kind &&
      !(isTold(lkg) && (isTold(sighting) || isNewer(sighting))),
  );
  const match = older.findLast((sighting) => same(sighting, judged));
  if (match !== undefined) return match;
  if (judged.kind !== 'file' || judged.digest === null) return null;
  const unread = older.findLast(
    (sighting) =>
      sighting.digest === null &&
      sighting.size === judged.size &&
      readable(c, sighting) &&
      !wasRead(c, sighting.observer),
  );
  return unread === undefined ? null : needRead(c, unread);
}

/** The newest earlier snapshot of a series has the same: it once had LKG, and followed. A backup that lags behind has not followed anything. */
function standsInBackup(c: Case, judged: Sighting, lkg: Sighting): boolean {
  const earlier = c.earlier.filter((one) => one.rank < judged.rank && roleOf(c, one) === 'backup');
  return c.context.series.some(({ volume }) => {
    const own = earlier.filter((one) => volumeOf(c, one) === volume);
    const newest = own.at(-1);
    return newest !== undefined && same(newest, judged) && own.some((one) => one.rank < newest.rank && same(one, lkg));
  });
}
