// The window W: in which intervals a vanished path counts as lost rather than deleted (design.md section 6).
import type { Interval, Window } from '../assessment.ts';
import type { Reach } from '../judge/context.ts';
import { type Counted, estimateBursts } from './burst.ts';
import { type Counts, intervalOf, iso, type Span } from './timeline.ts';

export interface WindowInput {
  /** Points of the observers (ms, rising), live now last. */
  readonly points: readonly number[];
  readonly spans: readonly Span[];
  /** Aligned with the spans. */
  readonly counts: readonly Counts[];
  /** Files of the volume, for the floor of the estimate. */
  readonly files: number;
  /** --since: overrides the estimate. ms since 1970. */
  readonly sinceMs: number | null;
  /** What the open findings of earlier assessments cover, in points (ms): a loss does not become a deletion by waiting. */
  readonly open: readonly Stretch[];
}

export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface DecidedWindow {
  readonly window: Window;
  readonly timeline: readonly Interval[];
  /** W in terms of observers, for judging; everything is { from: -1, to: live now }. */
  readonly reaches: readonly Reach[];
  /** The intervals of W that are bursts themselves. */
  readonly bursts: readonly Reach[];
  /** Did something that happened after `fromMs` (last sighting) and not after `toMs` (first proof) perhaps happen in W? Points, ms. */
  readonly touches: (fromMs: number, toMs: number) => boolean;
}

/**
 * Marks bursts per series (vanished and damaged are two counts with one rule) and takes into W: the bursts, one interval on each side
 * of each, always the last interval, and the intervals of open findings. Several series: the union. W is a set of intervals, so quiet
 * ones between two bursts stay out. A series with fewer than three intervals has no estimate: all of its intervals are in.
 */
export function decideWindow(input: WindowInput): DecidedWindow {
  const { spans, counts } = input;
  const burst = spans.map(() => false);
  const inWindow = spans.map(() => false);
  let estimated = 0;
  for (const indexes of bySeries(spans)) {
    const counted = (count: (c: Counts) => number): Counted[] =>
      indexes.map((i) => {
        const span = spans[i];
        const c = counts[i];
        return { fromMs: span?.fromMs ?? 0, toMs: span?.toMs ?? 0, count: c === undefined ? 0 : count(c) };
      });
    const vanished = estimateBursts(
      counted((c) => c.vanished),
      input.files,
    );
    const damaged = estimateBursts(
      counted((c) => c.damaged),
      input.files,
    );
    if (vanished.known) estimated++;
    indexes.forEach((index, k) => {
      burst[index] = vanished.bursts[k] === true || damaged.bursts[k] === true;
    });
    indexes.forEach((index, k) => {
      const beside = [indexes[k - 1], index, indexes[k + 1]].some((i) => i !== undefined && burst[i] === true);
      inWindow[index] = !vanished.known || beside || k === indexes.length - 1;
    });
  }
  spans.forEach((span, i) => {
    if (input.open.some((open) => sharesMost(span, open))) inWindow[i] = true;
  });
  if (input.sinceMs !== null) {
    const since = input.sinceMs;
    // The outer end decides: a snapshot that may have been taken after that time may show what happened after it.
    spans.forEach((span, i) => {
      inWindow[i] = span.last || span.toAsOf.toMs > since;
    });
  }

  const all = input.sinceMs === null && estimated === 0;
  const timeline = spans.map((span, i) =>
    intervalOf(span, counts[i] ?? NONE, burst[i] === true, all || inWindow[i] === true),
  );
  const chosen = spans.filter((_, i) => inWindow[i]);
  const window: Window = {
    all,
    since: input.sinceMs === null ? null : iso(input.sinceMs),
    reason: reasonOf(
      input.sinceMs !== null,
      estimated,
      burst.some((b) => b),
    ),
    intervals: timeline.filter((interval) => interval.inWindow),
  };
  const since = input.sinceMs ?? Number.POSITIVE_INFINITY;
  const liveNow = input.points.length - 1;
  const reaches: Reach[] = all ? [{ from: -1, to: liveNow }] : chosen.map(({ from, to }) => ({ from, to }));
  if (input.sinceMs !== null)
    reaches.push({ from: input.points.findLastIndex((point) => point <= since), to: liveNow });
  const touches = (fromMs: number, toMs: number): boolean =>
    all || toMs > since || chosen.some((span) => overlap(span, fromMs, toMs));
  const bursts = spans.filter((_, i) => burst[i]).map(({ from, to }) => ({ from, to }));
  return { window, timeline, reaches, bursts, touches };
}

const NONE: Counts = { added: 0, changed: 0, vanished: 0, moved: 0, damaged: 0 };

function reasonOf(since: boolean, estimated: number, burst: boolean): string {
  if (since) return 'since';
  if (estimated === 0) return 'too few snapshots';
  return burst ? 'burst' : 'no burst';
}

function overlap(span: Span, fromMs: number, toMs: number): boolean {
  return Math.max(span.fromMs, fromMs) < Math.min(span.toMs, toMs);
}

/**
 * Whether an open finding's stretch and an interval share more than half of the shorter one. Mere contact would let the window creep:
 * with two series whose nights interlock, each assessment would take in one interval more.
 */
function sharesMost(span: Span, open: Stretch): boolean {
  const shared = Math.min(span.toMs, open.toMs) - Math.max(span.fromMs, open.fromMs);
  return shared > 0 && shared * 2 > Math.min(span.toMs - span.fromMs, open.toMs - open.fromMs);
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
