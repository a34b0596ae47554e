// What is due of a schedule: a function of the schedule, of the last time that was due, and of now. Who asks twice gets
// the same answer, and the catalog keeps each due time once (docs/design.md#due).
import { CronExpressionParser } from 'cron-parser';
import type { Schedule } from '../../domain/watch/configuration.ts';
import { isOpen, opensAt } from '../../domain/watch/windows.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

export interface Asked {
  readonly timeZone: string;
  /** The last due time that is not after now; null where nothing was ever due. */
  readonly lastDueMs: number | null;
  /** Since when the schedule holds: what was due before it is not missed. */
  readonly sinceMs: number;
  readonly nowMs: number;
}

export interface Due {
  readonly dueMs: number;
  /** Due times before it that nobody saw: they are made up for by this one. */
  readonly missed: number;
}

/** How far back the last time of a cron line is looked for, step by step: a step of cron-parser takes 0.2 ms. */
const BACK_MS = [HOUR_MS, DAY_MS, 8 * DAY_MS, 40 * DAY_MS, 400 * DAY_MS, 10 * 366 * DAY_MS] as const;
/** Missed times are counted up to here. */
const MISSED_MAX = 200;

/** Null: nothing is, or its window is closed; what was missed is due when it opens. */
export function dueNow(schedule: Schedule, asked: Asked): Due | null {
  const { window } = schedule;
  if (window !== null && !isOpen(window, asked.timeZone, asked.nowMs)) return null;
  return dueAtAll(schedule, asked);
}

/** When it is next to begin: now, where something is due; null for never. */
export function nextDueMs(schedule: Schedule, asked: Asked): number | null {
  const dueMs = dueAtAll(schedule, asked) === null ? upcomingMs(schedule, asked) : asked.nowMs;
  if (dueMs === null || schedule.window === null) return dueMs;
  return opensAt(schedule.window, asked.timeZone, dueMs);
}

function dueAtAll(schedule: Schedule, { timeZone, lastDueMs, sinceMs, nowMs }: Asked): Due | null {
  // A clock that was set back since the schedule was made.
  const afterMs = Math.min(lastDueMs ?? sinceMs, nowMs);
  if ('cron' in schedule) return lastOfCron(schedule.cron, timeZone, { afterMs, nowMs });
  if (lastDueMs === null) return { dueMs: afterMs, missed: 0 };
  const passed = Math.floor((nowMs - lastDueMs) / schedule.everyMs);
  return passed < 1 ? null : { dueMs: lastDueMs + passed * schedule.everyMs, missed: Math.min(passed - 1, MISSED_MAX) };
}

function upcomingMs(schedule: Schedule, { timeZone, lastDueMs, nowMs }: Asked): number | null {
  if ('everyMs' in schedule) return (lastDueMs ?? nowMs) + schedule.everyMs;
  const [next] = timesOfCron(schedule.cron, timeZone, { afterMs: nowMs, untilMs: Number.POSITIVE_INFINITY, max: 1 });
  return next ?? null;
}

function lastOfCron(
  cron: string,
  timeZone: string,
  { afterMs, nowMs }: { readonly afterMs: number; readonly nowMs: number },
): Due | null {
  for (const backMs of BACK_MS) {
    const fromMs = Math.max(afterMs, nowMs - backMs);
    const dueMs = timesOfCron(cron, timeZone, { afterMs: fromMs, untilMs: nowMs, max: Number.POSITIVE_INFINITY }).at(
      -1,
    );
    if (dueMs !== undefined) {
      const times = timesOfCron(cron, timeZone, { afterMs, untilMs: dueMs, max: MISSED_MAX + 1 });
      return { dueMs, missed: Math.max(0, times.length - 1) };
    }
    if (fromMs === afterMs) return null;
  }
  return null;
}

/**
 * The times of a cron line in (afterMs, untilMs], oldest first. Only forwards: backwards cron-parser gives an hour that
 * autumn repeats twice, and leaves one out that spring skips.
 */
function timesOfCron(
  cron: string,
  tz: string,
  { afterMs, untilMs, max }: { readonly afterMs: number; readonly untilMs: number; readonly max: number },
): number[] {
  const times = CronExpressionParser.parse(cron, { tz, currentDate: new Date(afterMs) });
  const found: number[] = [];
  while (found.length < max) {
    const nextMs = times.next().getTime();
    if (nextMs > untilMs) break;
    found.push(nextMs);
  }
  return found;
}
