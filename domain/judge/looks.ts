// What contents look like beside one another: zeros, beginnings. Bytes that are not known are asked for.
import type { Comparison } from '../facts.ts';
import { same } from '../version.ts';
import { type Judging, needComparison, needRead, readable, wasRead } from './asking.ts';
import type { History, Sighting } from './sightings.ts';
import { roleOf } from './sightings.ts';

/** Pairs of copies that are tried before the bytes count as not to be had. */
const COMPARE_ATTEMPTS_MAX = 3;

/**
 * Reads what a content looks like where that is not known: of a copy that nobody read, or that was read before looks
 * were recorded.
 */
export function* needLooks(h: History, content: Sighting): Judging<void> {
  if (content.kind !== 'file' || content.size === 0 || content.zeroFrom !== null) return;
  const copy = copiesOf(h, content).find((observer) => !wasRead(h, observer));
  const sighting = copy === undefined ? undefined : h.byObserver.get(copy);
  if (sighting !== undefined) yield* needRead(h, [sighting]);
}

/**
 * The comparison of these two contents, wherever copies of them were compared; asks for one; null where none can be
 * made.
 */
export function* comparisonOf(h: History, judged: Sighting, lkg: Sighting): Judging<Comparison | null> {
  const standsFor = (observer: number, content: Sighting): boolean => {
    const sighting = h.byObserver.get(observer);
    return sighting !== undefined && alike(sighting, content);
  };
  const tried = h.facts.comparisons.filter(
    (comparison) => standsFor(comparison.of, judged) && standsFor(comparison.against, lkg),
  );
  const done = tried.find((comparison) => comparison.errno === null);
  if (done !== undefined || tried.length >= COMPARE_ATTEMPTS_MAX) return done ?? null;
  for (const of of copiesOf(h, judged))
    for (const against of copiesOf(h, lkg))
      if (!tried.some((one) => one.of === of && one.against === against)) return yield* needComparison(of, against);
  return null;
}

/** Observers where a copy of this content can be read here: live now first, then the newest snapshots. */
function copiesOf(h: History, content: Sighting): number[] {
  const { live } = h;
  const copies = h.earlier
    .filter((sighting) => roleOf(h, sighting) === 'backup' && alike(sighting, content) && readable(h, sighting))
    .map((sighting) => sighting.observer)
    .reverse();
  return live !== null && alike(live, content) && readable(h, live) ? [h.context.live, ...copies] : copies;
}

function alike(a: Sighting, b: Sighting): boolean {
  return a.observer === b.observer || same(a, b) || (a.version === b.version && a.digest === b.digest);
}
