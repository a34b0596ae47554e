// What judging says of one observation of a path: how it differs from another, where its copy is, and whether it fell
// into a loss interval.
import type { Observer, PathFacts } from '../facts.ts';
import { orderIsEstimated } from '../snapshot-order.ts';
import type { Metadata, Version } from '../version.ts';
import { mayBeLink, same, sizesAgree } from '../version.ts';
import type { JudgeContext } from './context.ts';
import { inLossInterval, overlapping } from './context.ts';
import { observedKeyOf } from './keys.ts';

/** One good observation. Digest and suspect are what is known after the readings, which may split a version. */
export interface Sighting extends Metadata {
  readonly observer: number;
  /** Place in the path's history; live now has the last. */
  readonly rank: number;
  readonly digest: bigint | null;
  /** What this content looks like, wherever it was read: as Proof.zeroFrom. */
  readonly zeroFrom: number | null;
  readonly suspect: boolean;
  readonly version: Version;
}

/**
 * How an earlier observation looks. Undecided: one copy against one, so it is not known good, and not known bad either.
 */
export type Damage = 'none' | 'corrupt' | 'undecided' | 'truncated' | 'reverted';

/** One path on trial: its facts, and what they say it was, in order. */
export interface History {
  readonly facts: PathFacts;
  readonly context: JudgeContext;
  /** Live now, where a listing saw it; what a gap hides or what is absent is null. */
  readonly live: Sighting | null;
  /** Everything but live now, oldest first. */
  readonly earlier: readonly Sighting[];
  readonly byObserver: ReadonlyMap<number, Sighting>;
  /** By rank: how earlier observations look, as far as anybody has asked (judge/damage.ts). */
  readonly damages: Map<number, Damage>;
}

interface Seen {
  readonly observer: number;
}

/** Of two snapshots of one series: which is the newer one is an estimate, or their dates overlap. */
export function orderIsDoubtful(context: JudgeContext, a: Seen, b: Seen): boolean {
  const [left, right] = [context.observers[a.observer], context.observers[b.observer]];
  if (left?.role !== 'backup' || right?.role !== 'backup') return false;
  return orderIsEstimated(left.scan.asOf) || orderIsEstimated(right.scan.asOf) || overlapping(left, right);
}

/**
 * Known to differ. Neither same nor different is a file that was not read: unread is not intact, and not damaged
 * either.
 */
export function differs(a: Metadata & { digest: bigint | null }, b: Metadata & { digest: bigint | null }): boolean {
  if (a.kind !== b.kind) return !mayBeLink(a, b);
  switch (a.kind) {
    case 'file':
      return !sizesAgree(a, b) || (a.digest !== null && b.digest !== null && a.digest !== b.digest);
    case 'symlink':
      return a.target !== b.target;
    case 'char-device':
    case 'block-device':
      return a.rdev !== b.rdev;
    case 'directory':
    case 'fifo':
    case 'socket':
      return false;
  }
}

/**
 * An earlier assessment could still compare these bytes: what it found damaged then does not become good by being
 * overwritten.
 */
export function recordedDamage(h: History, sighting: Sighting): Damage | null {
  const recorded = h.context.damaged.get(h.facts.path);
  if (recorded === undefined) return null;
  const observedKey = observedKeyOf(sighting);
  const seenMs = h.context.observers[sighting.observer]?.scan.asOf.toMs ?? Number.NEGATIVE_INFINITY;
  return recorded.find((one) => one.observedKey === observedKey && seenMs > one.afterMs)?.damage ?? null;
}

export function changedInLoss(h: History, before: Sighting, after: Sighting): boolean {
  const from = Math.min(before.observer, after.observer);
  return inLossInterval(h.context, from, Math.max(before.observer, after.observer));
}

/**
 * The change that made this content happened in a loss interval: the step into the run of equal observations that ends
 * with it.
 */
export function runBeganInLoss(h: History, judged: Sighting): boolean {
  // What was found so once does not become good by intervals that are fewer today.
  if (recordedDamage(h, judged) !== null) return true;
  let first = judged;
  for (let i = judged.rank - 1; i >= 0; i--) {
    const before = h.earlier[i];
    if (before === undefined) return false;
    if (!same(before, judged)) return changedInLoss(h, before, first);
    first = before;
  }
  return false;
}

/** In a snapshot that still exists, here or on the host that exported it. */
export function isOnDisk(h: History, sighting: Sighting): boolean {
  return roleOf(h, sighting) === 'backup' && h.context.observers[sighting.observer]?.scan.pruned === null;
}

export function roleOf(h: History, sighting: Sighting): Observer['role'] {
  return h.context.observers[sighting.observer]?.role ?? 'backup';
}

export function volumeOf(h: History, sighting: Sighting): string {
  return h.context.observers[sighting.observer]?.volume ?? '';
}

/** Reads well in a sentence: 'nightly/2026-11-21', or 'live' with the time of the scan. */
export function nameOf(context: JudgeContext, observer: number): string {
  const seen = context.observers[observer];
  if (seen === undefined) return 'unknown';
  if (observer === context.live) return 'live now';
  if (seen.role === 'live') return `live at ${new Date(seen.scan.asOf.toMs).toISOString()}`;
  return `${seen.volume}/${seen.scan.snapshot ?? seen.scan.path}`;
}
