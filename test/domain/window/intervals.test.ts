// Loss intervals (docs/design.md#loss-intervals), rule by rule.
import { describe, expect, test } from 'vitest';
import { middleMs, type Span } from '../../../domain/window/timeline.ts';
import {
  type DecidedIntervals,
  decideIntervals,
  type Happened,
  type IntervalsInput,
  joinedSpans,
  placeOf,
  type Vanishing,
  windowOf,
} from '../../../domain/window/intervals.ts';
import { DAY_MS } from '../../../domain/lengths.ts';

const HOUR = 1 / 24;
const T0_MS = Date.UTC(2026, 9, 1, 3);

const at = (day: number): number => T0_MS + Math.round(day * DAY_MS);

/**
 * The intervals between looks of one series at these days; the last ends at live now. `observers` are their indexes.
 */
function spansAt(days: readonly number[], series = 'n', observers: readonly number[] = days.map((_, i) => i)): Span[] {
  return days.slice(1).map((day, i): Span => {
    const before = days[i] ?? 0;
    return {
      series,
      from: observers[i] ?? 0,
      to: observers[i + 1] ?? 0,
      fromMs: at(before),
      toMs: at(day),
      fromName: `${series}/${observers[i]}`,
      toName: i === days.length - 2 ? 'live' : `${series}/${observers[i + 1]}`,
      fromAsOf: { fromMs: at(before), toMs: at(before), source: 'name' },
      toAsOf: { fromMs: at(day), toMs: at(day), source: 'name' },
      last: i === days.length - 2,
    };
  });
}

function gone(count: number, how: Vanishing['how'], more: Partial<Vanishing> = {}): Vanishing[] {
  return Array.from({ length: count }, () => ({
    how,
    directory: 'd',
    isJudged: false,
    standsElsewhere: false,
    ...more,
  }));
}

/** In so many directories, one of each. */
function scattered(count: number, more: Partial<Vanishing> = {}): Vanishing[] {
  return Array.from({ length: count }, (_, i) => gone(1, 'touched', { directory: `d${i}`, ...more })).flat();
}

function night(vanishings: readonly Vanishing[] = [], more: Partial<Happened> = {}): Happened {
  return { added: 0, changed: 0, moved: 0, vanishings, shapes: 0, touchedShare: 0, ...more };
}

function decided(happened: readonly Happened[], more: Partial<IntervalsInput> = {}): DecidedIntervals {
  const days = Array.from({ length: happened.length + 1 }, (_, i) => i);
  return decideIntervals({
    spans: spansAt(days),
    happened,
    files: 10_000,
    sinceMs: null,
    isFirst: false,
    points: days.map(at),
    ...more,
  });
}

function rules(happened: readonly Happened[], more: Partial<IntervalsInput> = {}): string[][] {
  return decided(happened, more).intervals.map((interval) => [...interval.rules]);
}

/** So many quiet nights, and then these. */
function after(quiet: number, ...nights: readonly Happened[]): Happened[] {
  return [...Array.from({ length: quiet }, () => night(gone(3, 'touched'))), ...nights];
}

function lastRules(happened: readonly Happened[], more: Partial<IntervalsInput> = {}): string[] | undefined {
  return rules(happened, more).at(-1);
}

describe('rule 1: silent losses make the night doubtful', () => {
  test.each([
    ['two are too few', 2, 0, 0, []],
    ['three alone are enough', 3, 0, 0, ['silent']],
    ['three of ten, three tenths', 3, 7, 0, ['silent']],
    ['three of eleven', 3, 8, 0, []],
    ['four of eleven', 4, 7, 0, ['silent']],
    ['three of twenty, where half of the files lie in directories that were touched', 3, 17, 0.5, ['silent']],
    ['three of twenty-one, where half were touched', 3, 18, 0.5, []],
    ['three of any, where all were touched', 3, 60, 1, ['silent']],
  ])('%s', (_, silent, touched, touchedShare, expected) => {
    expect(
      lastRules(after(9, night([...gone(silent, 'silent'), ...gone(touched, 'touched')], { touchedShare }))),
    ).toEqual(expected);
  });
  test('where all of the silent ones were judged before, the night is over', () => {
    const judged = gone(5, 'silent', { isJudged: true });
    expect(lastRules(after(9, night([...judged, ...gone(2, 'touched')])))).toEqual([]);
    expect(lastRules(after(9, night([...judged, ...gone(1, 'silent'), ...gone(2, 'touched')])))).toEqual(['silent']);
  });
  test('a night beside it is not beside a burst', () => {
    const all = decided(after(9, night(gone(5, 'silent')), night()));
    expect(all.intervals.map(({ isBeside }) => isBeside)).not.toContain(true);
    expect(all.reason).toBe('silent');
  });
});

