// Row 8: the path went back to an older state.
import { isFromList, same, sameMtime } from '../version.ts';
import { isUnread, type Judging, needRead } from './asking.ts';
import type { History, Sighting } from './sightings.ts';
import { differs, roleOf, runBeganInLoss, volumeOf } from './sightings.ts';

/**
 * Not same as LKG, same as an observation older than LKG, and with an mtime that is not newer than LKG's; outside of
 * the loss intervals only while the newest snapshot has not got it so. Answers with that older observation. Older
 * copies of the same size that were only listed are read, newest first.
 */
export function* revertedTo(h: History, judged: Sighting, lkg: Sighting): Judging<Sighting | null> {
  if (!differs(judged, lkg) || judged.suspect) return null;
  const isNewer = (than: Sighting): boolean =>
    judged.mtimeNs > than.mtimeNs && !sameMtime(judged.mtimeNs, than.mtimeNs);
  // A list has no time for LKG: then the content must have come back with the time that it had.
  if (!isFromList(lkg) && isNewer(lkg)) return null;
  if (standsInBackup(h, judged, lkg) && !runBeganInLoss(h, judged)) return null;
  const older = h.earlier.filter(
    (sighting) =>
      sighting.rank < lkg.rank &&
      sighting.kind === judged.kind &&
      !(isFromList(lkg) && (isFromList(sighting) || isNewer(sighting))),
  );
  const match = older.findLast((sighting) => same(sighting, judged));
  if (match !== undefined) return match;
  if (judged.kind !== 'file' || judged.digest === null) return null;
  const unread = older.findLast(
    (sighting) => sighting.digest === null && sighting.size === judged.size && isUnread(h, sighting),
  );
  return unread === undefined ? null : yield* needRead(h, [unread]);
}

/**
 * The newest earlier snapshot of a series has the same: it once had LKG, and followed. A backup that lags behind has
 * not followed anything.
 */
function standsInBackup(h: History, judged: Sighting, lkg: Sighting): boolean {
  const earlier = h.earlier.filter((one) => one.rank < judged.rank && roleOf(h, one) === 'backup');
  return h.context.series.some(({ volume }) => {
    const own = earlier.filter((one) => volumeOf(h, one) === volume);
    const newest = own.at(-1);
    return newest !== undefined && same(newest, judged) && own.some((one) => one.rank < newest.rank && same(one, lkg));
  });
}
