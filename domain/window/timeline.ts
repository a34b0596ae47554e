// The points in time of the observers, and the intervals between the consecutive snapshots of each series and live now.
import type { Interval } from '../assessment.ts';
import type { Observer } from '../facts.ts';
import type { AsOf } from '../scan.ts';
import { DAY_MS } from '../lengths.ts';

/** What is printed of one interval. Vanished: last seen at its start and absent now, moves subtracted. */
export type Counts = Pick<
  Interval,
  'added' | 'changed' | 'vanished' | 'moved' | 'damaged' | 'silent' | 'burst' | 'inWindow' | 'beyondLine' | 'rules'
>;

/**
 * From one complete snapshot of a series to the next, or from the newest to live now. Indexes are those of the
 * observers.
 */
export interface Span {
  readonly series: string;
  readonly from: number;
  readonly to: number;
  /** Points of the two ends, in ms; fromMs < toMs always. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromName: string;
  readonly toName: string;
  readonly fromAsOf: AsOf;
  readonly toAsOf: AsOf;
  /** Newest interval of its series: it ends at live now. */
  readonly last: boolean;
}

/** The middle of an as_of: a snapshot named by its day alone covers 24 hours, and rates and rhythms need one point. */
export function middleMs(asOf: AsOf): number {
  return (asOf.fromMs + asOf.toMs) / 2;
}

/** Of equal time. */
const RANK: Readonly<Record<Observer['role'], number>> = { list: 0, backup: 1, live: 2 };

/**
 * Orders observers by as_of; ties: backups before live, then seq. Within one volume seq decides: an as_of that was
 * corrected, or a day that overlaps the next one, never turns a series around. Live now is the last whatever its clock
 * says.
 */
export function orderObservers(observers: readonly Observer[], liveNow: bigint): Observer[] {
  const placed: { observer: Observer; atMs: number }[] = [];
  const reached = new Map<string, number>();
  const bySeq = observers.toSorted((a, b) => (a.scan.seq < b.scan.seq ? -1 : a.scan.seq > b.scan.seq ? 1 : 0));
  for (const observer of bySeq) {
    const atMs = Math.max(middleMs(observer.scan.asOf), reached.get(observer.volume) ?? Number.NEGATIVE_INFINITY);
    reached.set(observer.volume, atMs);
    placed.push({ observer, atMs: observer.scan.id === liveNow ? Number.POSITIVE_INFINITY : atMs });
  }
  placed.sort((a, b) => {
    if (a.atMs !== b.atMs) return a.atMs - b.atMs;
    if (a.observer.role !== b.observer.role) return RANK[a.observer.role] - RANK[b.observer.role];
    const [x, y] = [a.observer.scan, b.observer.scan];
    if (x.seq !== y.seq) return x.seq < y.seq ? -1 : 1;
    return x.id < y.id ? -1 : x.id > y.id ? 1 : 0;
  });
  return placed.map(({ observer }) => observer);
}

/**
 * One point per observer, in whole ms (findings keep them), strictly rising: the middle of its as_of, pushed behind its
 * predecessor where two coincide or where a snapshot named by a day reaches beyond live now. Every question "is this in
 * the window" is asked in these points.
 */
export function pointsOf(observers: readonly Observer[]): number[] {
  const points: number[] = [];
  let previous = Number.NEGATIVE_INFINITY;
  for (const observer of observers) {
    previous = Math.max(Math.floor(middleMs(observer.scan.asOf)), previous + 1);
    points.push(previous);
  }
  return points;
}

/** The intervals of every series, pruned snapshots included, each series ending at live now (the last observer). */
export function spansOf(observers: readonly Observer[], points: readonly number[]): Span[] {
  const liveNow = observers.length - 1;
  const series = new Map<string, number[]>();
  observers.forEach((observer, index) => {
    if (observer.role !== 'backup') return;
    const list = series.get(observer.volume);
    if (list === undefined) series.set(observer.volume, [index]);
    else list.push(index);
  });
  const spans: Span[] = [];
  for (const [name, indexes] of series) {
    indexes.forEach((from, i) => {
      const next = indexes[i + 1];
      const to = next ?? liveNow;
      const start = observers[from];
      const end = observers[to];
      if (start === undefined || end === undefined) return;
      spans.push({
        series: name,
        from,
        to,
        fromMs: points[from] ?? 0,
        toMs: points[to] ?? 0,
        fromName: nameOf(start),
        toName: nameOf(end),
        fromAsOf: start.scan.asOf,
        toAsOf: end.scan.asOf,
        last: next === undefined,
      });
    });
  }
  return spans;
}

function nameOf(observer: Observer): string {
  return observer.role === 'live' ? 'live' : (observer.scan.snapshot ?? observer.scan.path);
}

/** ISO 8601, UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** ISO 8601, UTC: one time, or `from/to` where the state was taken at an unknown time between the two. */
export function isoAsOf(asOf: AsOf): string {
  return asOf.fromMs === asOf.toMs ? iso(asOf.fromMs) : `${iso(asOf.fromMs)}/${iso(asOf.toMs)}`;
}

/** Two neighbours of one series as one. */
export function joined(a: Span, b: Span): Span {
  return { ...a, to: b.to, toMs: b.toMs, toName: b.toName, toAsOf: b.toAsOf, last: b.last };
}

/** The printed interval. Its ends are the outer ones: what happened in it happened between them for certain. */
export function intervalOf(span: Span, counts: Counts): Interval {
  return {
    series: span.series,
    from: iso(span.fromAsOf.fromMs),
    to: iso(span.toAsOf.toMs),
    fromName: span.fromName,
    toName: span.toName,
    days: (span.toMs - span.fromMs) / DAY_MS,
    ...counts,
  };
}
