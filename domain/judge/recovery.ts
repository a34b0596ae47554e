// The best copy to restore from: exact where one is same as last known good, older where only something older can be
// read, else none.
import type { Recovery } from '../assessment.ts';
import { nameAt } from '../facts.ts';
import { quiet, same } from '../version.ts';
import type { SourceCopy } from './context.ts';
import { isUnread, type Judging, needRead } from './asking.ts';
import { damageAt } from './damage.ts';
import { stateOf } from './keys.ts';
import type { History, Sighting } from './sightings.ts';
import { differs, isOnDisk } from './sightings.ts';

export interface Recovered {
  readonly recovery: Recovery;
  readonly source: SourceCopy | null;
  /**
   * Nothing is left that can be read, and yet a copy like last known good stands in a snapshot: whoever may read it has
   * it.
   */
  readonly unread?: boolean;
}

const NONE: Recovered = { recovery: 'none', source: null };

/**
 * The newest copy on disk that is same as LKG; else the same content under another name; else the newest older version
 * that is good. A copy that must be read to be sure is asked for; one that cannot be read is skipped, and so is one
 * with the content that was found damaged live now, if `damaged` gives it.
 */
export function* recover(h: History, lkg: Sighting | null, damaged: Sighting | null): Judging<Recovered> {
  if (lkg === null) return NONE;
  const onDisk = h.earlier.filter((sighting) => isOnDisk(h, sighting) && !sighting.suspect).reverse();
  const asLkg = (sighting: Sighting): boolean =>
    same(sighting, lkg) ||
    sighting.observer === lkg.observer ||
    (lkg.digest === null && sighting.version === lkg.version && sighting.digest === null);
  const exact = onDisk.filter(asLkg);
  // The oldest copies are pruned next: the newest one is taken, and read. What an export vouches for without having
  // read it comes last.
  const [hearsay, own] = [exact.filter((copy) => isHearsay(h, copy)), exact.filter((copy) => !isHearsay(h, copy))];
  for (const copy of [...own, ...hearsay]) {
    if (isProven(h, copy)) return { recovery: 'exact', source: sourceOf(h, copy) };
    if (isUnread(h, copy)) return yield* needRead(h, [copy]);
  }

  const elsewhere = copyElsewhere(h, lkg);
  if (elsewhere !== null) return { recovery: 'exact', source: elsewhere };

  for (const older of onDisk) {
    if (asLkg(older) || older.kind !== lkg.kind || (damaged !== null && same(older, damaged))) continue;
    // Other bytes under the size and mtime of last known good are no older version, but a copy that has rotted.
    if (quiet(older, lkg) && differs(older, lkg)) continue;
    const damage = yield* damageAt(h, older.rank);
    if (damage === 'corrupt' || damage === 'truncated') continue;
    if (isProven(h, older)) return { recovery: 'older', source: sourceOf(h, older) };
    if (isUnread(h, older)) return yield* needRead(h, [older]);
  }
  return exact.length > 0 ? { ...NONE, unread: true } : NONE;
}

/** The bytes of this very copy were read, here or by an export on its own host, and no later attempt failed. */
function isProven(h: History, sighting: Sighting): boolean {
  const last = h.facts.readings.findLast((reading) => reading.observer === sighting.observer);
  if (last !== undefined) return last.digest !== null;
  if (sighting.kind !== 'file') return true;
  const scan = h.context.observers[sighting.observer]?.scan;
  if (sighting.digest === null || scan === undefined) return false;
  return scan.exportedMs !== null || sighting.version.readSeq === scan.seq;
}

/** An export has read one copy of a version, and vouches for it on all snapshots that show the same. */
function isHearsay(h: History, sighting: Sighting): boolean {
  const scan = h.context.observers[sighting.observer]?.scan;
  return sighting.kind === 'file' && (scan?.exportedMs ?? null) !== null && sighting.version.readSeq !== scan?.seq;
}

function sourceOf(h: History, sighting: Sighting): SourceCopy {
  const scan = h.context.observers[sighting.observer]?.scan;
  const exportedMs = scan?.exportedMs ?? null;
  const reading = h.facts.readings.findLast((r) => r.observer === sighting.observer && r.digest !== null);
  const scannedMs = sighting.kind === 'file' && reading === undefined ? (scan?.startedMs ?? null) : null;
  return {
    observer: sighting.observer,
    path: nameAt(h.facts, sighting.observer),
    state: stateOf(sighting),
    proof: exportedMs === null ? 'read' : 'export',
    proofAtMs: exportedMs ?? reading?.atMs ?? scannedMs,
  };
}

/**
 * The same content under another name in a snapshot is a copy, and a source. Its bytes are read again when a list is
 * written.
 */
function copyElsewhere(h: History, lkg: Sighting): SourceCopy | null {
  const copies = (h.facts.surroundings?.copies ?? []).filter(
    (copy) =>
      lkg.kind === 'file' && same(copy.version, lkg) && h.context.observers[copy.observer]?.scan.pruned === null,
  );
  const best = copies.reduce<(typeof copies)[number] | null>(
    (newest, copy) => (newest === null || copy.observer > newest.observer ? copy : newest),
    null,
  );
  const scan = best === null ? undefined : h.context.observers[best.observer]?.scan;
  if (best === null || scan === undefined) return null;
  return {
    observer: best.observer,
    path: best.path,
    state: stateOf(best.version),
    proof: scan.exportedMs === null ? 'read' : 'export',
    proofAtMs: scan.exportedMs ?? scan.startedMs,
  };
}
