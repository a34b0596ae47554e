// When a snapshot was taken, as far as its name tells: the usual forms of dates, and nothing that merely looks like a number.
import { RollcallError } from './exit.ts';
import type { AsOf } from './scan.ts';

/** The offset of local time from UTC (local − UTC, in ms) that holds in some zone at an instant (ms since 1970, UTC). */
export type OffsetAt = (atMs: number) => number;

export type NameDate = AsOf & { readonly source: 'name' };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

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
 * The instants at which clocks of a zone show a local time (given as if it were UTC, in ms): two in the hour that an autumn repeats, one
 * otherwise. A time that spring skips is what a clock not yet moved would have shown.
 */
function instantsOf(localMs: number, offsetAt: OffsetAt): { readonly fromMs: number; readonly toMs: number } {
  const offsets = [offsetAt(localMs - DAY_MS), offsetAt(localMs + DAY_MS)];
  const instants = offsets.map((offset) => localMs - offset).filter((at) => localMs - at === offsetAt(at));
  if (instants.length > 0) return { fromMs: Math.min(...instants), toMs: Math.max(...instants) };
  const skipped = localMs - (offsets[0] ?? 0);
  return { fromMs: skipped, toMs: skipped };
}

/** The first instant of a local day, also where midnight is skipped or comes twice. */
function startOfDay(localMs: number, offsetAt: OffsetAt): number {
  return instantsOf(localMs, offsetAt).fromMs;
}

// A date, then perhaps a time and a zone. Years outside 1980–2099 are numbers. A `-hhmm` is a zone only behind a T or seconds: elsewhere it is
// more likely a counter or the next part of the name.
const DATE = String.raw`(?<![0-9])(?<year>(?:19[89]|20[0-9])[0-9])(?<sep>[-_./]?)(?<month>[0-9]{2})\k<sep>(?<day>[0-9]{2})`;
// `2026-11-21-2026-11-22` is two days, not twenty-six past eight.
const NO_DATE = String.raw`(?!(?:19[89]|20[0-9])[0-9](?<next>[-_./]?)[0-9]{2}\k<next>[0-9]{2}(?![0-9]))`;
const TIME = String.raw`(?<gap>[Tt]|[ _.\-/]|--)?${NO_DATE}(?<hour>[0-9]{2})(?<colon>[:\-_.h]?)(?<minute>[0-9]{2})(?:\k<colon>(?<second>[0-9]{2})(?:[.,][0-9]{1,9})?)?`;
const ZONE = String.raw`(?<zone>[Zz](?![A-Za-z])|[+\-][0-9]{2}:?[0-9]{2}(?![0-9]))?`;
const WITH_TIME = new RegExp(`${DATE}${TIME}(?![0-9])${ZONE}`, 'g');
const WITH_HOUR = new RegExp(`${DATE}[Tt](?<hour>[0-9]{2})(?![0-9])${ZONE}`, 'g');
const WITHOUT_TIME = new RegExp(`${DATE}(?![0-9])`, 'g');
/** Samba's shadow copies are named in UTC; Synology writes the offset behind GMT. */
const GMT = /GMT(?<offset>[+-][0-9]{2}(?:[0-9]{2})?)?-$/;

type Groups = Readonly<Record<string, string | undefined>>;

/** The local date as if it were UTC, in ms, or null when there is no such day. */
function dayOf(groups: Groups): number | null {
  const [year, month, day] = [Number(groups['year']), Number(groups['month']), Number(groups['day'])];
  const atMs = Date.UTC(year, month - 1, day);
  const date = new Date(atMs);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? atMs : null;
}

function timeOf(groups: Groups): number | null {
  const [hour, minute, second] = [groups['hour'], groups['minute'] ?? '0', groups['second'] ?? '0'].map(Number);
  if (hour === undefined || minute === undefined || second === undefined) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  return hour * HOUR_MS + minute * MINUTE_MS + second * 1000;
}

