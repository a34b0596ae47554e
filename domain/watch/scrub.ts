// The promise of the scrub: every file is read again within so many days. How much is to be read now, and how it
// stands. (docs/design.md#scrub)
import type { Scrub } from './configuration.ts';
import type { ScrubStanding } from './picture.ts';
import { windowLengthMs } from './window-length.ts';
import { DAY_MS } from '../lengths.ts';

/** Files of a volume that were read at about the same time. */
export interface ReadAt {
  /** Null: never, as far as anybody knows. */
  readonly readMs: number | null;
  /** What the deadline counts from: when they were read last, or else first seen. */
  readonly sinceMs: number;
  readonly files: number;
  readonly bytes: number;
}

/** A part of the scrub that was done: one scan. */
export interface Slice {
  readonly startedMs: number;
  /** Of the directories that it chose … */
  readonly chosenBytes: number;
  /** … and of those that it has read. */
  readonly bytes: number;
}

export interface ScrubFacts {
  readonly read: readonly ReadAt[];
  /** Complete ones of at least the last half of the promised time, in any order. */
  readonly slices: readonly Slice[];
  /** When the first one of all began; null before there was one. */
  readonly firstMs: number | null;
}

export interface SlicePlan {
  /** What a slice may read, whatever is to be read. */
  readonly bytesMax: number;
  /** What is to be read of files that are in no hurry. */
  readonly owedBytes: number;
  /** What was read before then is urgent: it is read whatever was read lately. */
  readonly urgentMs: number;
  /** What was read after then is left alone. */
  readonly youngMs: number;
  /** There is enough to be read that looking through the tree pays. */
  readonly isWorth: boolean;
}

/** Other work on the volume waits no longer than this for a slice to end. */
export const SLICE_MS = 15 * 60_000;
/** A slice where the configuration sets no bytes a second. */
export const SLICE_BYTES = 32 * 1024 ** 3;
/** A little faster than the promise asks for: the volume grows, and nights are missed. */
const HEADROOM = 1.25;
/** From this share of the promised time on a file is urgent. */
const URGENT = 0.9;
/** What a night missed is made up for within this share of the promised time. */
const ACCRUES = 0.25;
/** Before it has run for so long, nothing is known of how fast it reads. */
const MEASURED_AFTER_MS = 3 * DAY_MS;
/** A date is near within this share of the promised time. */
const NEAR = 0.25;

/** What to read next. @param windowLeftMs how long its window stays open */
export function planSlice(scrub: Scrub, facts: ScrubFacts, windowLeftMs: number, nowMs: number): SlicePlan {
  const { withinDays, bytesPerSecond } = scrub;
  const withinMs = withinDays * DAY_MS;
  const bytesMax = bytesPerSecond === null ? SLICE_BYTES : (bytesPerSecond * Math.min(SLICE_MS, windowLeftMs)) / 1_000;
  const dayBytes = bytesADay(scrub, facts);
  const accruesMs = Math.max(DAY_MS, ACCRUES * withinMs);
  const ranMs = facts.firstMs === null ? 0 : Math.max(0, nowMs - facts.firstMs);
  const chosen = facts.slices.filter(({ startedMs }) => startedMs > nowMs - accruesMs);
  const due = (dayBytes * Math.min(accruesMs, ranMs + DAY_MS)) / DAY_MS;
  const owedBytes = Math.max(0, due - chosen.reduce((sum, slice) => sum + slice.chosenBytes, 0));
  const urgentMs = nowMs - URGENT * withinMs;
  const isUrgent = facts.read.some(({ readMs, sinceMs }) => readMs === null || sinceMs < urgentMs);
  const youngMs = nowMs - Math.min(DAY_MS, withinMs / 4);
  const isOwed = owedBytes > 0 && owedBytes >= Math.min(bytesMax, dayBytes / 4);
  const isWorth = windowLeftMs > 0 && (isUrgent || (isOwed && facts.read.some(({ sinceMs }) => sinceMs < youngMs)));
  return { bytesMax, owedBytes, urgentMs, youngMs, isWorth };
}

function bytesADay({ withinDays }: Scrub, { read }: ScrubFacts): number {
  return (read.reduce((sum, { bytes }) => sum + bytes, 0) * HEADROOM) / withinDays;
}

