// Local time: how far the clocks of a zone are from UTC, by the zone's name or by the rule that POSIX writes it in.
import { RollcallError } from './exit.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './lengths.ts';

/**
 * The offset of local time from UTC (local − UTC, in ms) that holds in some zone at an instant (ms since 1970, UTC).
 */
export type OffsetAt = (atMs: number) => number;

/**
 * The offsets of an IANA zone ('Europe/Berlin', 'UTC'), daylight saving time included.
 * Throws RollcallError for a zone that is not known here.
 */
export function offsetsOf(zone: string): OffsetAt {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch (cause) {
    throw new RollcallError(`There is no time zone called ${JSON.stringify(zone)}.`, {
      next: "Name the zone as the IANA database does, for instance --tz Europe/Berlin or --tz UTC; it is the zone that the snapshots' names were written in.",
      cause,
    });
  }
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map((part) => [part.type, Number(part.value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const localMs = Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
    return localMs - Math.floor(atMs / 1000) * 1000;
  };
}

/**
 * The instants at which clocks of a zone show a local time (given as if it were UTC, in ms): two in the hour that an
 * autumn repeats, one otherwise. A time that spring skips is what a clock not yet moved would have shown.
 */
export function instantsOf(localMs: number, offsetAt: OffsetAt): { readonly fromMs: number; readonly toMs: number } {
  const offsets = [offsetAt(localMs - DAY_MS), offsetAt(localMs + DAY_MS)];
  const instants = offsets.map((offset) => localMs - offset).filter((at) => localMs - at === offsetAt(at));
  if (instants.length > 0) return { fromMs: Math.min(...instants), toMs: Math.max(...instants) };
  const skipped = localMs - (offsets[0] ?? 0);
  return { fromMs: skipped, toMs: skipped };
}

/** The first instant of a local day, also where midnight is skipped or comes twice. */
export function startOfDay(localMs: number, offsetAt: OffsetAt): number {
  return instantsOf(localMs, offsetAt).fromMs;
}

/** A day of the year on which clocks are moved, as a local time in ms since the year began. */
type Change = (year: number) => number;

const NAME = '(?:<[A-Za-z0-9+-]+>|[A-Za-z]{3,})';
const CLOCK = '[+-]?[0-9]{1,3}(?::[0-9]{2}){0,2}';
const POSIX = new RegExp(
  `^${NAME}(?<standard>${CLOCK})(?:(?<dst>${NAME})(?<summer>${CLOCK})?(?:,(?<begins>[^,]+),(?<ends>[^,]+))?)?$`,
);

/**
 * The offsets that a rule of POSIX gives: `CET-1CEST,M3.5.0,M10.5.0/3`, `<-03>3`, `UTC0`. It stands in TZ, and at the
 * end of a file of the zone database, for all years that the file does not list. Null for text that is no such rule.
 */
export function posixOffsets(rule: string): OffsetAt | null {
  const groups = POSIX.exec(rule)?.groups;
  if (groups?.['standard'] === undefined) return null;
  // POSIX counts westwards.
  const standard = 0 - clockMs(groups['standard']);
  if (groups['dst'] === undefined) return () => standard;
  const summer = groups['summer'] === undefined ? standard + HOUR_MS : 0 - clockMs(groups['summer']);
  const begins = changeOf(groups['begins'] ?? 'M3.2.0');
  const ends = changeOf(groups['ends'] ?? 'M11.1.0');
  if (begins === null || ends === null) return null;
  return (atMs) => {
    const year = new Date(atMs + standard).getUTCFullYear();
    const first = Date.UTC(year, 0, 1);
    const from = first + begins(year) - standard;
    const to = first + ends(year) - summer;
    const isSummer = from < to ? atMs >= from && atMs < to : atMs >= from || atMs < to;
    return isSummer ? summer : standard;
  };
}

function clockMs(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.replace(/^[+-]/, '').split(':').map(Number);
  const ms = hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
  return text.startsWith('-') ? -ms : ms;
}

/** `M3.5.0/2` (the last Sunday of March at two), `J60`, `59`. */
function changeOf(text: string): Change | null {
  const [day = '', time = '2'] = text.split('/');
  if (!new RegExp(`^${CLOCK}$`).test(time)) return null;
  const atMs = clockMs(time);
  const [, month, week, weekday] = (/^M([0-9]{1,2})\.([1-5])\.([0-6])$/.exec(day) ?? []).map(Number);
  if (month !== undefined && week !== undefined && weekday !== undefined) {
    return (year) => {
      const first = Date.UTC(year, month - 1, 1);
      const days = (weekday - new Date(first).getUTCDay() + 7) % 7;
      const length = (Date.UTC(year, month, 1) - first) / DAY_MS;
      let date = days + (week - 1) * 7;
      while (date >= length) date -= 7;
      return first + date * DAY_MS - Date.UTC(year, 0, 1) + atMs;
    };
  }
  const [, julian, number] = /^(J?)([0-9]{1,3})$/.exec(day) ?? [];
  if (number === undefined) return null;
  return (year) => {
    const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
    // J counts from 1 and never counts 29 February.
    const days = julian === 'J' ? Number(number) - 1 + (isLeap && Number(number) >= 60 ? 1 : 0) : Number(number);
    return days * DAY_MS + atMs;
  };
}
