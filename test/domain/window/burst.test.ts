import { describe, expect, test } from 'vitest';
import { type Counted, damageBursts, sensitiveLines, touchedBursts } from '../../../domain/window/burst.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 9, 1, 3);

function nights(counts: readonly number[], days = 1): Counted[] {
  return counts.map((count, i) => ({ fromMs: START + i * days * DAY, toMs: START + (i + 1) * days * DAY, count }));
}

function marked(counts: readonly number[], files = 10_000, days = 1): number[] {
  return sensitiveLines(nights(counts, days), files).flatMap(({ isBeyond }, i) => (isBeyond ? [i] : []));
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

describe('the sensitive line', () => {
  test('with fewer than three intervals of its length the floor alone decides', () => {
    expect(marked([5, 900])).toEqual([1]);
    expect(marked([19, 20])).toEqual([1]);
    expect(marked([400, 420, 410])).toEqual([]);
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
    expect(sensitiveLines(late, 10_000)[12]?.isBeyond).toBe(false);
    const tooLate = nights(weekly).map((interval, i) =>
      i === 12 ? { ...interval, toMs: interval.toMs + 13 * 3_600_000 } : interval,
    );
    expect(sensitiveLines(tooLate, 10_000)[12]?.isBeyond).toBe(true);
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
    expect(sensitiveLines(short, 1_000).some(({ isBeyond }) => isBeyond)).toBe(false);
  });

  test('an interval is held only against those of about its own length', () => {
    const weeks = nights([200, 210, 190, 205], 7);
    const day: Counted = { fromMs: START + 28 * DAY, toMs: START + 29 * DAY, count: 60 };
    expect(sensitiveLines([...weeks, day], 10_000)[4]).toEqual({ base: 0, floor: 20, isBeyond: true });
  });
});

describe('a burst of touched vanishings', () => {
  const night = (directories: number, files = directories): { count: number; fresh: number; files: number } => ({
    count: directories,
    fresh: directories,
    files,
  });
  const bursts = (of: readonly ReturnType<typeof night>[], files = 10_000): number[] =>
    touchedBursts(
      of.map((one, i) => ({ ...one, fromMs: START + i * DAY, toMs: START + (i + 1) * DAY })),
      files,
    ).flatMap((is, i) => (is ? [i] : []));
  const usual = [3, 4, 5, 4, 3, 4, 5].map((count) => night(count));

  test('is more than twelve times the median and twenty directories, with eight nights or more', () => {
    expect(bursts([...usual, night(68)])).toEqual([]);
    expect(bursts([...usual, night(69)])).toEqual([7]);
  });
  test('is more than a hundred directories with fewer', () => {
    expect(bursts([night(3), night(100, 90)])).toEqual([]);
    expect(bursts([night(3), night(101, 90)])).toEqual([1]);
  });
  test('is two files of a hundred, at the least a hundred, and a thousand where that is a twentieth or more', () => {
    expect(bursts([...usual, night(2, 99)], 400)).toEqual([]);
    expect(bursts([...usual, night(2, 100)], 400)).toEqual([7]);
    expect(bursts([...usual, night(2, 499)], 10_000)).toEqual([]);
    expect(bursts([...usual, night(2, 500)], 10_000)).toEqual([7]);
    expect(bursts([...usual, night(2, 1_999)], 100_000)).toEqual([]);
    expect(bursts([...usual, night(2, 2_000)], 100_000)).toEqual([7]);
  });
  test('does not count what an earlier assessment judged, but measures the habit by it', () => {
    const before = usual.map((one) => ({ ...one, fresh: 0, files: 0 }));
    expect(bursts([...before, night(68)])).toEqual([]);
    expect(bursts([...before.slice(0, 3), { count: 300, fresh: 0, files: 0 }, ...before.slice(3), night(2)])).toEqual(
      [],
    );
  });
});

describe('a burst of damage', () => {
  const bursts = (counts: readonly number[]): number[] =>
    damageBursts(nights(counts)).flatMap((is, i) => (is ? [i] : []));
  test('is three files or more, and more than three times what is usual', () => {
    expect(bursts([0, 0, 0, 2])).toEqual([]);
    expect(bursts([0, 0, 0, 3])).toEqual([3]);
    expect(bursts([4, 5, 4, 12])).toEqual([]);
    expect(bursts([4, 5, 4, 13])).toEqual([3]);
  });
});
