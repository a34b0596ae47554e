// The history of one path as judging sees it: its good observations in order, each with the digest that is known of it.
import type { Observer, PathFacts, Reading, Request } from '../facts.ts';
import { isGap } from '../facts.ts';
import { orderIsEstimated } from '../snapshot-order.ts';
import type { Metadata, Version } from '../version.ts';
import { isTold, mayBeLink, quiet, same, sizesAgree } from '../version.ts';
import type { JudgeContext, Track } from './context.ts';
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

interface Draft {
  readonly observer: number;
  readonly version: Version;
  readonly digest: bigint | null;
  /** What the version holds where nothing else is known of a copy: its own digest, else that of its first copy read. */
  readonly base: bigint | null;
  /** Its reading was of the very copy that the version's digest was read from: that one has other bytes since. */
  readonly wasProof: boolean;
}

export function openCase(facts: PathFacts, context: JudgeContext, damageAt: DamageAt): Case {
  const tracks = [context.liveTrack, ...context.series, ...context.lists].map((track) =>
    draftsOf(track, facts, context),
  );
  const drafts = mergeTracks(tracks, context);
  const sightings = findSuspects(drafts, acceptedKeys(facts, context), facts, context);
  const byObserver = new Map(sightings.map((sighting) => [sighting.observer, sighting]));
  return {
    facts,
    context,
    live: byObserver.get(context.live) ?? null,
    earlier: sightings.filter((sighting) => sighting.observer !== context.live),
    byObserver,
    needs: [],
    damages: new Map(),
    damageAt,
  };
}

function acceptedKeys(facts: PathFacts, context: JudgeContext): ReadonlySet<string> {
  return new Set((context.accepted.get(facts.path) ?? []).map((acceptance) => acceptance.observedKey));
}

/** The good observations of one volume. One version is a run of observers; readings within it may tell parts of it apart. */
function draftsOf(track: Track, facts: PathFacts, context: JudgeContext): Draft[] {
  const drafts: Draft[] = [];
  let run: { readonly version: Version; readonly members: number[] } | null = null;
  const close = (): void => {
    if (run !== null) drafts.push(...splitRun(run.version, run.members, facts.readings));
    run = null;
  };
  for (const observer of track.observers) {
    const sight = facts.sights[observer] ?? null;
    if (sight === null) close();
    else if (!isGap(sight)) {
      if (run === null || run.version.firstSeq !== sight.firstSeq) {
        close();
        run = { version: sight, members: [observer] };
      } else run.members.push(observer);
    }
  }
  close();
  return inOrder(drafts, context);
}

/**
 * Where the order of two snapshots of one series rests on an estimate, or their dates overlap, the mtime tells which state is the newer one: a copy
 * with a newer mtime is never passed over. Certain neighbours stay as they are.
 */
function inOrder(drafts: Draft[], context: JudgeContext): Draft[] {
  for (let i = 1; i < drafts.length; i++) {
    for (let k = i; k > 0; k--) {
      const [before, after] = [drafts[k - 1], drafts[k]];
      if (before === undefined || after === undefined || !orderIsDoubtful(context, before, after)) break;
      if (isTold(before.version) || isTold(after.version) || before.version.mtimeNs <= after.version.mtimeNs) break;
      [drafts[k - 1], drafts[k]] = [after, before];
    }
  }
  return drafts;
}

/**
 * A read that differs splits the version: that copy has the digest of its own reading. A copy without one has the version's digest, or,
 * where the version was only listed, that of the nearest reading at or before it, else after it.
 */
function splitRun(version: Version, members: readonly number[], readings: readonly Reading[]): Draft[] {
  if (readings.length === 0)
    return members.map((observer) => ({
      observer,
      version,
      digest: version.digest,
      base: version.digest,
      wasProof: false,
    }));
  const own = members.map((observer) =>
    (version.kind === 'file' ? readings : []).findLast((r) => r.observer === observer && r.digest !== null),
  );
  const digests = own.map((reading) => reading?.digest ?? null);
  const base = version.digest ?? digests.find((digest) => digest !== null) ?? null;
  return members.map((observer, k) => {
    const nearest = (): bigint | null => digests.slice(0, k + 1).findLast((digest) => digest !== null) ?? base;
    const digest = digests[k] ?? version.digest ?? nearest();
    return { observer, version, digest, base, wasProof: isProofOf(version, own[k]) };
  });
}

/** A copy is known again by inode and ctime: rot below the file system moves neither. */
function isProofOf(version: Version, reading: Reading | undefined): boolean {
  return version.digest !== null && version.inode === reading?.inode && version.ctimeNs === reading.ctimeNs;
}

/**
 * Merges the volumes' histories by as_of. Where the as_of of two volumes overlap, the file's mtime tells which state is the newer one,
 * then its ctime. Within a volume seq is the order where it is certain, whatever mtimes say: a revert must stay visible. Live now is the last.
 */
function mergeTracks(tracks: readonly Draft[][], context: JudgeContext): Draft[] {
  const asObserved = tracks.every((track) =>
    track.every((draft, i) => i === 0 || (track[i - 1]?.observer ?? 0) < draft.observer),
  );
  if (!context.datesOverlap && asObserved) return tracks.flat().sort((a, b) => a.observer - b.observer);
  const open = tracks.filter((track) => track.length > 0).map((drafts) => ({ drafts, next: 0 }));
  const merged: Draft[] = [];
  for (;;) {
    let first: { drafts: Draft[]; next: number } | null = null;
    let best: Draft | null = null;
    for (const track of open) {
      const head = track.drafts[track.next];
      if (head === undefined || open.some((other) => wholly(other.drafts[other.next], head, context))) continue;
      if (best !== null && !isOlder(head, best, context)) continue;
      best = head;
      first = track;
    }
    if (first === null || best === null) return merged;
    merged.push(best);
    first.next++;
  }
}

