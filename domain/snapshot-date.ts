// When a snapshot was taken, as far as its name tells: the usual forms of dates, and nothing that merely looks like a
// number.
import type { AsOf } from './scan.ts';
import { instantsOf, type OffsetAt, startOfDay } from './time-zone.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './lengths.ts';

export type NameDate = AsOf & { readonly source: 'name' };

// Years outside 1980–2099 are numbers.
const YEAR = '(?<year>(?:19[89]|20[0-9])[0-9])';
const DAY = '(?<day>[0-9]{1,2})(?:st|nd|rd|th)?';
const WORD =
  '(?<word>jan(?:uary?)?|feb(?:ruary?)?|mar(?:ch)?|märz|maerz|mrz|apr(?:il)?|may|mai|jun[ei]?|jul[yi]?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|okt(?:ober)?|nov(?:ember)?|dec(?:ember)?|dez(?:ember)?)(?![a-z])';
/** `05-11-2026-03-15` is a day in May or in November, and not 15 March. */
const NOT_AFTER_DAY = String.raw`(?<!(?<![0-9]|[0-9][-_./])[0-3]?[0-9](?:-[0-3]?[0-9]-|_[0-3]?[0-9]_|\.[0-3]?[0-9]\.|/[0-3]?[0-9]/))`;
const ISO = String.raw`(?<![0-9])${NOT_AFTER_DAY}${YEAR}(?<sep>[-_./]?)(?<month>[0-9]{2})\k<sep>(?<day>[0-9]{2})`;
const SHORT = String.raw`(?<![0-9])${NOT_AFTER_DAY}${YEAR}(?<sep>[-_.])(?<month>[0-9]{1,2})\k<sep>(?<day>[0-9]{1,2})`;
const DOTTED = String.raw`(?<![0-9.])(?<day>[0-9]{1,2})\.(?<month>[0-9]{1,2})\.${YEAR}`;
const WORDS = [
  String.raw`(?<![0-9])${DAY}\.?[-_ ]?${WORD}\.?,?[-_ ]?${YEAR}`,
  String.raw`(?<![a-z])${WORD}\.?[-_ ]?${DAY},?[-_. ]${YEAR}`,
  String.raw`(?<![0-9])${YEAR}[-_. ]?${WORD}[-_. ]?${DAY}`,
];
/** Which of the two is the day the series tells: datesInNames(). */
const EITHER = [
  String.raw`(?<![0-9]|[0-9][-_/ ])(?<first>[0-9]{1,2})(?<sep>[-_/ ])(?<second>[0-9]{1,2})\k<sep>${YEAR}`,
  String.raw`(?<![0-9])(?<first>[0-9]{2})(?<second>[0-9]{2})${YEAR}`,
];

// Then perhaps a time and a zone. A `-hhmm` is a zone only behind a T or seconds: elsewhere it is more likely a counter
// or the next part of the name. `2026-11-21-2026-11-22` is two days, not twenty-six past eight.
const NO_DATE = String.raw`(?!(?:19[89]|20[0-9])[0-9](?<next>[-_./]?)[0-9]{2}\k<next>[0-9]{2}(?![0-9]))`;
const GAP = String.raw`(?<gap>[Tt]|[ _.:\-/]|--)`;
const CLOCK = String.raw`${NO_DATE}(?<hour>[0-9]{2})(?<colon>[:\-_.h]?)(?<minute>[0-9]{2})(?:\k<colon>(?<seconds>[0-9]{2})(?:[.,][0-9]{1,9})?)?(?![0-9])(?:[ _-]?(?<half>[AaPp])[Mm](?![A-Za-z]))?`;
/** Those that mean one thing only; what a Mac or a phone writes else is read as local time. */
const ZONE_HOURS: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  WET: 0,
  WEST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  EST: -5,
  EDT: -4,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};
const ZONE_WORD = Object.keys(ZONE_HOURS).join('|');
const ZONE = String.raw`(?<zone>[Zz](?![A-Za-z])|[+\-][0-9]{2}:?[0-9]{2}(?![0-9])|[-_ ]?(?:GMT|UTC)[+\-]?[0-9]{2}:?[0-9]{2}(?![0-9])|[-_ ]?(?:${ZONE_WORD})(?![A-Za-z0-9]|[+\-][0-9]))?`;
/** Samba's shadow copies are named in UTC; Synology and QNAP write the offset behind GMT. */
const GMT = /GMT(?<offset>[+-][0-9]{2}(?:[0-9]{2})?)?[-_]$/;
/** zfs-auto-snapshot names in UTC, and does not say so. */
const ZFS_AUTO = /zfs-auto-snap[-_](?:[A-Za-z]+[-_])?$/;

