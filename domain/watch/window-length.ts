// How long a window of the day is open.
import type { Window } from './configuration.ts';
import { localMsOf } from './windows.ts';
import { DAY_MS, MINUTE_MS } from '../lengths.ts';

/**
 * How much longer it stays open (ms); 0 where it is closed. Without a window there is no end. On a day on which the
 * zone's clocks are changed it may be off by that hour.
 */
export function windowLeftMs(window: Window | null, timeZone: string, atMs: number): number {
  if (window === null) return Number.POSITIVE_INFINITY;
  const sinceMs = (((localMsOf(timeZone, atMs) - window.fromMinute * MINUTE_MS) % DAY_MS) + DAY_MS) % DAY_MS;
  return Math.max(0, windowLengthMs(window) - sinceMs);
}

/** Of each day (ms). One that ends when it begins is the whole day. */
export function windowLengthMs(window: Window | null): number {
  if (window === null) return DAY_MS;
  const minutes = (window.untilMinute - window.fromMinute + 1_440) % 1_440;
  return minutes === 0 ? DAY_MS : minutes * MINUTE_MS;
}