describe('rule 2: a burst of touched vanishings', () => {
  test('counts directories: more than twelve times the median and twenty', () => {
    expect(lastRules(after(9, night(scattered(32))))).toEqual([]);
    expect(lastRules(after(9, night(scattered(33))))).toEqual(['burst']);
    expect(lastRules(after(9, night(gone(90, 'touched'))))).toEqual([]);
  });
  test('with fewer than eight intervals more than a hundred', () => {
    const files = 100_000;
    expect(lastRules(after(6, night(scattered(100))), { files })).toEqual([]);
    expect(lastRules(after(6, night(scattered(101))), { files })).toEqual(['burst']);
    expect(lastRules(after(7, night(scattered(100))), { files })).toEqual(['burst']);
  });
  test('or files: the greater of a hundred, two of a hundred, and the smaller of a thousand and a twentieth', () => {
    const of = (files: number, count: number): string[] | undefined =>
      lastRules(after(9, night(gone(count, 'touched'))), { files });
    expect([of(400, 99), of(400, 100)]).toEqual([[], ['burst']]);
    expect([of(10_000, 499), of(10_000, 500)]).toEqual([[], ['burst']]);
    expect([of(100_000, 1_999), of(100_000, 2_000)]).toEqual([[], ['burst']]);
  });
  test('does not count what stands elsewhere, nor what an earlier assessment judged, nor what is silent', () => {
    expect(lastRules(after(9, night(scattered(500, { standsElsewhere: true }))))).toEqual([]);
    expect(lastRules(after(9, night(scattered(500, { isJudged: true }))))).toEqual([]);
    expect(lastRules(after(9, night(gone(500, 'silent'))))).toEqual(['silent']);
  });
  test('measures the habit by all of them', () => {
    const habit = Array.from({ length: 9 }, () => night(scattered(10, { isJudged: true, standsElsewhere: true })));
    expect(lastRules([...habit, night(scattered(99))])).toEqual([]);
  });
});

describe('rule 3: the sensitive rule', () => {
  test('hears what is untold: three times the base and the floor', () => {
    const quiet = Array.from({ length: 9 }, () => night(gone(10, 'untold')));
    expect(lastRules([...quiet, night(gone(50, 'untold'))])).toEqual([]);
    expect(lastRules([...quiet, night(gone(51, 'untold'))])).toEqual(['sensitive']);
  });
  test('with fewer than three intervals the floor alone', () => {
    expect(lastRules([night(gone(19, 'untold'))])).toEqual([]);
    expect(lastRules([night(gone(20, 'untold'))])).toEqual(['sensitive']);
    expect(lastRules([night(gone(20, 'untold'))], { files: 1_000_000 })).toEqual([]);
  });
  test('in nightly use what is touched is not its business, and is named beyond the line', () => {
    const happened = after(9, night(gone(60, 'touched')));
    expect(lastRules(happened)).toEqual([]);
    expect(decided(happened).timeline.at(-1)).toMatchObject({ beyondLine: true, inWindow: false });
  });
  test('of a first assessment it hears the newest two intervals, whatever their directories say', () => {
    const nights = Array.from({ length: 9 }, () => night());
    const loss = night(gone(60, 'touched'));
    const where = (place: number, isFirst = true): number[] =>
      rules(nights.with(place, loss), { isFirst }).flatMap((of, i) => (of.includes('sensitive') ? [i] : []));
    expect([where(8), where(7), where(6), where(8, false)]).toEqual([[8], [7], [], []]);
    expect(decided(nights.with(6, loss), { isFirst: true }).timeline[6]).toMatchObject({ beyondLine: true });
  });
  test('an interval beyond the line is not named where it is a loss interval, or where all was judged before', () => {
    const beyond = (happened: Happened, sinceMs: number | null = null): boolean | undefined =>
      decided(after(9, happened), { sinceMs }).timeline.at(-1)?.beyondLine;
    expect(beyond(night(scattered(60)))).toBe(false);
    expect(beyond(night(gone(60, 'touched')), at(9.5))).toBe(false);
    expect(beyond(night(gone(60, 'touched', { isJudged: true })))).toBe(false);
  });
});

describe('rule 4: a burst of damage', () => {
  test('is three or more, and more than three times the base', () => {
    const shapes = (...counts: number[]): string[] | undefined =>
      lastRules(counts.map((count) => night([], { shapes: count })));
    expect(shapes(0, 0, 0, 2)).toEqual([]);
    expect(shapes(0, 0, 0, 3)).toEqual(['damage']);
    expect(shapes(4, 4, 4, 12)).toEqual([]);
    expect(shapes(4, 4, 4, 13)).toEqual(['damage']);
  });
});

