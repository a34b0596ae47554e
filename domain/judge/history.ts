// The history of one path as judging sees it: its good observations in order, each with the digest that is known of it.
import type { PathFacts, Reading } from '../facts.ts';
import { isGap } from '../facts.ts';
import type { Metadata, Version } from '../version.ts';
import { isFromList, quiet, same, sizesAgree } from '../version.ts';
import type { JudgeContext, Track } from './context.ts';
import { overlapping } from './context.ts';
import { observedKeyOf } from './keys.ts';
import type { History, Sighting } from './sightings.ts';
import { orderIsDoubtful } from './sightings.ts';

interface Draft {
  readonly observer: number;
  readonly version: Version;
  readonly digest: bigint | null;
  /** What the version holds where nothing else is known of a copy: its own digest, else that of its first copy read. */
  readonly base: bigint | null;
  /** Its reading was of the very copy that the version's digest was read from: that one has other bytes since. */
  readonly wasProof: boolean;
}

export function historyOf(facts: PathFacts, context: JudgeContext): History {
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
    damages: new Map(),
  };
}

function acceptedKeys(facts: PathFacts, context: JudgeContext): ReadonlySet<string> {
  return new Set((context.accepted.get(facts.path) ?? []).map((acceptance) => acceptance.observedKey));
}

/**
 * The good observations of one volume. One version is a run of observers; readings may split it into
 * parts.
 */
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
 * Where the order of two snapshots of one series rests on an estimate, or their dates overlap, the mtime tells which
 * state is the newer one: a copy with a newer mtime is never passed over. Certain neighbours stay as they are.
 */
function inOrder(drafts: Draft[], context: JudgeContext): Draft[] {
  for (let i = 1; i < drafts.length; i++) {
    for (let k = i; k > 0; k--) {
      const [before, after] = [drafts[k - 1], drafts[k]];
      if (before === undefined || after === undefined || !orderIsDoubtful(context, before, after)) break;
      if (isFromList(before.version) || isFromList(after.version) || before.version.mtimeNs <= after.version.mtimeNs)
        break;
      [drafts[k - 1], drafts[k]] = [after, before];
    }
  }
  return drafts;
}

/**
 * A read that differs splits the version: that copy has the digest of its own reading. A copy without one has the
 * version's digest, or, where the version was only listed, that of the nearest reading at or before it, else after it.
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
 * Merges the volumes' histories by as_of. Where the as_of of two volumes overlap, the file's mtime decides which state
 * is the newer one, then its ctime. Within a volume seq is the order where it is certain, whatever mtimes say: a revert
 * must stay visible. Live now is the last.
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
  if (ambiguous(a, b, context) && !isFromList(a.version) && !isFromList(b.version)) {
    if (a.version.mtimeNs !== b.version.mtimeNs) return a.version.mtimeNs < b.version.mtimeNs;
    if (a.version.ctimeNs !== b.version.ctimeNs) return a.version.ctimeNs < b.version.ctimeNs;
  }
  return a.observer < b.observer;
}

function ambiguous(a: Draft, b: Draft, context: JudgeContext): boolean {
  if (a.observer === context.live || b.observer === context.live) return false;
  const left = context.observers[a.observer];
  const right = context.observers[b.observer];
  return left !== undefined && right !== undefined && overlapping(left, right);
}

/**
 * Suspect is what changed under the same size and mtime: as a scan found it, or a reading of this judging. A suspect
 * digest that was seen earlier above suspicion is known content: a restored file is not suspect. What is seen first in
 * a suspect observation stays suspect in every later copy: a backup that took it over is no witness for it. Of a
 * backup's copy the flag says only which bytes were read first: where other bytes are known too, the copies have a vote
 * each (judge/votes.ts), and none is suspect because it was read second.
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
  // Almost every path: no reading differed and no scan was suspicious, so there is nothing to check.
  const doubtful = drafts.some((draft) => draft.digest !== draft.base || draft.version.suspect);
  return drafts.map((draft, rank) => {
    const clean = sightingOf(draft, rank, drafts, facts);
    const relieved =
      !doubtful ||
      (!isSuspect(draft) && !tainted.some((earlier) => same(earlier, clean))) ||
      (accepted.size > 0 && accepted.has(observedKeyOf(clean))) ||
      (clean.kind === 'file' && clean.digest !== null && trusted.some((earlier) => same(earlier, clean)));
    if (doubtful) (relieved ? trusted : tainted).push(clean);
    return relieved ? clean : { ...clean, suspect: true };
  });
}

/** One literal: judging a long history spends most of its time here, and spread objects took ten times as long. */
function sightingOf(draft: Draft, rank: number, drafts: readonly Draft[], facts: PathFacts): Sighting {
  const { observer, version, digest } = draft;
  const { kind, mode, uid, gid, size, mtimeNs, target, rdev } = metadataOf(draft, rank, drafts);
  return {
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

/**
 * A list has content and no metadata: the metadata of the nearest other observation of that content, an earlier one
 * first, is used for it too.
 */
function metadataOf(draft: Draft, rank: number, drafts: readonly Draft[]): Metadata {
  if (!isFromList(draft.version) || draft.digest === null) return draft.version;
  const hasIt = ({ version, digest }: Draft): boolean =>
    !isFromList(version) &&
    version.kind === 'file' &&
    !version.suspect &&
    digest === draft.digest &&
    sizesAgree(version, draft.version);
  const other = drafts.slice(0, rank).findLast(hasIt) ?? drafts.slice(rank + 1).find(hasIt);
  return other?.version ?? draft.version;
}
