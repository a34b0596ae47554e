// How often a schedule comes, and whether it is kept.
import type { Schedule, Window } from '../../domain/watch/configuration.ts';
import { lasting } from '../../domain/watch/states.ts';
import type { LastRun } from '../catalog/audits.ts';
import { type Asked, nextDueMs } from './due.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

const DAY_MINUTES = 1_440;
/** A run begins within a minute where serve and worker are there; this is for a host that starts, and for queues. */
const GRACE_MS = HOUR_MS;
/** Times of a cron line that are looked at: a week of working days has its weekend in them. */
const TIMES = 8;

/** The longest time between two runs. */
export function periodOf(schedule: Schedule, timeZone: string, nowMs: number): number {
  const closedMs = schedule.window === null ? 0 : closedFor(schedule.window);
  if ('everyMs' in schedule) return Math.max(schedule.everyMs, closedMs);
  let longest = closedMs;
  let atMs = nowMs;
  for (let n = 0; n < TIMES; n++) {
    const nextMs = nextDueMs({ ...schedule, window: null }, { timeZone, lastDueMs: atMs, sinceMs: atMs, nowMs: atMs });
    if (nextMs === null) break;
    // Where the first one is counted from is no time of the schedule.
    if (n > 0) longest = Math.max(longest, nextMs - atMs);
    atMs = nextMs;
  }
  return Math.max(longest, HOUR_MS);
}

function closedFor({ fromMinute, untilMinute }: Window): number {
  if (fromMinute === untilMinute) return 0;
  const open = (untilMinute - fromMinute + DAY_MINUTES) % DAY_MINUTES;
  return (DAY_MINUTES - open) * 60_000;
}

/** A sentence for what is missed; none where the schedule is kept. */
export function lateOf(
  schedule: Schedule,
  run: LastRun | undefined,
  asked: Asked & { readonly periodMs: number },
): string[] {
  const { nowMs, lastDueMs, sinceMs, periodMs } = asked;
  if (run?.state === 'left' && nowMs - run.leftMs > periodMs + GRACE_MS)
    return [`the run that was due ${lasting(nowMs - run.dueMs)} ago has not ended`];
  if (run?.state === 'left') return [];
  if (run?.state === 'failed') return [`its last run failed: ${run.message ?? 'nobody knows why'}`];
  const dueMs = nextDueMs(schedule, { ...asked, nowMs: lastDueMs ?? sinceMs });
  if (dueMs === null || nowMs - dueMs <= GRACE_MS) return [];
  return [`the run that was due ${lasting(nowMs - dueMs)} ago has not begun: check that rollcall serve runs`];
}
