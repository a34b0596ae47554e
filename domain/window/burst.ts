// When things vanished or were damaged faster than this volume's own habit: the estimate of design.md section 6, "Window and bursts".

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The constants of the estimate, with units in their names. A factor of 3 is meant for an assessment; an alarm needs a harder rule. */
const BURST = {
  /** Fewer intervals than this allow no estimate: everything is in the window. */
  intervalsMin: 3,
  /** Snapshots minutes apart must not turn three deletions into a rate of thousands a day. */
  daysMin: 0.25,
  /** The base is a low quantile, because the loss often fills half of the intervals (median and MAD fail there). */
  baseDivisor: 3,
  factor: 3,
  floorPathsMin: 20,
  floorShareOfFiles: 0.0005,
  /** What happens every week or every other week is a habit, if it was at least this strong then. */
  rhythmDays: [7, 14],
  rhythmToleranceMs: 12 * HOUR_MS,
  rhythmShare: 0.5,
} as const;

/** One interval between consecutive complete snapshots: its ends (ms, midpoints of as_of) and how many paths it counts. */
export interface Counted {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

export interface Estimate {
  /** False with fewer than three intervals: then nothing can be said, and the caller takes everything. */
  readonly known: boolean;
  /** Paths a day that are this series' habit. */
  readonly base: number;
  /** Paths. */
  readonly floor: number;
  /** Aligned with the intervals. */
  readonly bursts: readonly boolean[];
}

function ratePerDay(interval: Counted): number {
  return interval.count / Math.max((interval.toMs - interval.fromMs) / DAY_MS, BURST.daysMin);
}

/** Marks the bursts among the intervals of one series, in order of time. `files` is the size of the volume, for the floor. */
export function estimateBursts(intervals: readonly Counted[], files: number): Estimate {
  const floor = Math.max(BURST.floorPathsMin, BURST.floorShareOfFiles * files);
  const rates = intervals.map(ratePerDay);
  const n = intervals.length;
  if (n < BURST.intervalsMin) return { known: false, base: 0, floor, bursts: intervals.map(() => false) };
  const base = rates.toSorted((a, b) => a - b)[Math.floor((n - 1) / BURST.baseDivisor)] ?? 0;
  const limit = BURST.factor * base + floor;
  const bursts = intervals.map(
    (interval, i) => interval.count >= floor && (rates[i] ?? 0) > limit && !isHabit(intervals, rates, limit, i),
  );
  return { known: true, base, floor, bursts };
}

/**
 * Did the same happen 7 or 14 days before? Only a peak that stands alone is a rhythm: if most intervals between the two are above
 * the limit as well, it is one long loss, and its second week must not be excused by its first.
 */
function isHabit(intervals: readonly Counted[], rates: readonly number[], limit: number, i: number): boolean {
  const here = intervals[i];
  if (here === undefined) return false;
  const rate = rates[i] ?? 0;
  for (let j = i - 1; j >= 0; j--) {
    const earlier = intervals[j];
    if (earlier === undefined) continue;
    const apart = here.toMs - earlier.toMs;
    const inRhythm = BURST.rhythmDays.some((days) => Math.abs(apart - days * DAY_MS) <= BURST.rhythmToleranceMs);
    if (!inRhythm || (rates[j] ?? 0) < BURST.rhythmShare * rate) continue;
    const between = rates.slice(j + 1, i);
    const quiet = between.filter((r) => r <= limit).length;
    if (quiet * 2 > between.length) return true;
  }
  return false;
}
