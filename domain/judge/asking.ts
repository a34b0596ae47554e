// How judging asks for bytes that were not read yet: it yields what is to be read, and begins again from the facts with
// the answer. A reading may split a version or make an observation suspect, so nothing that was concluded without it is
// kept.
import type { PathFacts, Request } from '../facts.ts';
import type { History, Sighting } from './sightings.ts';

/**
 * A step of judging. It ends in its answer, or yields the copies that must be read before there is one; it is never
 * resumed.
 */
export type Judging<T> = Generator<readonly Request[], T, void>;

/**
 * Tries a step on growing facts. Yields what is to be read, and takes the facts with what came of it (failures too).
 * Never asks for the same copy twice, so it ends.
 */
export function* untilAnswered<T>(
  facts: PathFacts,
  step: (facts: PathFacts) => Judging<T>,
): Generator<readonly Request[], T, PathFacts> {
  for (let known = facts; ; ) {
    const tried = step(known).next();
    if (tried.done === true) return tried.value;
    known = yield tried.value;
  }
}

/** Asks for these copies. Never for one that was tried: the answer is in the facts. */
export function* needRead(
  h: History,
  sightings: readonly Sighting[],
  which: 'this' | 'another' = 'this',
): Judging<never> {
  if (sightings.length === 0) throw new Error(`nothing to read of ${h.facts.path}`);
  return yield* ask(
    sightings.map(({ observer }): Request => {
      if (wasRead(h, observer)) throw new Error(`asked twice to read ${h.facts.path}`);
      return which === 'another' ? { kind: 'read', observer, another: true } : { kind: 'read', observer };
    }),
  );
}

/** Asks how the bytes of two copies look beside each other. */
export function* needComparison(of: number, against: number): Judging<never> {
  return yield* ask([{ kind: 'compare', of, against }]);
}

function* ask(requests: readonly Request[]): Judging<never> {
  yield requests;
  throw new Error('a step of judging was resumed');
}

/** The copy can be read here: on disk, not on another host, and no attempt has failed. */
export function readable(h: History, sighting: Sighting): boolean {
  const { context } = h;
  const observer = context.observers[sighting.observer];
  if (observer === undefined || observer.scan.pruned !== null || observer.scan.exportedMs !== null) return false;
  const last = h.facts.readings.findLast((reading) => reading.observer === sighting.observer);
  if (last?.digest === null) return false;
  // Of the live volume only the state of now is on disk.
  return observer.role === 'backup' || sighting.observer === context.live;
}

export function wasRead(h: History, observer: number): boolean {
  return h.facts.readings.some((reading) => reading.observer === observer);
}

/** Its own bytes were read, by its scan or for this judging. */
export function isReadItself(h: History, { observer, version }: Sighting): boolean {
  return version.readSeq === h.context.observers[observer]?.scan.seq || wasRead(h, observer);
}

/** It can be read, and that was not tried yet. */
export function isUnread(h: History, sighting: Sighting): boolean {
  return readable(h, sighting) && !wasRead(h, sighting.observer);
}
