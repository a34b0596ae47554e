// Times of day in which something may be done, or is not alarmed. Local time of a zone, so that "22:00–06:00" holds in
// winter and in summer.
import type { Configuration, Window } from './configuration.ts';
import { instantsOf, offsetsOf } from '../time-zone.ts';
import { DAY_MS, MINUTE_MS } from '../lengths.ts';

const DAY_MINUTES = 1_440;
/** A day on which clocks skip the whole window has none; the one after it has. */
const DAYS_AHEAD = 3;

/** Local time, as if it were UTC. */
export function localMsOf(timeZone: string, atMs: number): number {
  return atMs + offsetsOf(timeZone)(atMs);
}

function minuteOfDay(localMs: number): number {
  return Math.floor(localMs / MINUTE_MS) % DAY_MINUTES;
}

/** One that ends when it begins is the whole day. */
export function isOpen({ fromMinute, untilMinute }: Window, timeZone: string, atMs: number): boolean {
  const minute = minuteOfDay(localMsOf(timeZone, atMs));
  if (fromMinute === untilMinute) return true;
  if (fromMinute < untilMinute) return minute >= fromMinute && minute < untilMinute;
  return minute >= fromMinute || minute < untilMinute;
}

/** The first instant from `atMs` on at which it is open; null where clocks never show it. */
export function opensAt(window: Window, timeZone: string, atMs: number): number | null {
  if (isOpen(window, timeZone, atMs)) return atMs;
  const offsetAt = offsetsOf(timeZone);
  const day = Math.floor((atMs + offsetAt(atMs)) / DAY_MS) * DAY_MS;
  for (let n = 0; n <= DAYS_AHEAD; n++) {
    const opening = instantsOf(day + n * DAY_MS + window.fromMinute * MINUTE_MS, offsetAt).fromMs;
    if (opening >= atMs && isOpen(window, timeZone, opening)) return opening;
  }
  return null;
}

/** Whether one of these names (of a volume, of its host) is in maintenance: nothing is alarmed of it. */
export function isInMaintenance(
  { maintenance, timeZone }: Pick<Configuration, 'maintenance' | 'timeZone'>,
  names: readonly string[],
  atMs: number,
): boolean {
  return maintenance.some(({ subjects, at }) => {
    if (subjects.length > 0 && !names.some((name) => subjects.includes(name))) return false;
    if ('fromMs' in at) return atMs >= at.fromMs && atMs < at.untilMs;
    return isOpen(at.window, timeZone, atMs) && at.weekdays.includes(weekdayBegun(at.window, timeZone, atMs));
  });
}

/** 0 is Sunday. What goes on after midnight belongs to the day on which it began. */
function weekdayBegun({ fromMinute, untilMinute }: Window, timeZone: string, atMs: number): number {
  const localMs = localMsOf(timeZone, atMs);
  const isAfterMidnight = fromMinute > untilMinute && minuteOfDay(localMs) < untilMinute;
  return new Date(localMs - (isAfterMidnight ? DAY_MS : 0)).getUTCDay();
}
