import { describe, expect, test } from 'vitest';
import { type Counted, estimateBursts } from '../../domain/window/burst.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 1, 3);

function nights(counts: readonly number[], days = 1): Counted[] {
  return counts.map((count, i) => ({ fromMs: START + i * days * DAY, toMs: START + (i + 1) * days * DAY, count }));
}

function marked(counts: readonly number[], files = 10_000, days = 1): number[] {
  return estimateBursts(nights(counts, days), files).bursts.flatMap((burst, i) => (burst ? [i] : []));
}

/** mulberry32 and Box–Muller: the same churn on every machine. */
function lognormal(seed: number, median: number, sigma: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    return Math.round(median * Math.exp(sigma * normal));
  };
}

describe('bursts', () => {
  test('fewer than three intervals allow no estimate', () => {
    expect(estimateBursts(nights([5, 900]), 10_000).known).toBe(false);
    expect(estimateBursts(nights([5, 900, 3]), 10_000).known).toBe(true);
  });

  test('a quiet fortnight of small churn stays below the floor whatever its shape', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const draw = lognormal(seed, 3, 0.5);
      expect(marked(Array.from({ length: 14 }, draw)), `seed ${seed}`).toEqual([]);
    }
  });

  test('moderate lognormal churn marks few quiet fortnights, and a loss of ten times the median is found in all of them', () => {
    let quietMarked = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const draw = lognormal(seed, 100, 0.5);
      const counts = Array.from({ length: 14 }, draw);
      if (marked(counts).length > 0) quietMarked++;
      const damaged = counts.with(11, (counts[11] ?? 0) + 1_000);
      expect(marked(damaged), `seed ${seed}`).toContain(11);
    }
    expect(quietMarked).toBeLessThan(60);
  });

  test('a loss that fills half of the intervals is found in each of them', () => {
    expect(marked([4, 6, 5, 3, 7, 5, 4, 300, 420, 350, 500, 280, 610, 390])).toEqual([7, 8, 9, 10, 11, 12, 13]);
  });

  test('a loss that lasts ten nights is not excused by its own first week', () => {
    const counts = [...Array.from({ length: 14 }, () => 5), ...Array.from({ length: 10 }, () => 400)];
    expect(marked(counts)).toEqual([14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
  });

  test('two bursts with quiet between them are two', () => {
    expect(marked([5, 5, 400, 5, 5, 5, 5, 5, 380, 5, 5])).toEqual([2, 8]);
  });

  test('what comes round every week is a habit, in seven days or in fourteen, give or take half a day', () => {
    const weekly = [5, 5, 5, 5, 5, 500, 5, 5, 5, 5, 5, 5, 450, 5, 5, 5, 5, 5, 5, 700, 5];
    expect(marked(weekly)).toEqual([5]);
    const fortnightly = Array.from({ length: 30 }, (_, i) => (i === 3 || i === 17 ? 500 : 5));
    expect(marked(fortnightly)).toEqual([3]);
    const late = nights(weekly).map((interval, i) =>
      i === 12 ? { ...interval, toMs: interval.toMs + 11 * 3_600_000 } : interval,
    );
    expect(estimateBursts(late, 10_000).bursts[12]).toBe(false);
    const tooLate = nights(weekly).map((interval, i) =>
      i === 12 ? { ...interval, toMs: interval.toMs + 13 * 3_600_000 } : interval,
    );
    expect(estimateBursts(tooLate, 10_000).bursts[12]).toBe(true);
  });

  test('a peak more than twice that of the week before is a burst all the same', () => {
    expect(marked([5, 5, 5, 5, 5, 200, 5, 5, 5, 5, 5, 5, 500, 5])).toEqual([5, 12]);
  });

  test('a big volume has a higher floor: half a thousandth of its files', () => {
    expect(marked([1, 1, 1, 60, 1], 10_000)).toEqual([3]);
    expect(marked([1, 1, 1, 60, 1], 1_000_000)).toEqual([]);
    expect(marked([1, 1, 1, 600, 1], 1_000_000)).toEqual([3]);
  });

  test('intervals of minutes do not turn a handful of deletions into a rate of thousands a day', () => {
    const short: Counted[] = [
      ...nights([2, 3, 2, 2]),
      { fromMs: START + 4 * DAY, toMs: START + 4 * DAY + 60_000, count: 6 },
    ];
    expect(estimateBursts(short, 1_000).bursts).toEqual([false, false, false, false, false]);
  });
});
