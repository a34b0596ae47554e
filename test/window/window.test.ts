import { describe, expect, test } from 'vitest';
import type { Observer } from '../../domain/facts.ts';
import type { Counts } from '../../domain/window/timeline.ts';
import { orderObservers, pointsOf, spansOf } from '../../domain/window/timeline.ts';
import { decideWindow } from '../../domain/window/window.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 1);

let ids = 0n;
function observer(volume: string, role: 'live' | 'backup', fromMs: number, toMs = fromMs): Observer {
  ids++;
  return {
    role,
    volume,
    scan: {
      id: ids,
      volumeId: 1,
      rootId: 1,
      seq: ids,
      path: `/snap/${ids}`,
      snapshot: role === 'live' ? null : `${volume}-${new Date(fromMs).toISOString().slice(0, 10)}`,
      asOf: { fromMs, toMs, source: 'name' },
      mode: 'read',
      pruned: null,
      exportedMs: null,
      startedMs: fromMs,
      rootMtimeNs: null,
    },
  };
}

function ordered(observers: readonly Observer[]): { observers: Observer[]; points: number[] } {
  const live = observers.find((o) => o.role === 'live');
  if (live === undefined) throw new Error('no live observer');
  const list = orderObservers(observers, live.scan.id);
  return { observers: list, points: pointsOf(list) };
}

function nightly(volume: string, nights: number): Observer[] {
  return Array.from({ length: nights }, (_, i) => observer(volume, 'backup', START + i * DAY));
}

const counts = (vanished: number, damaged = 0): Counts => ({ added: 0, changed: 0, vanished, moved: 0, damaged });

function decide(
  vanished: readonly number[],
  more: { since?: number; open?: { fromMs: number; toMs: number }[]; damaged?: number[] } = {},
) {
  const nights = vanished.length;
  const { observers, points } = ordered([...nightly('a', nights), observer('v', 'live', START + nights * DAY)]);
  const spans = spansOf(observers, points);
  const decided = decideWindow({
    points,
    spans,
    counts: vanished.map((v, i) => counts(v, more.damaged?.[i] ?? 0)),
    files: 10_000,
    sinceMs: more.since ?? null,
    open: more.open ?? [],
  });
  return { decided, spans, inWindow: decided.timeline.flatMap((interval, i) => (interval.inWindow ? [i] : [])) };
}