type Groups = Readonly<Record<string, string | undefined>>;
type Read = (match: RegExpMatchArray, offsetAt: OffsetAt) => NameDate | null;

/** Months by the first letters of their names, English or German. */
const MONTHS = ['jan', 'feb', 'm[aär]r?', 'apr', 'ma[iy]', 'jun', 'jul', 'aug', 'sep', 'o[ck]t', 'nov', 'de[cz]'];

function monthOf(groups: Groups): number {
  const word = groups['word'];
  if (word === undefined) return Number(groups['month']);
  const isMay = /^ma[iy]$/i.test(word);
  return isMay ? 5 : 1 + MONTHS.findIndex((month) => new RegExp(`^${month}`, 'i').test(word));
}

/** The local date as if it were UTC, in ms, or null when there is no such day. */
function dayAt(year: number, month: number, day: number): number | null {
  const atMs = Date.UTC(year, month - 1, day);
  const date = new Date(atMs);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? atMs : null;
}

function dayOf(groups: Groups): number | null {
  return dayAt(Number(groups['year']), monthOf(groups), Number(groups['day']));
}

function timeOf(groups: Groups): number | null {
  const [hour, minute, second] = [groups['hour'], groups['minute'] ?? '0', groups['seconds'] ?? '0'].map(Number);
  if (hour === undefined || minute === undefined || second === undefined) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const half = groups['half']?.toLowerCase();
  if (half !== undefined && (hour < 1 || hour > 12)) return null;
  const hours = half === undefined ? hour : (hour % 12) + (half === 'p' ? 12 : 0);
  return hours * HOUR_MS + minute * MINUTE_MS + second * 1000;
}

/**
 * The offset that a name spells out, in ms; undefined when it spells none that counts; null when what it spells is
 * impossible.
 */
function zoneOf(groups: Groups, before: string): number | null | undefined {
  const gmt = GMT.exec(before);
  let text = groups['zone']?.replace(/^[-_ ](?=[A-Za-z])/, '');
  if (gmt) text = gmt.groups?.['offset'] ?? 'Z';
  if (text === undefined) return ZFS_AUTO.test(before) ? 0 : undefined;
  if (text === 'Z' || text === 'z') return 0;
  const word = ZONE_HOURS[/^(?:utc|gmt)$/i.test(text) ? 'UTC' : text];
  if (word !== undefined) return word * HOUR_MS;
  // syncoid: GMT01:00 is east, GMT-05:00 west.
  const spelled = /^(?:GMT|UTC)(?<offset>.+)$/i.exec(text)?.groups?.['offset'];
  if (spelled === undefined && /^[A-Za-z]/.test(text)) return undefined;
  const isZone =
    spelled !== undefined ||
    text.startsWith('+') ||
    groups['seconds'] !== undefined ||
    /^[Tt]$/.test(groups['gap'] ?? '') ||
    gmt;
  if (!isZone) return undefined;
  const signed = spelled ?? text;
  const digits = signed.replace(/[^0-9]/g, '').padEnd(4, '0');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 14 || minutes > 59) return null;
  return (signed.startsWith('-') ? -1 : 1) * (hours * HOUR_MS + minutes * MINUTE_MS);
}

function at(fromMs: number, toMs = fromMs): NameDate {
  return { fromMs, toMs, source: 'name' };
}

/** All of the local days from one to another, the latter not counted. */
function days(fromMs: number, toMs: number, offsetAt: OffsetAt): NameDate {
  return at(startOfDay(fromMs, offsetAt), startOfDay(toMs, offsetAt) - 1);
}

function timed(day: number | null, match: RegExpMatchArray, offsetAt: OffsetAt): NameDate | null {
  const groups = match.groups ?? {};
  const time = timeOf(groups);
  if (day === null || time === null) return null;
  const offset = zoneOf(groups, match.input?.slice(0, match.index) ?? '');
  if (offset === null) return null;
  if (offset !== undefined) return at(day + time - offset);
  const { fromMs, toMs } = instantsOf(day + time, offsetAt);
  return at(fromMs, toMs);
}

