// What judging one path is based on besides the path's own facts: the observers, the loss intervals, the moves, and
// what people have decided. Built once per assessment by services/judge; everything here is data, and everything that
// judges reads it from here.
import type { Cause, Recovery, State } from '../assessment.ts';
import type { BrickEvidence, CopyOnBrick } from '../gluster/evidence.ts';
import type { DamageVerdict, Verdict } from '../verdicts.ts';
import type { Observer } from '../facts.ts';
import { parentOf } from '../path.ts';
import { type LossInterval, type LossRule, placeOf } from '../window/intervals.ts';
import type { Moves } from '../window/moves.ts';

/**
 * A stretch between two observers, by index, half-open like a version's interval: what happened after `from` was taken
 * and not later than `to` was. Indices and not times, so that a snapshot that is only dated to a day has the same place
 * in every comparison.
 */
export interface Reach {
  readonly from: number;
  readonly to: number;
}

/** A person's `accept`: this pair of keys (judge/keys.ts) is how things should be. */
export interface Acceptance {
  readonly expectedKey: string;
  readonly observedKey: string;
  readonly reason: string;
  readonly atMs: number;
}

/**
 * What an earlier assessment found damaged, and nobody has accepted. Its bytes may be gone by now, and this is the
 * only proof left.
 */
export interface RecordedDamage {
  readonly observedKey: string;
  readonly damage: DamageVerdict;
  /**
   * Last good sighting, ms since 1970: what bore the same key before that was not yet damaged (a reverted file has the
   * key of an older good one).
   */
  readonly afterMs: number;
}

/** An open finding of an earlier assessment. */
export interface RecordedLoss {
  /** Why the path was gone, as judged then; null where it was damaged instead. */
  readonly cause: Cause | null;
  /** First proof, ms since 1970: who has seen the path later has seen it come back. Null where no interval is known. */
  readonly goneMs: number | null;
  /** Only its neighbours of that night called it lost. */
  readonly isUncertain: boolean;
}

export interface JudgeInput {
  /**
   * Ordered by as_of (ties: backups before live, then seq). The last is live now. Complete scans only, pruned ones too.
   */
  readonly observers: readonly Observer[];
  /** All intervals of all series, with what makes some of them loss intervals (docs/design.md#loss-intervals). */
  readonly intervals: readonly LossInterval[];
  /** What --since covers: all that happened in it counts as lost. */
  readonly since: Reach | null;
  /** What findMoves found among what vanished and what appeared. */
  readonly moves: Moves;
  /** By path. An acceptance is spent, and no longer given here, once its path was seen same as expected again. */
  readonly accepted: ReadonlyMap<string, readonly Acceptance[]>;
  /** Paths that a recorded restore put there, with its time in ms. */
  readonly restored: ReadonlyMap<string, number>;
  /**
   * By path; null where it is missing for another reason than an earlier assessment. A loss does not become a deletion
   * by waiting.
   */
  readonly openFindings: ReadonlyMap<string, RecordedLoss | null>;
  /** By path. */
  readonly damaged: ReadonlyMap<string, readonly RecordedDamage[]>;
  /** Content on the bricks that has no name, by contentKey(); left out where there is none. */
  readonly orphans?: ReadonlyMap<string, readonly CopyOnBrick[]>;
  readonly backupDeclared: boolean;
  /** `--side backup`: where one copy contradicts another, believe the backup's. */
  readonly side: 'backup' | null;
}

/** A volume's observers by index, in order. */
export interface Track {
  readonly volume: string;
  readonly role: Observer['role'];
  readonly observers: readonly number[];
  /** The newest one that is still on disk; for the live volume, live now. Null where all are pruned. */
  readonly newest: number | null;
}

export interface JudgeContext extends JudgeInput {
  /** Index of live now. */
  readonly live: number;
  readonly liveTrack: Track;
  /** Target of a move → where it came from. */
  readonly targets: ReadonlyMap<string, string>;
  /** The backup series, in order of name. */
  readonly series: readonly Track[];
  /** Lists that other tools made of one of these volumes. */
  readonly lists: readonly Track[];
  /** Some as_of of two volumes overlap: then a path's mtimes decide which state is the newer one (judge/history.ts). */
  readonly datesOverlap: boolean;
  /** Directories that a repair of the file system took names from. */
  readonly displacedFrom: ReadonlySet<string>;
  /** Answers of placeOf that were given before. */
  readonly places: Map<string, Place>;
}

/** When something happened, in terms of the loss intervals. */
export interface Place {
  readonly rules: ReadonlySet<LossRule>;
  /** --since covers it. */
  readonly isSince: boolean;
  /** Next to a burst. */
  readonly isBeside: boolean;
  /** How many intervals the series has that dates it. */
  readonly known: number;
}

/**
 * Adds what follows from the input. Throws where the observers are not in order of their series, or do not end with
 * live now.
 */
