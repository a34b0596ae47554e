// Row 3 (docs/design.md#row-3): a name that is proven absent: deleted, moved, or missing. How it went comes before
// when.
import type { Absence } from '../absence/witness.ts';
import { showsName as shows } from '../absence/witness.ts';
import { inTrash } from '../places.ts';
import type { Verdict } from '../verdicts.ts';
import { INTERVALS_KNOWN_MIN } from '../window/intervals.ts';
import type { Acceptance, Place } from './context.ts';
import { placeIn } from './context.ts';
import { acceptance } from './acceptance.ts';
import { expectedKeyOf, OBSERVED_ABSENT } from './keys.ts';
import type { History, Sighting } from './sightings.ts';

export interface AbsenceVerdict {
  readonly verdict: Extract<Verdict, 'deleted' | 'moved' | 'missing'>;
  readonly accepted: Acceptance | null;
  /** Where it is now, or a candidate. */
  readonly movedTo: string | null;
  readonly absence: Absence;
  readonly place: Place;
  /**
   * Nothing but interval rule 1 (docs/design.md#interval-1) calls it lost: its directory was touched in a night that
   * took others in silence.
   */
  readonly isUncertain: boolean;
}

export function judgeAbsence(h: History, lkg: Sighting | null): AbsenceVerdict {
  const { context, facts } = h;
  const absence = facts.surroundings?.absence ?? untold(h);
  const place = placeIn(context, absence.seen ?? -1, absence.gone);
  const accepted = acceptance(h, expectedKeyOf(lkg), OBSERVED_ABSENT);
  const moved = context.moves.moved.get(facts.path) ?? context.moves.later.get(facts.path) ?? null;
  const open = context.openFindings.get(facts.path);
  const base = { accepted, movedTo: null, absence, place, isUncertain: false };
  if (accepted !== null) return { ...base, verdict: 'deleted' };
  if (moved !== null) return { ...base, verdict: 'moved', movedTo: moved };
  const trashed = context.moves.trashed.get(facts.path) ?? null;
  if (trashed !== null || inTrash(facts.path)) return { ...base, verdict: 'deleted', movedTo: trashed };
  const displaced = context.moves.displaced.get(facts.path) ?? null;
  if (displaced !== null || context.moves.rewritten.has(facts.path))
    return { ...base, verdict: 'missing', movedTo: displaced };
  if (!isLost(h, absence, place) && open === undefined) return { ...base, verdict: 'deleted' };
  const isCertain = isLost(h, absence, {
    ...place,
    rules: new Set([...place.rules].filter((rule) => rule !== 'silent')),
  });
  const isUncertain = !isCertain && (open === undefined || open?.isUncertain === true);
  return { ...base, verdict: 'missing', movedTo: context.moves.candidates.get(facts.path) ?? null, isUncertain };
}

function isLost(h: History, { seen, how }: Absence, place: Place): boolean {
  // What was never seen cannot have been lost.
  if (seen === null) return false;
  if (how === 'silent' || place.isSince || place.rules.size > 0) return true;
  if (how === 'touched') return false;
  // What only a list names has no date: nothing shows that it went in the ordinary way.
  return place.isBeside || place.known < INTERVALS_KNOWN_MIN || h.context.observers[seen]?.role === 'list';
}

/** Where the directories were not asked. */
function untold(h: History): Absence {
  return { seen: lastSighting(h), gone: h.context.live, how: 'untold', signals: [] };
}

/** The newest observer that saw the name. A gap on the name itself is an observation that it exists. */
export function lastSighting(h: History): number | null {
  for (let observer = h.context.live - 1; observer >= 0; observer--) if (showsName(h, observer)) return observer;
  return null;
}

/** The observer's listing held the name, whether or not it could be looked at. */
export function showsName(h: History, observer: number): boolean {
  return shows(h.facts, observer);
}

/**
 * An absence counts only in a series that has had the path. The live volume is what backups follow: its absences always
 * count.
 */
export function hasHad(h: History, observer: number): boolean {
  const { context } = h;
  const volume = context.observers[observer]?.volume;
  if (volume === context.liveTrack.volume) return true;
  const track = [...context.series, ...context.lists].find((series) => series.volume === volume);
  return track?.observers.some((earlier) => earlier < observer && showsName(h, earlier)) ?? false;
}
