// Row 3: a name that is proven absent: deleted, moved, or missing.
import { isGap } from '../facts.ts';
import { inTrash } from '../places.ts';
import type { Verdict } from '../verdicts.ts';
import type { Acceptance } from './context.ts';
import { inLossInterval } from './context.ts';
import { acceptance } from './damage.ts';
import { expectedKeyOf, OBSERVED_ABSENT } from './keys.ts';
import { gapPath } from './live.ts';
import type { Case, Sighting } from './sightings.ts';

export interface Absence {
  readonly verdict: Extract<Verdict, 'deleted' | 'moved' | 'missing'>;
  readonly accepted: Acceptance | null;
  /** Where it stands now, or a candidate. */
  readonly movedTo: string | null;
  /** Null where no observer ever saw the name. */
  readonly lastSeen: number | null;
  readonly firstGone: number;
}

export function judgeAbsence(c: Case, lkg: Sighting | null): Absence {
  const { context, facts } = c;
  const lastSeen = lastSighting(c);
  const firstGone = firstProof(c, lastSeen);
  const accepted = acceptance(c, expectedKeyOf(lkg), OBSERVED_ABSENT);
  const moved = context.moves.moved.get(facts.path) ?? context.moves.later.get(facts.path) ?? null;
  const open = context.openFindings.has(facts.path);
  const base = { accepted, movedTo: null, lastSeen, firstGone };
  if (accepted !== null) return { ...base, verdict: 'deleted' };
  if (moved !== null) return { ...base, verdict: 'moved', movedTo: moved };
  const trashed = context.moves.trashed.get(facts.path) ?? null;
  if (trashed !== null || inTrash(facts.path)) return { ...base, verdict: 'deleted', movedTo: trashed };
  const displaced = context.moves.displaced.get(facts.path) ?? null;
  if (displaced !== null || context.moves.rewritten.has(facts.path))
    return { ...base, verdict: 'missing', movedTo: displaced };
  // What nobody ever saw cannot have been lost; only an open finding remembers it.
  const inWindow = lastSeen !== null && inLossInterval(context, lastSeen, firstGone);
  if (!inWindow && !open) return { ...base, verdict: 'deleted' };
  return { ...base, verdict: 'missing', movedTo: context.moves.candidates.get(facts.path) ?? null };
}

/** The newest observer that saw the name. A gap on the name itself is an observation that it exists. */
export function lastSighting(c: Case): number | null {
  const last = c.facts.sights.findLastIndex(
    (sight, observer) =>
      observer !== c.context.live && sight !== null && sight !== undefined && (!isGap(sight) || showsName(c, observer)),
  );
  return last < 0 ? null : last;
}

/** The observer's listing held the name, whether or not it could be looked at. */
export function showsName(c: Case, observer: number): boolean {
  const sight = c.facts.sights[observer] ?? null;
  if (sight === null) return false;
  return !isGap(sight) || (sight.status !== 'boundary' && gapPath(sight) === c.facts.path);
}

/** The first proof of absence after the last sighting: in a series that has had the path, or on the live volume. */
function firstProof(c: Case, lastSeen: number | null): number {
  const { context, facts } = c;
  for (let observer = (lastSeen ?? -1) + 1; observer < context.live; observer++)
    if (facts.sights[observer] === null && hasHad(c, observer)) return observer;
  return context.live;
}

/** An absence counts only in a series that has had the path. The live volume is what backups follow: its absences always count. */
export function hasHad(c: Case, observer: number): boolean {
  const { context } = c;
  const volume = context.observers[observer]?.volume;
  if (volume === context.liveTrack.volume) return true;
  const track = [...context.series, ...context.lists].find((series) => series.volume === volume);
  return track?.observers.some((earlier) => earlier < observer && showsName(c, earlier)) ?? false;
}