export function judgeContext(input: JudgeInput): JudgeContext {
  const live = input.observers.length - 1;
  if (input.observers[live]?.role !== 'live') throw new Error('the last observer is not live now');
  const byVolume = new Map<string, { role: Observer['role']; observers: number[]; newest: number | null }>();
  input.observers.forEach((observer, index) => {
    const track = byVolume.get(observer.volume) ?? { role: observer.role, observers: [], newest: null };
    const before = track.observers.at(-1);
    if (before !== undefined && (input.observers[before]?.scan.seq ?? 0n) >= observer.scan.seq)
      throw new Error(`the observers of ${observer.volume} are not in order of seq`);
    track.observers.push(index);
    if (observer.scan.pruned === null) track.newest = index;
    byVolume.set(observer.volume, track);
  });
  const tracks = [...byVolume].map(([volume, track]): Track => ({ volume, ...track }));
  const liveTrack = tracks.find((track) => track.observers.at(-1) === live);
  if (liveTrack === undefined) throw new Error('live now belongs to no volume');
  const ofRole = (role: Observer['role']): Track[] =>
    tracks.filter((track) => track.role === role).sort((a, b) => (a.volume < b.volume ? -1 : 1));
  const series = ofRole('backup');
  const lists = ofRole('list');
  const targets = new Map([...input.moves.moved].map(([from, to]) => [to, from]));
  const datesOverlap = input.observers.some(
    (a, i) =>
      i < live && input.observers.some((b, j) => i < j && j < live && a.volume !== b.volume && overlapping(a, b)),
  );
  return {
    ...input,
    live,
    liveTrack,
    targets,
    datesOverlap,
    series,
    lists,
    displacedFrom: new Set([...input.moves.displaced.keys()].map(parentOf)),
    places: new Map(),
  };
}

/** Their dates do not show which of the two states was taken first. */
export function overlapping(a: Observer, b: Observer): boolean {
  const left = a.scan.asOf;
  const right = b.scan.asOf;
  if (left.fromMs === right.fromMs && left.toMs === right.toMs) return true;
  return left.fromMs < right.toMs && right.fromMs < left.toMs;
}

/**
 * Whether what changed after observer `from` was taken and not later than `to` may have changed in one of the reaches.
 */
function overlaps(reaches: readonly Reach[], from: number, to: number): boolean {
  return reaches.some((reach) => reach.from < to && from < reach.to);
}

/**
 * Where what happened after observer `from` and not later than `to` lies: its narrowest interval, whatever wider ones
 * say.
 */
export function placeIn(context: JudgeContext, from: number, to: number): Place {
  const key = `${from} ${to}`;
  const before = context.places.get(key);
  if (before !== undefined) return before;
  const intervals = placeOf(context.intervals, from, to).flatMap((i) => context.intervals[i] ?? []);
  const place: Place = {
    rules: new Set(intervals.flatMap(({ rules }) => [...rules])),
    isSince: context.since !== null && overlaps([context.since], from, to),
    isBeside: intervals.some(({ isBeside }) => isBeside),
    known: intervals[0]?.known ?? 0,
  };
  context.places.set(key, place);
  return place;
}

/**
 * What changed after observer `from` and not later than `to` may have changed in a loss interval: more than the silent
 * counts as lost.
 */
export function inLossInterval(context: JudgeContext, from: number, to: number): boolean {
  const { rules, isSince } = placeIn(context, from, to);
  return isSince || rules.size > 0;
}

/** The copy to restore from, by observer; services/judge makes an assessment's Source of it. */
export interface SourceCopy {
  readonly observer: number;
  /** Differs from the judged path only where the content is taken from another name. */
  readonly path: string;
  readonly state: State;
  readonly proof: 'read' | 'export';
  /** When its bytes were read, in ms; null where that was a reading of this judging, or nothing had to be read. */
  readonly proofAtMs: number | null;
}

/** The verdict on one path with all that a finding says of it, in terms of observers. */
export interface Judged {
  readonly verdict: Verdict;
  readonly flags: readonly string[];
  /** Last known good. For backup-corrupt that is live now. */
  readonly lkg: { readonly observer: number; readonly state: State } | null;
  /** What is there now; null when absent or not readable. */
  readonly found: State | null;
  readonly recovery: Recovery | null;
  readonly source: SourceCopy | null;
  readonly errno: string | null;
  readonly below: string | null;
  /**
   * Last sighting of what is gone (or of what was known good), and first proof of its absence (or of the other state).
   */
  readonly between: { readonly lastSeen: number | null; readonly firstGone: number | null } | null;
  readonly cause: Cause | null;
  readonly movedTo: string | null;
  readonly linkTo: string | null;
  readonly accepted: Acceptance | null;
  readonly expectedKey: string;
  readonly observedKey: string;
  /** Of a name that is not plain on its bricks: what they have. */
  readonly bricks?: BrickEvidence;
  /** Sentences for a person: which observations this verdict is based on. */
  readonly evidence: readonly string[];
}
