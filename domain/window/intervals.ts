// The loss intervals (docs/design.md#loss-intervals): in which stretches between two looks more than the silent counts
// as lost, and why.
import type { Interval, Window } from '../assessment.ts';
import type { How } from '../absence/witness.ts';
import { damageBursts, isBesideBurst, sensitiveLines, touchedBursts } from './burst.ts';
import { intervalOf, iso, joined, type Span } from './timeline.ts';

/**
 * silent: so many are silent that the rest of that night is doubtful. beside: next to a burst, and more than usual
 * itself.
 */
export const LOSS_RULES = ['silent', 'burst', 'sensitive', 'damage', 'beside'] as const;
export type LossRule = (typeof LOSS_RULES)[number];

/** docs/design.md#interval-1 */
const SILENT_FILES_MIN = 3;
const SILENT_SHARE = 0.3;
/** Fewer intervals than this do not tell what this volume's habit is. */
export const INTERVALS_KNOWN_MIN = 3;
/** Of a first assessment the newest intervals are heard by the sensitive rule, whatever their directories say. */
const NEWEST_OF_FIRST = 2;

/** An interval as judging asks for it. */
export interface LossInterval {
  readonly series: string;
  /** Observers at its ends. */
  readonly from: number;
  readonly to: number;
  readonly ms: number;
  /** Empty where it is no loss interval. */
  readonly rules: ReadonlySet<LossRule>;
  /** Next to a burst: what nothing tells of is lost there. */
  readonly isBeside: boolean;
  /** How many intervals its series has. */
  readonly known: number;
}

/** A file that is gone and did not move. */
export interface Vanishing {
  readonly how: How;
  /** The directory that lost it: the topmost one that went whole, or the one that held the name. */
  readonly directory: string;
  /** An earlier assessment found it absent already. */
  readonly isJudged: boolean;
  /** Its content, or its size and exact time, stands under another name. */
  readonly standsElsewhere: boolean;
}

/** What happened in one interval. */
export interface Happened {
  readonly added: number;
  readonly changed: number;
  readonly moved: number;
  readonly vanishings: readonly Vanishing[];
  /** Files that were damaged by shape against the neighbour in the series, less what a restore put back. */
  readonly shapes: number;
  /** Share of the volume's files whose directories were changed in it, 0 to 1; 0 where nothing tells. */
  readonly touchedShare: number;
}

export interface IntervalsInput {
  /** Joined (joinedSpans), of all series. */
  readonly spans: readonly Span[];
  /** Aligned with the spans. */
  readonly happened: readonly Happened[];
  /** Files of the volume. */
  readonly files: number;
  /** --since, ms since 1970. */
  readonly sinceMs: number | null;
  /** No assessment of this volume was made before. */
  readonly isFirst: boolean;
  /** Points of the observers (ms, rising), live now last. */
  readonly points: readonly number[];
}

export interface DecidedIntervals {
  readonly intervals: readonly LossInterval[];
  /** All of them, as they are printed; damage is counted after judging (withDamage). */
  readonly timeline: readonly Interval[];
  readonly reason: Window['reason'];
  /** What --since covers: after observer `from` to live now. */
  readonly since: { readonly from: number; readonly to: number } | null;
}