describe('rule 5: --since', () => {
  test('covers what happened after the last look before it, and gives no interval a rule', () => {
    const of = decided(after(4), { sinceMs: at(2.5) });
    expect(of.since).toEqual({ from: 2, to: 4 });
    expect(of.reason).toBe('since');
    expect(of.intervals.map((interval) => interval.rules.size)).toEqual([0, 0, 0, 0]);
    expect(of.timeline.map(({ inWindow }) => inWindow)).toEqual([false, false, true, true]);
  });
  test('a look at that very time is before it', () => {
    expect(decided(after(4), { sinceMs: at(2) }).since).toEqual({ from: 2, to: 4 });
  });
  test('before all looks it covers everything, and after live now nothing', () => {
    expect(decided(after(2), { sinceMs: at(-1) }).since).toEqual({ from: -1, to: 2 });
    const later = decided(after(2), { sinceMs: at(9) });
    expect(later.since).toEqual({ from: 2, to: 2 });
    expect(later.timeline.map(({ inWindow }) => inWindow)).toEqual([false, false]);
  });
  test('a snapshot that is dated to a day has the same place in the timeline and in judging', () => {
    const day = { fromMs: at(1), toMs: at(2), source: 'name' };
    const spans = spansAt([0, 1.5, 3]).map((span, i) =>
      i === 0 ? { ...span, toAsOf: day } : { ...span, fromAsOf: day },
    );
    expect(middleMs(day)).toBe(at(1.5));
    const of = decided([night(), night()], { spans, points: [at(0), at(1.5), at(3)], sinceMs: at(1.75) });
    expect(of.since).toEqual({ from: 1, to: 2 });
    expect(of.timeline.map(({ inWindow }) => inWindow)).toEqual([false, true]);
  });
});

describe('the neighbours of a burst', () => {
  const burst = night(scattered(300));
  test('are beside it, on both sides, and it is not beside itself', () => {
    const all = decided([...after(8, burst), night(), night()]);
    expect(all.intervals.flatMap(({ isBeside }, i) => (isBeside ? [i] : []))).toEqual([7, 9]);
    expect(all.intervals[7]?.rules.size).toBe(0);
    const two = decided([...after(8, burst, burst), night()]);
    expect(two.intervals.flatMap(({ isBeside }, i) => (isBeside ? [i] : []))).toEqual([7, 10]);
  });
  test('are those of a burst of damage, and of what is untold, as well', () => {
    for (const of of [night([], { shapes: 9 }), night(gone(99, 'untold'))])
      expect(decided(after(8, of)).intervals[7]?.isBeside).toBe(true);
  });
  test('belong to it themselves where they count more than twice the base and the floor', () => {
    // Three a night are usual: 2 · 3 + 20.
    expect(rules([...after(8, burst), night(gone(26, 'touched'))]).at(-1)).toEqual([]);
    expect(rules([...after(8, burst), night(gone(27, 'touched'))]).at(-1)).toEqual(['beside']);
    expect(rules([...after(8, burst), night(gone(27, 'touched', { isJudged: true }))]).at(-1)).toEqual([]);
  });
  test('are printed as part of the window, and not as a burst', () => {
    const all = decided([...after(8, burst), night(gone(27, 'touched'))]);
    expect(all.timeline.at(-1)).toMatchObject({ inWindow: true, burst: false, rules: ['beside'] });
    expect(all.timeline.at(-2)).toMatchObject({ inWindow: true, burst: true, rules: ['burst'] });
  });
  test('are those of its own series only', () => {
    const [a, b] = [spansAt([0, 1, 2], 'a', [0, 2, 4]), spansAt([0.5, 1.5, 2], 'b', [1, 3, 4])];
    const quiet = night();
    const all = decided([night(scattered(300)), quiet, quiet, quiet], {
      spans: [...a, ...b],
      points: [0, 0.5, 1, 1.5, 2].map(at),
    });
    expect(all.intervals.map(({ isBeside }) => isBeside)).toEqual([false, true, false, false]);
  });
});

describe('what is printed', () => {
  test('the window is that part of the timeline that counts as lost, with the same figures', () => {
    const all = decided([...after(8, night(gone(4, 'silent'))), night(gone(2, 'silent'))]);
    const timeline = all.timeline.map((interval) => ({ ...interval, damaged: 7 }));
    expect(windowOf(all, timeline, null)).toEqual({
      since: null,
      reason: 'silent',
      intervals: timeline.filter((_, i) => i === 8),
    });
    expect(timeline[8]).toMatchObject({ vanished: 4, silent: 4, inWindow: true });
    expect(timeline[9]).toMatchObject({ vanished: 2, silent: 2, inWindow: false });
  });
  test('the reason tells a burst from silence, from no burst, and from too few snapshots', () => {
    expect(decided(after(9, night(scattered(300)))).reason).toBe('burst');
    expect(decided(after(3)).reason).toBe('no burst');
    expect(decided(after(2)).reason).toBe('too few snapshots');
    expect(decided([], { points: [at(0)] }).reason).toBe('too few snapshots');
  });
  test('an interval knows how many its series has', () => {
    const spans = [...spansAt([0, 1, 2, 4], 'a', [0, 1, 2, 4]), ...spansAt([3, 4], 'b', [3, 4])];
    const happened = spans.map(() => night());
    const all = decided(happened, { spans, points: [0, 1, 2, 3, 4].map(at) });
    expect(all.intervals.map(({ known }) => known)).toEqual([3, 3, 3, 1]);
  });
});