describe('the window', () => {
  test('holds the bursts, one interval on each side of each, and the last; quiet nights between two bursts stay out', () => {
    const { inWindow, decided } = decide([5, 5, 5, 400, 5, 5, 5, 5, 5, 380, 5, 5, 5, 5]);
    expect(inWindow).toEqual([2, 3, 4, 8, 9, 10, 13]);
    expect(decided.window.reason).toBe('burst');
    expect(decided.window.intervals).toHaveLength(7);
  });

  test('without a burst it is the last interval, and what vanished before is outside', () => {
    const { inWindow, decided, spans } = decide([5, 5, 5, 5, 5]);
    expect(inWindow).toEqual([4]);
    expect(decided.window).toMatchObject({ all: false, reason: 'no burst' });
    const [first, , , , last] = spans;
    expect(decided.touches(first!.fromMs, first!.toMs)).toBe(false);
    expect(decided.touches(last!.fromMs, last!.toMs)).toBe(true);
    // Last seen two nights ago, gone for certain only now: it may have been lost in the last interval.
    expect(decided.touches(first!.fromMs, last!.toMs)).toBe(true);
  });

  test('with fewer than three intervals it is everything, and says so', () => {
    const { decided } = decide([5, 400]);
    expect(decided.window).toMatchObject({ all: true, reason: 'too few snapshots' });
    expect(decided.touches(0, 1)).toBe(true);
  });

  test('without any backup it is everything', () => {
    const decided = decideWindow({ points: [1], spans: [], counts: [], files: 0, sinceMs: null, open: [] });
    expect(decided.window.all).toBe(true);
    expect(decided.touches(0, 1)).toBe(true);
    expect(decided.reaches).toEqual([{ from: -1, to: 0 }]);
  });

  test('--since overrides the estimate: what may have ended after it is in', () => {
    const { inWindow, decided } = decide([5, 5, 400, 5, 5, 5], { since: START + 4.5 * DAY });
    expect(inWindow).toEqual([4, 5]);
    expect(decided.window).toMatchObject({
      all: false,
      reason: 'since',
      since: new Date(START + 4.5 * DAY).toISOString(),
    });
  });

  test('the interval of an open finding stays in it however many quiet nights follow', () => {
    const { inWindow } = decide([5, 30, 5, 5, 5, 5, 5], { open: [{ fromMs: START + DAY, toMs: START + 2 * DAY }] });
    expect(inWindow).toEqual([1, 6]);
  });

  test('an open finding that only touches an interval does not draw it into the window', () => {
    const { inWindow } = decide([5, 5, 5, 5, 5], {
      open: [{ fromMs: START + 0.4 * DAY, toMs: START + 1.4 * DAY }],
    });
    expect(inWindow).toEqual([0, 4]);
  });

  test('damaged paths are a second series with the same rule', () => {
    const { inWindow, decided } = decide([5, 5, 5, 5, 5, 5, 5], { damaged: [0, 0, 0, 90, 0, 0, 0] });
    expect(inWindow).toEqual([2, 3, 4, 6]);
    expect(decided.timeline[3]).toMatchObject({ burst: true, damaged: 90 });
  });

  test('with several series it is the union of their windows', () => {
    const list = [
      ...nightly('a', 6),
      ...nightly('b', 6).map((o, i) => ({
        ...o,
        scan: {
          ...o.scan,
          asOf: { fromMs: START + i * DAY + 6 * 3_600_000, toMs: START + i * DAY + 6 * 3_600_000, source: 'name' },
        },
      })),
      observer('v', 'live', START + 6 * DAY),
    ];
    const { observers, points } = ordered(list);
    const spans = spansOf(observers, points);
    expect(spans.map((s) => s.series)).toEqual([
      ...Array.from({ length: 6 }, () => 'a'),
      ...Array.from({ length: 6 }, () => 'b'),
    ]);
    const decided = decideWindow({
      points,
      spans,
      counts: spans.map((s, i) => counts(s.series === 'b' && i === 7 ? 500 : 5)),
      files: 10_000,
      sinceMs: null,
      open: [],
    });
    expect(decided.timeline.flatMap((interval, i) => (interval.inWindow ? [i] : []))).toEqual([5, 6, 7, 8, 11]);
    const quiet = spans[4]!;
    expect(decided.touches(quiet.fromMs, quiet.toMs)).toBe(false);
    const beside = spans[1]!;
    expect(decided.touches(beside.fromMs, beside.toMs)).toBe(true);
  });

  test('a series with too few snapshots to estimate is in with all of its intervals', () => {
    const list = [
      ...nightly('a', 8),
      observer('offsite', 'backup', START + 5.5 * DAY),
      observer('v', 'live', START + 8 * DAY),
    ];
    const { observers, points } = ordered(list);
    const spans = spansOf(observers, points);
    const decided = decideWindow({
      points,
      spans,
      counts: spans.map(() => counts(1)),
      files: 100,
      sinceMs: null,
      open: [],
    });
    expect(decided.window.all).toBe(false);
    expect(decided.touches(START + DAY, START + 2 * DAY)).toBe(false);
    expect(decided.touches(START + 6 * DAY, START + 7 * DAY)).toBe(true);
  });

  test('a snapshot named by its day alone counts by its middle, is printed by its ends, and never comes after live now', () => {
    const list = [
      observer('a', 'backup', START, START + DAY),
      observer('a', 'backup', START + DAY, START + 2 * DAY),
      observer('v', 'live', START + 1.1 * DAY),
    ];
    const { observers, points } = ordered(list);
    expect(observers.at(-1)?.role).toBe('live');
    expect(points[2]).toBe(points[1]! + 1);
    const spans = spansOf(observers, points);
    expect(spans[0]!.fromMs).toBe(START + DAY / 2);
    const decided = decideWindow({ points, spans, counts: [counts(1), counts(2)], files: 10, sinceMs: null, open: [] });
    expect(decided.timeline[0]).toMatchObject({
      from: new Date(START).toISOString(),
      to: new Date(START + 2 * DAY).toISOString(),
      days: 1,
    });
    expect(decided.timeline[1]).toMatchObject({ toName: 'live' });
  });

  test('an as_of that was corrected does not turn its series around', () => {
    const first = observer('a', 'backup', START + 5 * DAY);
    const second = observer('a', 'backup', START + DAY);
    const other = observer('b', 'backup', START + 2 * DAY);
    const { observers } = ordered([second, other, first, observer('v', 'live', START + 6 * DAY)]);
    expect(observers.map((o) => o.scan.id)).toEqual([
      other.scan.id,
      first.scan.id,
      second.scan.id,
      observers.at(-1)!.scan.id,
    ]);
  });
});