export function scrubStandingOf(scrub: Scrub, facts: ScrubFacts, nowMs: number): ScrubStanding {
  const { withinDays, graceDays } = scrub;
  const { read } = facts;
  const filesOf = (some: readonly ReadAt[]): number => some.reduce((sum, { files }) => sum + files, 0);
  const bytesOf = (some: readonly ReadAt[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0);
  const times = read.flatMap(({ readMs }) => readMs ?? []);
  const bounds = [withinDays / 4, withinDays / 2, (withinDays * 3) / 4, withinDays, withinDays + graceDays];
  const histogram = [...new Set(bounds), null].map((daysMax, at, all) => {
    const above = at === 0 ? Number.NEGATIVE_INFINITY : (all[at - 1] ?? 0);
    const those = read.filter(({ readMs }) => {
      const days = readMs === null ? Number.POSITIVE_INFINITY : (nowMs - readMs) / DAY_MS;
      return days > above && (daysMax === null || days <= daysMax);
    });
    return { daysMax, files: filesOf(those), bytes: bytesOf(those) };
  });
  return {
    withinDays,
    files: filesOf(read),
    bytes: bytesOf(read),
    overdue: filesOf(read.filter(({ sinceMs }) => sinceMs + (withinDays + graceDays) * DAY_MS < nowMs)),
    neverRead: filesOf(read.filter(({ readMs }) => readMs === null)),
    oldestMs: times.length === 0 ? null : times.reduce((least, one) => Math.min(least, one)),
    missMs: missedAt(scrub, facts, nowMs),
    histogram,
  };
}

/**
 * The first deadline, without grace, that cannot be kept: by what the budget allows, however far away it is; by how
 * fast the scrub reads at present, where it is near. (After a few nights without it a date is far away, and it catches
 * up.)
 */
function missedAt(scrub: Scrub, facts: ScrubFacts, nowMs: number): number | null {
  const { firstMs, read } = facts;
  const withinMs = scrub.withinDays * DAY_MS;
  const never = firstMs === null && read.some(({ sinceMs }) => sinceMs < nowMs - withinMs / 2);
  if (never) return missedAtRate(scrub, read, 0, nowMs);
  const missMs = missedAtRate(scrub, read, allowedRate(scrub), nowMs);
  if (missMs !== null || firstMs === null || nowMs - firstMs < MEASURED_AFTER_MS) return missMs;
  const soonMs = missedAtRate(scrub, read, presentRate(scrub, { ...facts, firstMs }, nowMs), nowMs);
  return soonMs !== null && soonMs < nowMs + NEAR * withinMs ? soonMs : null;
}

/** Files are taken to be read in the order of their deadlines, as the scrub does. @param rate bytes in a ms */
function missedAtRate(scrub: Scrub, read: readonly ReadAt[], rate: number, nowMs: number): number | null {
  let before = 0;
  for (const { sinceMs, bytes, files } of [...read].sort((a, b) => a.sinceMs - b.sinceMs)) {
    // An empty file takes a look, too.
    before += Math.max(bytes, files);
    const deadlineMs = sinceMs + scrub.withinDays * DAY_MS;
    if (nowMs + before / rate > deadlineMs) return deadlineMs;
  }
  return null;
}

function allowedRate({ bytesPerSecond, window }: Scrub): number {
  if (bytesPerSecond === null) return Number.POSITIVE_INFINITY;
  return ((bytesPerSecond / 1_000) * windowLengthMs(window)) / DAY_MS;
}

/** What it did lately, and over longer times where it reads much at once and then nothing. */
function presentRate(
  { withinDays }: Scrub,
  { firstMs, slices }: ScrubFacts & { readonly firstMs: number },
  nowMs: number,
): number {
  const withinMs = withinDays * DAY_MS;
  const over = (ms: number): number => {
    const fromMs = Math.max(nowMs - ms, firstMs);
    const bytes = slices.filter(({ startedMs }) => startedMs >= fromMs).reduce((sum, slice) => sum + slice.bytes, 0);
    return bytes / (nowMs - fromMs);
  };
  return Math.max(over(Math.min(7 * DAY_MS, withinMs / 2)), over(ACCRUES * withinMs), over(withinMs / 2));
}