describe('joining snapshots that lie close together', () => {
  const ends = (spans: readonly Span[]): (readonly [number, number])[] => spans.map(({ from, to }) => [from, to]);
  test('from the oldest on until they reach twenty hours', () => {
    const hourly = spansAt(Array.from({ length: 50 }, (_, i) => i * HOUR));
    expect(ends(joinedSpans(hourly))).toEqual([
      [0, 20],
      [20, 40],
      [40, 48],
      [48, 49],
    ]);
  });
  test('twenty hours are enough, and a minute less is not', () => {
    expect(ends(joinedSpans(spansAt([0, 20 * HOUR, 40 * HOUR, 41 * HOUR])))).toHaveLength(3);
    expect(ends(joinedSpans(spansAt([0, 20 * HOUR - 1 / 1440, 40 * HOUR, 41 * HOUR])))).toEqual([
      [0, 2],
      [2, 3],
    ]);
  });
  test('what ends at live now is never joined', () => {
    expect(ends(joinedSpans(spansAt([0, HOUR, 2 * HOUR])))).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(ends(joinedSpans(spansAt([0, HOUR])))).toEqual([[0, 1]]);
  });
  test('each series by itself, and a joined interval keeps both its ends', () => {
    const spans = [
      ...spansAt([0, HOUR, 30 * HOUR, 31 * HOUR], 'a'),
      ...spansAt([0, 24 * HOUR, 31 * HOUR], 'b', [4, 5, 6]),
    ];
    const joined = joinedSpans(spans);
    expect(joined.map(({ series, from, to }) => [series, from, to])).toEqual([
      ['a', 0, 2],
      ['a', 2, 3],
      ['b', 4, 5],
      ['b', 5, 6],
    ]);
    expect(joined[0]).toMatchObject({
      fromName: 'a/0',
      toName: 'a/2',
      fromMs: at(0),
      toMs: at(30 * HOUR),
      last: false,
    });
  });
});

describe('where something happened', () => {
  const interval = (
    series: string,
    from: number,
    to: number,
    days = to - from,
  ): Parameters<typeof placeOf>[0][number] => ({
    series,
    from,
    to,
    ms: days * DAY_MS,
  });
  test('in the narrowest interval that covers it, over all series: a rarer backup dates nothing anew', () => {
    const intervals = [interval('weekly', 0, 9), interval('nightly', 3, 5), interval('nightly', 5, 7)];
    expect(placeOf(intervals, 3, 5)).toEqual([1]);
    expect(placeOf(intervals, 5, 6)).toEqual([2]);
    expect(placeOf(intervals, 1, 2)).toEqual([0]);
    expect(placeOf(intervals.toReversed(), 3, 5)).toEqual([1]);
  });
  test('in those of one series that cover it together, the last one first, where no single one does', () => {
    const intervals = [interval('n', 0, 2), interval('n', 2, 4), interval('n', 4, 6)];
    expect(placeOf(intervals, 1, 3)).toEqual([1, 0]);
    expect(placeOf(intervals, 0, 6)).toEqual([2, 1, 0]);
    expect(placeOf(intervals, 2, 4)).toEqual([1]);
  });
  test('of two series that cover it in runs, in the shorter run, and never in one that covers half of it', () => {
    const intervals = [
      interval('wide', 0, 4, 20),
      interval('wide', 4, 9, 20),
      interval('close', 2, 4),
      interval('close', 4, 6),
      interval('half', 3, 4),
    ];
    expect(placeOf(intervals, 3, 5)).toEqual([3, 2]);
    expect(placeOf(intervals, 1, 5)).toEqual([1, 0]);
  });
  test('in what overlaps it, where nothing covers it, and nowhere where nothing does', () => {
    const intervals = [interval('n', 2, 4), interval('n', 4, 6)];
    expect(placeOf(intervals, -1, 3)).toEqual([0]);
    expect(placeOf(intervals, 0, 2)).toEqual([]);
    expect(placeOf([], 0, 1)).toEqual([]);
  });
});