const withTime: Read = (match, offsetAt) => {
  const groups = match.groups ?? {};
  // Digits without any separator are a date and a time only together: 12 or 14 of them.
  if (groups['gap'] === undefined && groups['sep'] === '' && groups['colon'] !== '') return null;
  return timed(dayOf(groups), match, offsetAt);
};

const withoutTime: Read = (match, offsetAt) => {
  const day = dayOf(match.groups ?? {});
  return day === null ? null : days(day, day + DAY_MS, offsetAt);
};

const epoch: Read = (match) => {
  const [seconds, ms] = [Number(match.groups?.['epoch']), Number(match.groups?.['ms'] ?? 0)];
  return seconds < Date.UTC(2100, 0, 1) / 1000 ? at(seconds * 1000 + ms) : null;
};

/** Week 1 of ISO 8601 is the one with 4 January; weeks begin on Monday. */
const isoWeek: Read = (match, offsetAt) => {
  const [year, week] = [Number(match.groups?.['year']), Number(match.groups?.['week'])];
  const mondayOf = (of: number): number => {
    const fourth = Date.UTC(of, 0, 4);
    return fourth - ((new Date(fourth).getUTCDay() + 6) % 7) * DAY_MS;
  };
  const monday = mondayOf(year) + (week - 1) * 7 * DAY_MS;
  if (week < 1 || monday >= mondayOf(year + 1)) return null;
  const weekday = match.groups?.['weekday'];
  if (weekday === undefined) return days(monday, monday + 7 * DAY_MS, offsetAt);
  const day = monday + (Number(weekday) - 1) * DAY_MS;
  return days(day, day + DAY_MS, offsetAt);
};

const wholeMonth: Read = (match, offsetAt) => {
  const [year, month] = [Number(match.groups?.['year']), monthOf(match.groups ?? {})];
  return days(Date.UTC(year, month - 1, 1), Date.UTC(year, month, 1), offsetAt);
};

const form = (source: string): RegExp => new RegExp(source, 'gi');
const END = '(?![0-9])';

/** From the most telling to the least: an instant, a day, a week, a month. */
const READINGS: readonly (readonly [RegExp, Read])[] = [
  [form(`${ISO}${GAP}?${CLOCK}${ZONE}`), withTime],
  [form(String.raw`${ISO}(?<gap>T|[ _.\-](?=[0-9]{2}h))(?<hour>[0-9]{2})h?${END}${ZONE}`), withTime],
  ...[SHORT, DOTTED, ...WORDS].map((date): readonly [RegExp, Read] => [form(`${date}${GAP}${CLOCK}${ZONE}`), withTime]),
  // As `date` prints it: Sat_Nov_21_03:00:00_CET_2026.
  [
    form(
      String.raw`(?<![a-z])${WORD}[-_ ]{1,2}${DAY}[-_ ](?<hour>[0-9]{2})[:.-](?<minute>[0-9]{2})[:.-](?<seconds>[0-9]{2})[-_ ](?:(?<zone>[a-z]{3,4})[-_ ])?${YEAR}${END}`,
    ),
    withTime,
  ],
  [form(`(?<![0-9])${YEAR}(?<month>[0-9]{2})(?<day>[0-9]{2})(?<hour>[0-9]{2})${END}`), withTime],
  [form('(?<![0-9a-z])(?<epoch>[1-4][0-9]{9})(?<ms>[0-9]{3})?(?![0-9a-z])'), epoch],
  ...[ISO, SHORT, DOTTED, ...WORDS].map((date): readonly [RegExp, Read] => [form(date + END), withoutTime]),
  [form(String.raw`(?<![0-9])${YEAR}[-_.]?(?:W|KW)(?<week>[0-9]{2})(?:-?(?<weekday>[1-7]))?${END}`), isoWeek],
  [form(String.raw`(?<![a-z])(?:W|KW)(?<week>[0-9]{2})[-_.]${YEAR}${END}`), isoWeek],
  [form(String.raw`(?<![0-9]|[0-9][-_./])${YEAR}[-_.](?<month>0[1-9]|1[0-2])(?![0-9]|[-_.:/][0-9])`), wholeMonth],
  [form(String.raw`(?<![a-z]|[0-9]|[0-9][-_. ])${WORD}[-_. ]?${YEAR}(?![0-9]|[-_.:/][0-9])`), wholeMonth],
  [form(String.raw`(?<![0-9]|[0-9][-_./])${YEAR}[-_. ]?${WORD}(?![0-9]|[-_. ][0-9])`), wholeMonth],
];

