// Why a path is gone or damaged: the signals that fired, and what they add up to (design.md section 6, "Cause").
import type { Cause } from '../assessment.ts';
import type { Surroundings } from '../facts.ts';
import { sameMtime } from '../version.ts';
import { overlaps } from './context.ts';
import type { Case, Sighting } from './sightings.ts';
import { nameOf } from './sightings.ts';

/** Fewer than this gone or left of one directory is no pattern: a person deletes three of ten, too. */
const SUBSET_GONE_MIN = 3;
const SUBSET_LEFT_MIN = 3;

type ParentMtime = 'unmoved' | 'moved' | 'unknown';

/**
 * Why a name is gone that was last seen by observer `lastSeen` and first lacking at `firstGone`. Silent: its directory's mtime did not
 * move, or another signal of loss fired while that is not known. Person: the mtime moved and no signal of loss fired, now or when an
 * earlier assessment found the same loss (an interval that ends with live now grows, and with it a burst fades). Else unknown.
 */
export function causeOfAbsence(c: Case, lastSeen: number, firstGone: number): Cause {
  const cause = causeNow(c, lastSeen, firstGone);
  const recorded = c.context.openFindings.get(c.facts.path);
  const before = recorded?.cause ?? null;
  if (cause.cause !== 'person' || before === null || before.cause === 'person') return cause;
  const seenMs = c.context.observers[lastSeen]?.scan.asOf.fromMs ?? 0;
  if (seenMs > (recorded?.goneMs ?? Infinity)) return cause;
  return { cause: before.cause, signals: [...new Set([...cause.signals, ...before.signals])] };
}

function causeNow(c: Case, lastSeen: number, firstGone: number): Cause {
  // A list tells neither directories nor owners, and what became of a name since nobody dated.
  if (c.context.observers[lastSeen]?.role === 'list')
    return { cause: 'unknown', signals: ['only a list that another tool made saw it last'] };
  const around = c.facts.surroundings;
  const parent = parentMtime(c, around?.parent ?? null, lastSeen, firstGone);
  const loss: string[] = [];
  if (overlaps(c.context.bursts, lastSeen, firstGone)) loss.push('it vanished in a burst');
  const siblings = around?.siblings ?? null;
  if (siblings !== null) {
    if (siblings.gone >= SUBSET_GONE_MIN && siblings.left >= SUBSET_LEFT_MIN)
      loss.push(`${siblings.gone} of ${siblings.gone + siblings.left} files of its directory vanished with it`);
    if (siblings.owners > 1) loss.push(`files of ${siblings.owners} owners vanished from its directory at once`);
  }
  const signals = [...parentSignal(parent, around?.parent?.path ?? null), ...loss];
  if (parent === 'unmoved') return { cause: 'silent', signals };
  if (parent === 'moved' && loss.length === 0) return { cause: 'person', signals };
  if (parent === 'unknown' && loss.length > 0) return { cause: 'silent', signals };
  return { cause: 'unknown', signals };
}

function parentSignal(parent: ParentMtime, path: string | null): string[] {
  const directory = path === null ? 'its directory' : path === '' ? "the volume's root" : `the directory ${path}`;
  if (parent === 'unmoved') return [`the mtime of ${directory} did not move`];
  return parent === 'moved' ? [`the mtime of ${directory} moved`] : [];
}

/**
 * Did the mtime of the nearest ancestor that is still there move between the two? Equal times prove that it did not. Unequal ones
 * prove a change only between observers that keep directories' times (a copying backup stamps its own), and not where a recorded
 * restore put names into that directory.
 */
function parentMtime(c: Case, parent: Surroundings['parent'], lastSeen: number, firstGone: number): ParentMtime {
  if (parent === null) return 'unknown';
  const before = parent.mtimes[lastSeen] ?? null;
  const after = parent.mtimes[firstGone] ?? null;
  if (before === null || after === null) return 'unknown';
  if (sameMtime(before, after)) return 'unmoved';
  const restoredMs = c.context.restoredInto.get(parent.path);
  const seenMs = c.context.observers[lastSeen]?.scan.asOf.fromMs ?? 0;
  if (restoredMs !== undefined && restoredMs >= seenMs) return 'unknown';
  if (after < before) return 'unknown';
  return keepsTimes(c, parent.mtimes, lastSeen) && keepsTimes(c, parent.mtimes, firstGone) ? 'moved' : 'unknown';
}

/**
 * The live volume keeps its own times. A backup is known to keep them where this directory's mtime was once equal at two of its
 * snapshots, or in it and live.
 */
function keepsTimes(c: Case, mtimes: readonly (bigint | null)[], observer: number): boolean {
  const volume = c.context.observers[observer]?.volume;
  const track = c.context.series.find((series) => series.volume === volume);
  if (track === undefined) return true;
  const times = (observers: readonly number[]): bigint[] => observers.flatMap((o) => mtimes[o] ?? []);
  const own = times(track.observers);
  const live = times(c.context.liveTrack.observers);
  return own.some((mtimeNs, i) => [...own.slice(i + 1), ...live].some((other) => sameMtime(mtimeNs, other)));
}

/** Why a path that is there is damaged. A damage that left the mtime alone came below the file system's own writes. */
export function causeOfDamage(c: Case, found: Sighting, lkg: Sighting | null, what: string): Cause {
  if (lkg !== null && found.kind === lkg.kind && found.kind === 'file' && sameMtime(found.mtimeNs, lkg.mtimeNs))
    return { cause: 'silent', signals: [what, `its mtime is that of ${nameOf(c.context, lkg.observer)}`] };
  return { cause: 'unknown', signals: [what] };
}
