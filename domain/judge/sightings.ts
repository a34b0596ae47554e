// What judging says of one observation of a path: how it differs, where its copy is, whether it can be read.
import type { Observer, PathFacts, Request } from '../facts.ts';
import { orderIsEstimated } from '../snapshot-order.ts';
import type { Metadata, Version } from '../version.ts';
import { mayBeLink, sizesAgree } from '../version.ts';
import type { JudgeContext } from './context.ts';
import { overlapping } from './context.ts';
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

/** An answer that waits for copies to be read; what to read stands in the case's needs. */
export type Pending = 'pending';
export const PENDING: Pending = 'pending';

/** How an earlier observation looks. Undecided: one copy against one, so it is not known good, and not known bad either. */
export type Damage = 'none' | 'corrupt' | 'undecided' | 'truncated' | 'reverted';

/** One path on trial. Only needs and damages change while it is judged. */
export interface Case {
  readonly facts: PathFacts;
  readonly context: JudgeContext;
  /** Live now, where a listing saw it; what a gap hides or what is absent is null. */
  readonly live: Sighting | null;
  /** Everything but live now, oldest first. */
  readonly earlier: readonly Sighting[];
  readonly byObserver: ReadonlyMap<number, Sighting>;
  readonly needs: Request[];
  readonly damages: Map<number, Damage | Pending>;
  /** Whether the earlier observation of a rank looks damaged (judge/damage.ts), for the rows that judge/damage.ts itself is made of. */
  readonly damageAt: DamageAt;
}

export type DamageAt = (c: Case, rank: number) => Damage | Pending;

interface Seen {
  readonly observer: number;
}

/** Of two snapshots of one series: which is the newer one is an estimate, or their dates overlap. */
export function orderIsDoubtful(context: JudgeContext, a: Seen, b: Seen): boolean {
  const [left, right] = [context.observers[a.observer], context.observers[b.observer]];
  if (left?.role !== 'backup' || right?.role !== 'backup') return false;
  return orderIsEstimated(left.scan.asOf) || orderIsEstimated(right.scan.asOf) || overlapping(left, right);
}

/** Known to differ. Neither same nor different is a file that was not read: unread is not intact, and not damaged either. */
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

/** An earlier assessment could still compare these bytes: what it found damaged then does not become good by being overwritten. */
export function recordedDamage(c: Case, sighting: Sighting): Damage | null {
  const recorded = c.context.damaged.get(c.facts.path);
  if (recorded === undefined) return null;
  const observedKey = observedKeyOf(sighting);
  const seenMs = c.context.observers[sighting.observer]?.scan.asOf.toMs ?? Number.NEGATIVE_INFINITY;
  return recorded.find((one) => one.observedKey === observedKey && seenMs > one.afterMs)?.damage ?? null;
}

/** The copy can be read here: on disk, not on another host, and no attempt has failed. */
export function readable(c: Case, sighting: Sighting): boolean {
  const scan = c.context.observers[sighting.observer]?.scan;
  if (scan === undefined || scan.pruned !== null || scan.exportedMs !== null) return false;
  const last = c.facts.readings.findLast((reading) => reading.observer === sighting.observer);
  if (last?.digest === null) return false;
  // Of the live volume only the state of now is on disk.
  return c.context.observers[sighting.observer]?.role === 'backup' || sighting.observer === c.context.live;
}

/** In a snapshot that still exists, here or on the host that exported it. */
export function isOnDisk(c: Case, sighting: Sighting): boolean {
  return roleOf(c, sighting) === 'backup' && c.context.observers[sighting.observer]?.scan.pruned === null;
}

export function wasRead(c: Case, observer: number): boolean {
  return c.facts.readings.some((reading) => reading.observer === observer);
}

/** Asks for one copy to be read. Never for one that was tried: the answer is in the facts. */
export function needRead(c: Case, sighting: Sighting, which: 'this' | 'another' = 'this'): Pending {
  const { observer } = sighting;
  if (wasRead(c, observer)) throw new Error(`asked twice to read ${c.facts.path}`);
  c.needs.push(which === 'another' ? { kind: 'read', observer, another: true } : { kind: 'read', observer });
  return PENDING;
}

export function roleOf(c: Case, sighting: Sighting): Observer['role'] {
  return c.context.observers[sighting.observer]?.role ?? 'backup';
}

export function volumeOf(c: Case, sighting: Sighting): string {
  return c.context.observers[sighting.observer]?.volume ?? '';
}

/** Reads well in a sentence: 'nightly/2026-11-21', or 'live' with the time of the scan. */
export function nameOf(context: JudgeContext, observer: number): string {
  const seen = context.observers[observer];
  if (seen === undefined) return 'unknown';
  if (observer === context.live) return 'live now';
  if (seen.role === 'live') return `live at ${new Date(seen.scan.asOf.toMs).toISOString()}`;
  return `${seen.volume}/${seen.scan.snapshot ?? seen.scan.path}`;
}