/** The offset that a name spells out, in ms; undefined when it spells none that counts; null when what it spells is impossible. */
function zoneOf(groups: Groups, before: string): number | null | undefined {
  const gmt = GMT.exec(before);
  let text = groups['zone'];
  if (gmt) text = gmt.groups?.['offset'] ?? 'Z';
  if (text === undefined) return undefined;
  if (text === 'Z' || text === 'z') return 0;
  const isZone = text.startsWith('+') || groups['second'] !== undefined || /^[Tt]$/.test(groups['gap'] ?? '') || gmt;
  if (!isZone) return undefined;
  const digits = text.slice(1).replace(':', '').padEnd(4, '0');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 14 || minutes > 59) return null;
  return (text.startsWith('-') ? -1 : 1) * (hours * HOUR_MS + minutes * MINUTE_MS);
}

function at(instants: { readonly fromMs: number; readonly toMs: number }): NameDate {
  return { fromMs: instants.fromMs, toMs: instants.toMs, source: 'name' };
}

function withTime(match: RegExpMatchArray, offsetAt: OffsetAt): NameDate | null {
  const groups = match.groups ?? {};
  // Digits without any separator are a date and a time only together: 12 or 14 of them.
  if (groups['gap'] === undefined && groups['sep'] === '' && groups['colon'] !== '') return null;
  const day = dayOf(groups);
  const time = timeOf(groups);
  if (day === null || time === null) return null;
  const offset = zoneOf(groups, match.input?.slice(0, match.index) ?? '');
  if (offset === null) return null;
  if (offset === undefined) return at(instantsOf(day + time, offsetAt));
  return at({ fromMs: day + time - offset, toMs: day + time - offset });
}

function withoutTime(match: RegExpMatchArray, offsetAt: OffsetAt): NameDate | null {
  const day = dayOf(match.groups ?? {});
  if (day === null) return null;
  return at({ fromMs: startOfDay(day, offsetAt), toMs: startOfDay(day + DAY_MS, offsetAt) - 1 });
}

const READINGS: readonly (readonly [RegExp, (match: RegExpMatchArray, offsetAt: OffsetAt) => NameDate | null])[] = [
  [WITH_TIME, withTime],
  [WITH_HOUR, withTime],
  [WITHOUT_TIME, withoutTime],
];

/**
 * The date in a snapshot's name (printable text; components joined by '/'), wherever it stands: `2026-11-21`, `20261121T0300`,
 * `2026-11-21_03-00-00`, `2026-11-21T03:00:00+01:00`, btrbk's `home.20261121T030000+0100_1`, `zfs-auto-snap_daily-2026-11-21-0300`,
 * `@GMT-2026.11.21-03.00.00`. With a time it is that instant (two an hour apart where an autumn night repeats it), without one the
 * whole local day, both ends included. Where a name has several, the last one with a time counts, else the last one.
 * Null where there is none: 2026-13-40 is no date, and neither is `daily.0` or snapper's 123.
 */
export function dateInName(name: string, offsetAt: OffsetAt): NameDate | null {
  for (const [form, read] of READINGS) {
    const dates = [...name.matchAll(form)].map((match) => read(match, offsetAt)).filter((date) => date !== null);
    const last = dates.at(-1);
    if (last) return last;
  }
  return null;
}

/**
 * A date, or a date and a time, that a person typed, and nothing else: where a part is not understood the whole is not, and null. (In a name
 * what stands beside the date means nothing; here it may be the hour.)
 */
export function dateAlone(text: string, offsetAt: OffsetAt): AsOf | null {
  for (const [form, read] of READINGS) {
    const [match] = text.matchAll(form);
    if (match?.[0] !== text) continue;
    const groups = match.groups ?? {};
    // What would be a counter in a name was meant as a zone.
    const isIgnored = groups['zone'] !== undefined && zoneOf(groups, '') === undefined;
    return isIgnored ? null : read(match, offsetAt);
  }
  return null;
}

/** True when a name is a date and nothing else, as a directory `2026-11-21` in the middle of a path. */
export function isDate(name: string, offsetAt: OffsetAt): boolean {
  return (
    /^[0-9]{4}[-_.]?[0-9]{2}[-_.]?[0-9]{2}(?:[T _.-]?[0-9:_.hZz+-]*)?$/.test(name) &&
    dateInName(name, offsetAt) !== null
  );
}