/** The first was taken before the second for certain. */
function wholly(a: Draft | undefined, b: Draft, context: JudgeContext): boolean {
  return a !== undefined && a.observer < b.observer && !ambiguous(a, b, context);
}

function isOlder(a: Draft, b: Draft, context: JudgeContext): boolean {
  if (ambiguous(a, b, context) && !isTold(a.version) && !isTold(b.version)) {
    if (a.version.mtimeNs !== b.version.mtimeNs) return a.version.mtimeNs < b.version.mtimeNs;
    if (a.version.ctimeNs !== b.version.ctimeNs) return a.version.ctimeNs < b.version.ctimeNs;
  }
  return a.observer < b.observer;
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

function ambiguous(a: Draft, b: Draft, context: JudgeContext): boolean {
  if (a.observer === context.live || b.observer === context.live) return false;
  const left = context.observers[a.observer];
  const right = context.observers[b.observer];
  return left !== undefined && right !== undefined && overlapping(left, right);
}

/**
 * Suspect is what changed under the same size and mtime: as a scan found it, or a reading of this judging. A suspect digest that was seen
 * earlier above suspicion is known content: a restored file is not suspect. What is seen first in a suspect observation stays suspect in
 * every later copy: a backup that took it over is no witness for it. Of a backup's copy the flag says only which bytes were read first: where
 * other bytes are known too, the copies have a vote each (judge/votes.ts), and nobody is branded for being read second.
 */
function findSuspects(
  drafts: readonly Draft[],
  accepted: ReadonlySet<string>,
  facts: PathFacts,
  context: JudgeContext,
): Sighting[] {
  const known = (of: Draft, digest: bigint | null): boolean =>
    drafts.some(
      (other) =>
        other.version !== of.version &&
        !other.version.suspect &&
        other.version.kind === 'file' &&
        sizesAgree(other.version, of.version) &&
        other.digest === digest,
    );
  const isSuspect = (draft: Draft): boolean => {
    if (context.observers[draft.observer]?.role === 'backup') {
      const others = drafts.some(
        (other) => other.digest !== null && other.digest !== draft.digest && quiet(other.version, draft.version),
      );
      return draft.version.suspect && !others;
    }
    if (draft.digest !== draft.base)
      return !known(draft, draft.digest) && (draft.version.suspect || draft.wasProof || known(draft, draft.base));
    if (draft.version.suspect) return true;
    return drafts.some(
      (other) =>
        other.version === draft.version &&
        other.digest !== draft.base &&
        known(other, other.digest) &&
        !known(draft, draft.base),
    );
  };
  const trusted: Sighting[] = [];
  const tainted: Sighting[] = [];
  // Almost every path: no reading differed and no scan was suspicious, so there is nobody to ask.
  const doubtful = drafts.some((draft) => draft.digest !== draft.base || draft.version.suspect);
  return drafts.map((draft, rank) => {
    const { observer, version, digest } = draft;
    const { kind, mode, uid, gid, size, mtimeNs, target, rdev } = metadataOf(draft, rank, drafts);
    const clean: Sighting = {
      kind,
      mode,
      uid,
      gid,
      size,
      mtimeNs,
      target,
      rdev,
      observer,
      rank,
      digest,
      zeroFrom: zeroFromOf(draft, size, drafts, facts),
      version,
      suspect: false,
    };
    const relieved =
      !doubtful ||
      (!isSuspect(draft) && !tainted.some((earlier) => same(earlier, clean))) ||
      (accepted.size > 0 && accepted.has(observedKeyOf(clean))) ||
      (kind === 'file' && digest !== null && trusted.some((earlier) => same(earlier, clean)));
    if (doubtful) (relieved ? trusted : tainted).push(clean);
    return relieved ? clean : { ...clean, suspect: true };
  });
}

/** Equal bytes look alike wherever they were read: of its own reading, of its version, else of any other copy. */
function zeroFromOf(
  { version, digest }: Draft,
  size: number | null,
  drafts: readonly Draft[],
  { readings }: PathFacts,
): number | null {
  if (version.kind !== 'file' || digest === null) return null;
  if (version.digest === digest && version.zeroFrom !== null) return version.zeroFrom;
  const alike = drafts.filter((draft) => draft.version.size === size);
  const held = alike.find((draft) => draft.version.digest === digest && draft.version.zeroFrom !== null);
  if (held !== undefined) return held.version.zeroFrom;
  const read = readings.find(
    (reading) =>
      reading.digest === digest &&
      (reading.zeroFrom ?? null) !== null &&
      alike.some(({ observer }) => observer === reading.observer),
  );
  return read?.zeroFrom ?? null;
}

/** A list tells content and no metadata: those of the nearest other observation of that content, an earlier one first, hold for it too. */
function metadataOf(draft: Draft, rank: number, drafts: readonly Draft[]): Metadata {
  if (!isTold(draft.version) || draft.digest === null) return draft.version;
  const hasIt = ({ version, digest }: Draft): boolean =>
    !isTold(version) &&
    version.kind === 'file' &&
    !version.suspect &&
    digest === draft.digest &&
    sizesAgree(version, draft.version);
  const other = drafts.slice(0, rank).findLast(hasIt) ?? drafts.slice(rank + 1).find(hasIt);
  return other?.version ?? draft.version;
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