/** Decides which intervals are loss intervals, and by which rules. */
export function decideIntervals(input: IntervalsInput): DecidedIntervals {
  const { spans, happened, sinceMs } = input;
  const rules = spans.map(() => new Set<LossRule>());
  const beyond = spans.map(() => false);
  const beside = spans.map(() => false);
  const known = spans.map(() => 0);
  for (const indexes of bySeries(spans)) {
    decideSeries(input, indexes, { rules, beyond, beside, known });
  }
  const live = input.points.length - 1;
  const since = sinceMs === null ? null : { from: input.points.findLastIndex((point) => point <= sinceMs), to: live };
  const intervals = spans.map(
    (span, i): LossInterval => ({
      series: span.series,
      from: span.from,
      to: span.to,
      ms: span.toMs - span.fromMs,
      rules: rules[i] ?? new Set(),
      isBeside: beside[i] === true,
      known: known[i] ?? 0,
    }),
  );
  const timeline = spans.map((span, i) => {
    const own = rules[i] ?? new Set();
    // In observers, as judging asks: a snapshot that is dated to a day has one place.
    const isLoss = own.size > 0 || (since !== null && span.to > since.from);
    const { added, changed, moved, vanishings } = happened[i] ?? NOTHING;
    return intervalOf(span, {
      added,
      changed,
      moved,
      vanished: vanishings.length,
      damaged: 0,
      silent: vanishings.filter(({ how }) => how === 'silent').length,
      burst: ['burst', 'sensitive', 'damage'].some((rule) => own.has(rule as LossRule)),
      inWindow: isLoss,
      beyondLine: beyond[i] === true && !isLoss,
      rules: [...own],
    });
  });
  return { intervals, timeline, reason: reasonOf(sinceMs, intervals), since };
}

const NOTHING: Happened = { added: 0, changed: 0, moved: 0, vanishings: [], shapes: 0, touchedShare: 0 };

function decideSeries(
  { spans, happened, files, isFirst }: IntervalsInput,
  indexes: readonly number[],
  answer: {
    readonly rules: readonly Set<LossRule>[];
    readonly beyond: boolean[];
    readonly beside: boolean[];
    readonly known: number[];
  },
): void {
  const own = indexes.map((i) => ({ span: spans[i], happened: happened[i] ?? NOTHING }));
  const counted = (count: (of: Happened) => number): { fromMs: number; toMs: number; count: number }[] =>
    own.map(({ span, happened: of }) => ({ fromMs: span?.fromMs ?? 0, toMs: span?.toMs ?? 0, count: count(of) }));
  const all = counted(({ vanishings }) => vanishings.length);
  const fresh = counted(({ vanishings }) => vanishings.filter(({ isJudged }) => !isJudged).length);
  const untold = counted(({ vanishings }) => vanishings.filter(({ how }) => how === 'untold').length);
  const lines = sensitiveLines(all, files);
  const untoldLines = sensitiveLines(untold, files);
  const touched = touchedBursts(
    own.map(({ span, happened: of }) => ({ fromMs: span?.fromMs ?? 0, toMs: span?.toMs ?? 0, ...touchedOf(of) })),
    files,
  );
  const damage = damageBursts(counted(({ shapes }) => shapes));
  const isBurst = indexes.map((index, k) => {
    const rules = answer.rules[index];
    const of = own[k]?.happened ?? NOTHING;
    const isNewest = isFirst && k >= indexes.length - NEWEST_OF_FIRST;
    const line = lines[k];
    const isBeyond = line?.isBeyond === true && (fresh[k]?.count ?? 0) >= line.floor;
    answer.beyond[index] = isBeyond;
    answer.known[index] = indexes.length;
    if (hasSilentLoss(of)) rules?.add('silent');
    if (touched[k] === true) rules?.add('burst');
    if (untoldLines[k]?.isBeyond === true || (isNewest && isBeyond)) rules?.add('sensitive');
    if (damage[k] === true) rules?.add('damage');
    return touched[k] === true || damage[k] === true || rules?.has('sensitive') === true;
  });
  indexes.forEach((index, k) => {
    if (isBurst[k] === true || (isBurst[k - 1] !== true && isBurst[k + 1] !== true)) return;
    answer.beside[index] = true;
    const [count, line] = [fresh[k], lines[k]];
    if (count !== undefined && line !== undefined && isBesideBurst(count, line)) answer.rules[index]?.add('beside');
  });
}

/**
 * docs/design.md#interval-1: in a night that took files in silence, at least as many of the touched ones as chance
 * would have it were lost with them. Where all of the silent ones were judged absent before, so were those that went
 * with them: what has gone since is another day's work.
 */
