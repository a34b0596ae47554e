// What a person has accepted: a pair of what was expected and what was found.
import type { Acceptance } from './context.ts';
import type { History } from './sightings.ts';

export function acceptance(h: History, expectedKey: string, observedKey: string): Acceptance | null {
  const accepted = h.context.accepted.get(h.facts.path) ?? [];
  return accepted.find((pair) => pair.expectedKey === expectedKey && pair.observedKey === observedKey) ?? null;
}
