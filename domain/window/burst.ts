// What is more than usual: the bases and lines by which an interval is held against the others of its series
// (docs/design.md#loss-intervals). The constants were simulated over nightly use (2026-11-29).
import { DAY_MS, HOUR_MS } from '../lengths.ts';

/** Intervals are held only against those of about their own length. */
const LENGTH_FACTOR = 3;

/** The sensitive rule: files a day. */
const SENSITIVE = {
  /** Fewer intervals than this allow no base: then the floor alone decides. */
  intervalsMin: 3,
  /** Snapshots minutes apart must not turn three deletions into a rate of thousands a day. */
  daysMin: 0.25,
  /** The base is a low quantile, because a loss often fills half of the intervals (median and MAD fail there). */
  baseDivisor: 3,
  factor: 3,
  floorFilesMin: 20,
  floorShareOfFiles: 0.0005,
  /** What happens every week or every other week is a habit, if it was at least this strong then. */
  rhythmDays: [7, 14],
  rhythmToleranceMs: 12 * HOUR_MS,
  rhythmShare: 0.5,
} as const;

/** A burst of touched vanishings: directories that lost names. */
const TOUCHED = {
  intervalsMin: 8,
  factor: 12,
  floorDirectories: 20,
  /** With fewer intervals. */
  directoriesMin: 100,
  filesMin: 100,
  shareOfFiles: 0.02,
  filesMax: 1_000,
  largeShareOfFiles: 0.05,
} as const;

const DAMAGE = { filesMin: 3, baseDivisor: 3, factor: 3 } as const;

/** One interval between consecutive complete snapshots: its ends (ms, midpoints of as_of) and how much it counts. */
export interface Counted {
  readonly fromMs: number;
  readonly toMs: number;
  readonly count: number;
}

export interface Line {
  /** Files a day that are this series' habit; 0 where nothing tells. */
  readonly base: number;
  /** Files. */
  readonly floor: number;
  readonly isBeyond: boolean;
}

/**
 * The sensitive line of each interval of one series, in order of time. `files` is the size of the volume, for the
 * floor.
 */
export function sensitiveLines(intervals: readonly Counted[], files: number): Line[] {
  const floor = Math.max(SENSITIVE.floorFilesMin, SENSITIVE.floorShareOfFiles * files);
  const rates = intervals.map(ratePerDay);
  return intervals.map((interval, i): Line => {
    const peers = peersOf(intervals, i).map((j) => rates[j] ?? 0);
    if (peers.length < SENSITIVE.intervalsMin) return { base: 0, floor, isBeyond: interval.count >= floor };
    const base = lowQuantile(peers, SENSITIVE.baseDivisor);
    const limit = SENSITIVE.factor * base + floor;
    const isBeyond = interval.count >= floor && (rates[i] ?? 0) > limit && !isHabit(intervals, rates, limit, i);
    return { base, floor, isBeyond };
  });
}

/** More than twice the habit, beside a burst: the loss reached into this interval. */
export function isBesideBurst(interval: Counted, { base, floor }: Line): boolean {
  return interval.count > 2 * base * daysOf(interval) + floor;
}

/** Of touched vanishings in one interval. */
export interface TouchedCount extends Counted {
  /**
   * `count` is that of directories that lost names: all of them, for the base. What an earlier assessment judged is
   * left out here.
   */
  readonly fresh: number;
  /** Files that are gone from them, less what stands elsewhere and what an earlier assessment judged. */
  readonly files: number;
}

/** Whether people deleted far more, or in far more places, than they do. */
export function touchedBursts(intervals: readonly TouchedCount[], files: number): boolean[] {
  const filesLimit = Math.max(
    TOUCHED.filesMin,
    TOUCHED.shareOfFiles * files,
    Math.min(TOUCHED.filesMax, TOUCHED.largeShareOfFiles * files),
  );
  return intervals.map((interval, i) => {
    if (interval.files >= filesLimit) return true;
    const peers = peersOf(intervals, i).map((j) => intervals[j]?.count ?? 0);
    if (peers.length < TOUCHED.intervalsMin) return interval.fresh > TOUCHED.directoriesMin;
    return interval.fresh > TOUCHED.factor * median(peers) + TOUCHED.floorDirectories;
  });
}

/** Whether more files were damaged, by their shape alone, than ever are. */
export function damageBursts(intervals: readonly Counted[]): boolean[] {
  return intervals.map(({ count }, i) => {
    const peers = peersOf(intervals, i).map((j) => intervals[j]?.count ?? 0);
    return count >= DAMAGE.filesMin && count > DAMAGE.factor * lowQuantile(peers, DAMAGE.baseDivisor);
  });
}

/** The interval itself and those of about its length. */
function peersOf(intervals: readonly Counted[], i: number): number[] {
  const own = daysOf(intervals[i]);
  return intervals.flatMap((other, j) => {
    const days = daysOf(other);
    return j === i || (days <= own * LENGTH_FACTOR && own <= days * LENGTH_FACTOR) ? [j] : [];
  });
}

function lowQuantile(values: readonly number[], divisor: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / divisor)] ?? 0;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function daysOf(interval: Counted | undefined): number {
  return interval === undefined ? 0 : (interval.toMs - interval.fromMs) / DAY_MS;
}

function ratePerDay(interval: Counted): number {
  return interval.count / Math.max(daysOf(interval), SENSITIVE.daysMin);
}

/**
 * Did the same happen 7 or 14 days before? Only a peak that stands alone is a rhythm: if most intervals between the two
 * are above the limit as well, it is one long loss, and its second week must not be excused by its first.
 */
function isHabit(intervals: readonly Counted[], rates: readonly number[], limit: number, i: number): boolean {
  const here = intervals[i];
  if (here === undefined) return false;
  const rate = rates[i] ?? 0;
  for (let j = i - 1; j >= 0; j--) {
    const earlier = intervals[j];
    if (earlier === undefined) continue;
    const apart = here.toMs - earlier.toMs;
    const inRhythm = SENSITIVE.rhythmDays.some(
      (days) => Math.abs(apart - days * DAY_MS) <= SENSITIVE.rhythmToleranceMs,
    );
    if (!inRhythm || (rates[j] ?? 0) < SENSITIVE.rhythmShare * rate) continue;
    const between = rates.slice(j + 1, i);
    const quiet = between.filter((r) => r <= limit).length;
    if (quiet * 2 > between.length) return true;
  }
  return false;
}
