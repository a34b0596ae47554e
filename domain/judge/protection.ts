// Rows 9 to 14 for a path that is there and undamaged: whether a backup holds it as it is now, and if not, why not.
import type { Verdict } from '../verdicts.ts';
import { isGap } from '../facts.ts';
import { isSubvolumeStub } from '../scan.ts';
import { sameMtime, same } from '../version.ts';
import type { Track } from './context.ts';
import { hasHad, showsName } from './absent.ts';
import type { Judging } from './asking.ts';
import { damageAt } from './damage.ts';
import { FLAG } from './flags.ts';
import { gapPath } from './live.ts';
import type { History, Sighting } from './sightings.ts';
import { differs, nameOf, roleOf, volumeOf } from './sightings.ts';
import { DAY_MS } from '../lengths.ts';

export interface Protection {
  readonly verdict: Verdict;
  readonly flags: readonly string[];
  readonly evidence: readonly string[];
}

const MS_NS = 1_000_000n;

export function* judgeProtection(h: History, live: Sighting): Judging<Protection> {
  if (!h.context.backupDeclared) return withoutBackup(h, live, yield* lastOwn(h));
  return (
    protectedNow(h, live) ??
    fileSystemsOwn(h, live) ??
    unverified(h, live) ??
    backupMissing(h) ??
    neverBackedUp(h, live) ??
    modified(h)
  );
}

/** A series' newest snapshot that is on disk, and what it saw. */
interface Newest {
  readonly track: Track;
  readonly observer: number;
  readonly sighting: Sighting | null;
  /** Printable path of what it could not look at; null also for a nested subvolume, which no snapshot holds. */
  readonly gap: string | null;
}

function newestSnapshots(h: History): Newest[] {
  return h.context.series.flatMap((track) => {
    if (track.newest === null) return [];
    const sight = h.facts.sights[track.newest] ?? null;
    const gap = sight !== null && isGap(sight) && !isSubvolumeStub(sight) ? gapPath(sight) : null;
    return [{ track, observer: track.newest, sighting: h.byObserver.get(track.newest) ?? null, gap }];
  });
}

/** Newest copies whose digest must be known before live now can be compared: same kind and size, not read yet. */
export function unreadNewest(h: History, live: Sighting): Sighting[] {
  if (live.kind !== 'file') return [];
  return newestSnapshots(h).flatMap(({ sighting }) =>
    sighting !== null && sighting.kind === 'file' && sighting.digest === null && sighting.size === live.size
      ? [sighting]
      : [],
  );
}

/** Row 9: same as the newest complete snapshot of any backup. */
function protectedNow(h: History, live: Sighting): Protection | null {
  const newest = newestSnapshots(h);
  const match = newest.find(({ sighting }) => sighting !== null && same(sighting, live));
  if (match?.sighting === null || match === undefined) return null;
  const stale = newest.some(
    ({ sighting, observer, gap }) =>
      gap === null && (sighting === null ? hasHad(h, observer) : differs(sighting, live)),
  );
  const flags = metadataFlags(live, match.sighting);
  if (stale) flags.push(FLAG.otherBackupStale);
  return { verdict: 'intact', flags, evidence: [`Same as in ${nameOf(h.context, match.observer)}.`] };
}

/** Backups leave lost+found out, and lose nothing by it: mkfs makes it. What is in it is judged by itself. */
function fileSystemsOwn({ facts }: History, live: Sighting): Protection | null {
  if (facts.path !== 'lost+found' || live.kind !== 'directory') return null;
  return {
    verdict: 'intact',
    flags: [],
    evidence: ['The file system creates it; what is in it is judged separately.'],
  };
}

/** A directory's mtime moves with every entry; it says nothing of the directory itself. */
function metadataFlags(a: Sighting, b: Sighting): string[] {
  const moved = a.kind !== 'directory' && !sameMtime(a.mtimeNs, b.mtimeNs);
  return a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || moved ? [FLAG.metadataDiffers] : [];
}

/** The newest observation of the volume itself, or of a list that is not known to be wrong. */
function* lastOwn(h: History): Judging<Sighting | null> {
  for (const sighting of h.earlier.toReversed()) {
    if (volumeOf(h, sighting) === h.context.liveTrack.volume) return sighting;
    if (roleOf(h, sighting) !== 'list' || sighting.digest === null) continue;
    if ((yield* damageAt(h, sighting.rank)) === 'none') return sighting;
  }
  return null;
}

/** Row 10: no backup declared. What was never seen before is new: nothing shows that it was modified. */
function withoutBackup(h: History, live: Sighting, last: Sighting | null): Protection {
  if (live.kind === 'file' && live.digest === null)
    return { verdict: 'unverified', flags: [], evidence: ['Its bytes were not read.'] };
  if (last === null)
    return {
      verdict: 'new',
      flags: [],
      evidence: [h.earlier.length === 0 ? 'No earlier scan saw it.' : 'Only a list without digests has its name.'],
    };
  const name = nameOf(h.context, last.observer);
  if (same(last, live))
    return { verdict: 'intact', flags: metadataFlags(live, last), evidence: [`Same as ${name}; there is no backup.`] };
  if (differs(last, live) || live.suspect || last.suspect)
    return { verdict: 'modified', flags: [], evidence: [`Changed since ${name}; there is no backup.`] };
  return { verdict: 'unverified', flags: [], evidence: [`The bytes of ${name} were never read.`] };
}

