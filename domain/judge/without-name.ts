// A name that is gone, and content on a brick that has no name (docs/design.md#gluster): whether the one is the other.
import { type BrickEvidence, type CopyOnBrick } from '../gluster/evidence.ts';
import { contentKey, evidenceOfHandles, type Orphan } from '../gluster/orphans.ts';
import { inTrash } from '../places.ts';
import type { AbsenceVerdict } from './absent.ts';
import { hexDigest } from './keys.ts';
import type { History, Sighting } from './sightings.ts';

/**
 * What the bricks have of a path that no brick lists; null where its absence stays what it was judged. Content that had
 * this name counts wherever a crash may have taken the name; what lies in `unlink`, where every file goes that is
 * deleted while it is open, and what is known by its bytes alone, only where the path would be missing.
 */
export function contentWithoutName(
  h: History,
  lkg: Sighting | null,
  { verdict, accepted, movedTo }: Pick<AbsenceVerdict, 'verdict' | 'accepted' | 'movedTo'>,
): BrickEvidence | null {
  const isMissing = verdict === 'missing';
  const mayBeLost = verdict === 'deleted' && accepted === null && movedTo === null && !inTrash(h.facts.path);
  const named = (h.facts.orphans ?? []).filter((one) => isMissing || (mayBeLost && !one.isUnlinked));
  const copies = distinct(named.filter((one) => !isOlder(one, lkg)).map(({ copy }) => copy));
  if (copies.length > 0) return evidenceOfHandles(copies);
  if (!isMissing || lkg === null || lkg.kind !== 'file') return null;
  const key = contentKey(lkg.size, lkg.digest === null ? null : hexDigest(lkg.digest));
  const same = key === null ? [] : (h.context.orphans?.get(key) ?? []);
  return same.length === 0 ? null : evidenceOfHandles(distinct(same));
}

/**
 * Other content than last known good, and not changed after it: what the name had before. A copy in a snapshot is
 * nearer to what was lost.
 */
function isOlder({ copy }: Orphan, lkg: Sighting | null): boolean {
  if (lkg === null || lkg.kind !== 'file') return false;
  const differs =
    copy.size !== lkg.size || (copy.xxh64 !== null && lkg.digest !== null && copy.xxh64 !== hexDigest(lkg.digest));
  return differs && BigInt(copy.mtimeNs) <= lkg.mtimeNs;
}

/** Replicas have the same content under the same handle: one of them is enough. */
function distinct(copies: readonly CopyOnBrick[]): CopyOnBrick[] {
  return copies.filter(
    ({ gfid, xxh64 }, nth) =>
      xxh64 === null || copies.findIndex((other) => other.gfid === gfid && other.xxh64 === xxh64) === nth,
  );
}
