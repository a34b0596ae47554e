// Rows 6 to 8 for any observation: whether it looks damaged beside what was known good before it, and so what is last known good.
import { quiet, same, sameMtime } from '../version.ts';
import type { Acceptance } from './context.ts';
import { overlaps } from './context.ts';
import { contentKey, expectedKeyOf, observedKeyOf } from './keys.ts';
import { truncatedLike } from './shape.ts';
import type { Case, Damage, Pending, Sighting } from './sightings.ts';
import { differs, needRead, PENDING, readable, recordedDamage, wasRead } from './sightings.ts';
import { takeSides } from './votes.ts';

/** The newest observation before `rank` that is neither suspect nor looks damaged; null where there is none. */
export function lkgBefore(c: Case, rank: number): Sighting | null | Pending {
  for (let i = rank - 1; i >= 0; i--) {
    const sighting = c.earlier[i];
    if (sighting === undefined || sighting.suspect) continue;
    const damage = damageOf(c, i);
    if (damage === PENDING) return PENDING;
    if (damage === 'none') return sighting;
  }
  return null;
}

/**
 * Whether an earlier observation looks damaged: in W, and rows 6 to 8 hold with it as L and only earlier observations. An observation
 * is in W when the change that made it is: a damaged state does not become good by standing in more snapshots.
 */
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
  if (same(judged, before)) return damageOf(c, rank - 1);
  if (!changedInWindow(c, before, judged)) return 'none';
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

export function changedInWindow(c: Case, before: Sighting, after: Sighting): boolean {
  const from = Math.min(before.observer, after.observer);
  return overlaps(c.context.window, from, Math.max(before.observer, after.observer));
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
 * Row 8: not same as LKG, same as an observation older than LKG, and with an mtime that is not newer than LKG's. Answers with that
 * older observation. Older copies of the same size that were only listed are read, newest first.
 */
export function revertedTo(c: Case, judged: Sighting, lkg: Sighting): Sighting | null | Pending {
  if (!differs(judged, lkg) || judged.suspect) return null;
  if (judged.mtimeNs > lkg.mtimeNs && !sameMtime(judged.mtimeNs, lkg.mtimeNs)) return null;
  const older = c.earlier.filter((sighting) => sighting.rank < lkg.rank && sighting.kind === judged.kind);
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