/** Row 11: the newest copy is unreadable, or a digest is missing on a side after reading. */
function unverified(h: History, live: Sighting): Protection | null {
  if (live.kind === 'file' && live.digest === null)
    return { verdict: 'unverified', flags: [], evidence: ['Its bytes were not read.'] };
  for (const { sighting, observer, gap } of newestSnapshots(h)) {
    const name = nameOf(h.context, observer);
    if (gap !== null)
      return {
        verdict: 'unverified',
        flags: [],
        evidence: [`${name} could not be read: ${gap === '' ? 'its root' : gap}.`],
      };
    if (
      sighting !== null &&
      live.kind === 'file' &&
      sighting.kind === 'file' &&
      !differs(sighting, live) &&
      sighting.digest === null
    )
      return { verdict: 'unverified', flags: [], evidence: [`The copy in ${name} could not be read.`] };
    if (sighting?.suspect === true && !differs(sighting, live))
      return {
        verdict: 'unverified',
        flags: [],
        evidence: [`The copy in ${name} changed under the same size and mtime.`],
      };
  }
  return null;
}

/** Row 12: the newest snapshots lack it, an earlier one had it. */
function backupMissing(h: History): Protection | null {
  const newest = newestSnapshots(h);
  if (newest.some(({ sighting, gap }) => sighting !== null || gap !== null)) return null;
  const had = h.facts.sights.findLastIndex(
    (_, observer) => h.context.observers[observer]?.role === 'backup' && showsName(h, observer),
  );
  if (had < 0) return null;
  const evidence = [`${nameOf(h.context, had)} had it; the newest snapshot does not.`];
  const restoredMs = h.context.restored.get(h.facts.path);
  // A backup that ran since could have had it.
  const restored =
    restoredMs !== undefined &&
    newest.every(({ observer }) => (h.context.observers[observer]?.scan.asOf.fromMs ?? restoredMs) <= restoredMs);
  return { verdict: 'backup-missing', flags: restored ? [FLAG.restored] : [], evidence };
}

/** Row 13: never in any backup. New where no backup can be expected to have it yet. */
function neverBackedUp(h: History, live: Sighting): Protection | null {
  const had = h.context.series.some((track) => track.observers.some((observer) => showsName(h, observer)));
  if (had) return null;
  const from = h.context.targets.get(h.facts.path);
  if (from !== undefined)
    return { verdict: 'new', flags: [FLAG.moveTarget], evidence: [`It was moved here from ${from}.`] };
  const due = backupDueMs(h);
  const { ms, how } = bornMs(h, live);
  const born = `Born ${new Date(ms).toISOString()} (${how}).`;
  if (due !== null && ms > due)
    return { verdict: 'new', flags: [], evidence: [born, 'No backup is expected to have it yet.'] };
  return { verdict: 'unprotected', flags: [], evidence: [born, 'No snapshot of any backup ever had it.'] };
}

/**
 * What was born by then should be in a backup: the newest snapshot but one, or with one snapshot 24 h before it; of
 * several series the latest such time. Null without any snapshot: then everything should have been in one.
 */
function backupDueMs(h: History): number | null {
  const times = h.context.series.flatMap((track) => {
    const but1 = track.observers.at(-2);
    const last = track.observers.at(-1);
    const before = but1 === undefined ? undefined : h.context.observers[but1]?.scan.asOf.fromMs;
    const only = last === undefined ? undefined : h.context.observers[last]?.scan.asOf.fromMs;
    if (before !== undefined) return [before];
    return only === undefined ? [] : [only - DAY_MS];
  });
  return times.length === 0 ? null : Math.max(...times);
}

/**
 * Born after a live scan that lacked it, else at its btime, else at its ctime; never its mtime, which copying keeps.
 */
function bornMs(h: History, live: Sighting): { ms: number; how: string } {
  const { context } = h;
  const { btimeNs, ctimeNs } = live.version;
  const own =
    btimeNs > 0n ? { ms: Number(btimeNs / MS_NS), how: 'birth time' } : { ms: Number(ctimeNs / MS_NS), how: 'ctime' };
  const scans = context.liveTrack.observers;
  const lacked = scans.findLast((observer) => observer !== context.live && h.facts.sights[observer] === null);
  const lackedMs = lacked === undefined ? null : context.observers[lacked]?.scan.asOf.toMs;
  if (lacked !== undefined && lackedMs !== null && lackedMs !== undefined && lackedMs > own.ms)
    return { ms: lackedMs, how: `after ${nameOf(context, lacked)}, which lacked it` };
  // A ctime moves with every chmod: what an earlier scan saw was born by then.
  const seen = scans.find(
    (observer) => observer > (lacked ?? -1) && observer !== context.live && showsName(h, observer),
  );
  const seenMs = seen === undefined ? undefined : context.observers[seen]?.scan.asOf.toMs;
  if (seen !== undefined && seenMs !== undefined && seenMs < own.ms)
    return { ms: seenMs, how: `by ${nameOf(context, seen)}, which had it` };
  return own;
}

/** Row 14. */
function modified(h: History): Protection {
  const newest = newestSnapshots(h).find(({ sighting }) => sighting !== null);
  const evidence = newest === undefined ? [] : [`Changed since ${nameOf(h.context, newest.observer)}.`];
  return { verdict: 'modified', flags: [], evidence };
}