/**
 * The date in a snapshot's name (printable text; components joined by '/'), wherever it stands; docs/snapshots.md lists
 * the forms. With a time it is that instant (two an hour apart where an autumn night repeats it), without one all of
 * the local day, week or month, both ends included. Where a name has several dates the one that tells most counts, and
 * of equal ones the last. Null where there is none: 2026-13-40 is no date, and neither is `daily.0`, snapper's 123, or
 * 05-11-2026, of which the series tells.
 */
export function dateInName(name: string, offsetAt: OffsetAt): NameDate | null {
  for (const [regexp, read] of READINGS) {
    const dates = [...name.matchAll(regexp)].map((match) => read(match, offsetAt)).filter((date) => date !== null);
    const last = dates.at(-1);
    if (last) return last;
  }
  return null;
}

const EITHER_FORMS = EITHER.flatMap((date) => [form(`${date}${GAP}${CLOCK}${ZONE}`), form(date + END)]);

function eitherIn(name: string, dayFirst: boolean, offsetAt: OffsetAt): NameDate | null | undefined {
  for (const regexp of EITHER_FORMS) {
    const match = [...name.matchAll(regexp)].at(-1);
    if (match === undefined) continue;
    const groups = match.groups ?? {};
    const [first, second] = [Number(groups['first']), Number(groups['second'])];
    const day = dayAt(Number(groups['year']), dayFirst ? second : first, dayFirst ? first : second);
    if (groups['hour'] !== undefined) {
      const date = timed(day, match, offsetAt);
      // 99-99 behind a date is no time: then the day alone counts.
      if (date !== null) return date;
      continue;
    }
    return day === null ? null : days(day, day + DAY_MS, offsetAt);
  }
  return undefined;
}

/**
 * The dates in the names of one series. 05-11-2026 may be the fifth or the eleventh: it is what all such names of the
 * series can be (13-11-2026 is no day of the other order, and nothing was taken after now), and no date where both fit.
 */
export function datesInNames(
  names: readonly string[],
  offsetAt: OffsetAt,
  nowMs: number,
): ReadonlyMap<string, NameDate> {
  const dates = new Map<string, NameDate>();
  const open: string[] = [];
  for (const name of names) {
    const date = dateInName(name, offsetAt);
    if (date !== null) dates.set(name, date);
    else if (eitherIn(name, true, offsetAt) !== undefined) open.push(name);
  }
  const readings = [true, false].map((dayFirst) => open.map((name) => eitherIn(name, dayFirst, offsetAt) ?? null));
  // A clock here that is behind by a day must not turn the days of a series into months.
  const fitting = readings.filter((all) => all.every((date) => date !== null && date.fromMs <= nowMs + DAY_MS));
  const [first, second] = fitting;
  if (first === undefined) return dates;
  for (const [index, name] of open.entries()) {
    const date = first[index];
    if (date === undefined || date === null) continue;
    if (second === undefined || second.every((other, n) => other?.fromMs === first[n]?.fromMs)) dates.set(name, date);
  }
  return dates;
}

/**
 * A date, or a date and a time, that a person typed, and nothing else: where a part is not understood the whole is not,
 * and null. (In a name what stands beside the date means nothing; here it may be the hour.)
 */
export function dateAlone(text: string, offsetAt: OffsetAt): AsOf | null {
  for (const [regexp, read] of READINGS) {
    const [match] = text.matchAll(regexp);
    if (match?.[0] !== text) continue;
    const groups = match.groups ?? {};
    // What would be a counter in a name was meant as a zone.
    const isIgnored = groups['zone'] !== undefined && zoneOf(groups, '') === undefined;
    return isIgnored ? null : read(match, offsetAt);
  }
  return null;
}

/** As isDate(), and of a day or less: a directory called 2026-11 may hold a month's work. */
export function isDayOrTime(name: string, offsetAt: OffsetAt): boolean {
  // Bare digits are numbers as well: of an order, of a customer.
  if (/^[0-9]+$/.test(name) && name.length !== 8 && name.length !== 14) return false;
  const date = dateAlone(name, offsetAt);
  return date !== null && date.toMs - date.fromMs <= 25 * HOUR_MS;
}

/** True when a name is a date and nothing else, as a directory `2026-11-21` in the middle of a path. */
export function isDate(name: string, offsetAt: OffsetAt): boolean {
  return dateAlone(name, offsetAt) !== null;
}