function hasSilentLoss({ vanishings, touchedShare }: Happened): boolean {
  const silent = vanishings.filter(({ how }) => how === 'silent');
  if (silent.length < SILENT_FILES_MIN || silent.every(({ isJudged }) => isJudged)) return false;
  return touchedShare >= 1 || silent.length / (1 - touchedShare) >= SILENT_SHARE * vanishings.length;
}

function touchedOf({ vanishings }: Happened): { count: number; fresh: number; files: number } {
  const touched = vanishings.filter(({ how }) => how === 'touched');
  const fresh = touched.filter(({ isJudged, standsElsewhere }) => !isJudged && !standsElsewhere);
  const directories = (of: readonly Vanishing[]): number => new Set(of.map(({ directory }) => directory)).size;
  return { count: directories(touched), fresh: directories(fresh), files: fresh.length };
}

function reasonOf(sinceMs: number | null, intervals: readonly LossInterval[]): string {
  if (sinceMs !== null) return 'since';
  const has = (...rules: readonly LossRule[]): boolean =>
    intervals.some((interval) => rules.some((rule) => interval.rules.has(rule)));
  if (has('burst', 'sensitive', 'damage')) return 'burst';
  if (has('silent')) return 'silent';
  return intervals.some(({ known }) => known >= INTERVALS_KNOWN_MIN) ? 'no burst' : 'too few snapshots';
}

/** The window as it is printed: its intervals are those of the timeline. */
export function windowOf(decided: DecidedIntervals, timeline: readonly Interval[], sinceMs: number | null): Window {
  return {
    since: sinceMs === null ? null : iso(sinceMs),
    reason: decided.reason,
    intervals: timeline.filter((interval) => interval.inWindow),
  };
}

/** Snapshots closer than this are one look: the hours of a day are no nights. */
const JOINED_MS = 20 * 3_600_000;

/**
 * Joins the spans of each series from the oldest on until they are long enough; the one that ends at live now is never
 * joined.
 */
export function joinedSpans(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const indexes of bySeries(spans)) {
    let open: Span | null = null;
    for (const index of indexes) {
      const span = spans[index];
      if (span === undefined) continue;
      if (span.last) {
        if (open !== null) result.push(open);
        open = null;
        result.push(span);
        continue;
      }
      open = open === null ? span : joined(open, span);
      if (open.toMs - open.fromMs < JOINED_MS) continue;
      result.push(open);
      open = null;
    }
    if (open !== null) result.push(open);
  }
  return result;
}

/**
 * The place of what happened after observer `from` and not later than `to`: the narrowest interval that covers it.
 * Where none does, the intervals of one series that do together, the last one first.
 */
export function placeOf(
  intervals: readonly Pick<LossInterval, 'series' | 'from' | 'to' | 'ms'>[],
  from: number,
  to: number,
): readonly number[] {
  let best = -1;
  intervals.forEach((interval, i) => {
    if (interval.from > from || interval.to < to) return;
    if (best < 0 || interval.ms < (intervals[best]?.ms ?? 0)) best = i;
  });
  if (best >= 0) return [best];
  const runs = new Map<string, { readonly members: number[]; ms: number; from: number; to: number }>();
  intervals.forEach((interval, i) => {
    if (interval.from >= to || interval.to <= from) return;
    const run = runs.get(interval.series) ?? { members: [], ms: 0, from: interval.from, to: interval.to };
    run.members.unshift(i);
    run.ms += interval.ms;
    run.from = Math.min(run.from, interval.from);
    run.to = Math.max(run.to, interval.to);
    runs.set(interval.series, run);
  });
  const covering = [...runs.values()].filter((run) => run.from <= from && run.to >= to);
  const open = covering.length > 0 ? covering : [...runs.values()];
  return open.toSorted((a, b) => a.ms - b.ms)[0]?.members ?? [];
}

function bySeries(spans: readonly Span[]): number[][] {
  const series = new Map<string, number[]>();
  spans.forEach((span, i) => {
    const list = series.get(span.series);
    if (list === undefined) series.set(span.series, [i]);
    else list.push(i);
  });
  return [...series.values()];
}
