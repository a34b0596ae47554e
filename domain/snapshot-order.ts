// When the snapshots of one series were taken, where their names hold no date: decided over the whole series, and
// marked as an estimate.
import type { AsOf } from './scan.ts';
import type { NameDate } from './snapshot-date.ts';
import type { OffsetAt } from './time-zone.ts';
import { datesOfWeekdays, weekdayIn, type WeekdaySnapshot } from './weekday-order.ts';

/** Where only the dates are estimated, and the order is told by the names. */
const ESTIMATED_DATES = ['order', 'mtime', 'weekday'];
const ESTIMATED_ORDER = ['mtime', 'weekday'];

/** Whether the times of a snapshot are estimated. */
export function isEstimated({ source }: Pick<AsOf, 'source'>): boolean {
  return ESTIMATED_DATES.includes(source);
}

/**
 * Whether the place of a snapshot among the others of its series is estimated as well: a copy with a newer mtime may
 * then be the newer one. (Two that are dated may overlap all the same: two of one day, or of an hour that comes twice.)
 */
export function orderIsEstimated({ source }: Pick<AsOf, 'source'>): boolean {
  return ESTIMATED_ORDER.includes(source);
}

/** What one snapshot offers for its dating. Times in ms since 1970. */
export interface Dating {
  /** The part of the path that varies within the series; unique in it. */
  readonly name: string;
  /** From datesInNames. */
  readonly named: NameDate | null;
  /** When the program that took it wrote that it did; left out where it leaves no such note. */
  readonly notedMs?: number | null;
  /** When btrfs made the subvolume, where that can be asked. */
  readonly btrfsMs: number | null;
  /** The newest mtime, not after now, of the root and its top two levels; null where nothing could be read. */
  readonly newestMtimeMs: number | null;
  /** The newest ctime, not after now, of the directories among these: then something was put there last. */
  readonly changedMs: number | null;
}

/** A number in a name, as a place in an order. */
export interface OrderKey {
  /** The name without the number: names are ordered by number only within one group. */
  readonly group: string;
  readonly number: number;
  /** `daily.0` is the newest of its group; a plain counter rises. */
  readonly newest: 'lowest' | 'highest';
  /** Length of the period in hours for the well-known ones, else 0: where times tie, the longer period is the older. */
  readonly periodHours: number;
}

const PERIOD_HOURS: Readonly<Record<string, number>> = {
  minutely: 1 / 60,
  hourly: 1,
  alpha: 1,
  daily: 24,
  nightly: 24,
  beta: 24,
  weekly: 168,
  gamma: 168,
  monthly: 720,
  delta: 720,
  quarterly: 2190,
  yearly: 8760,
  annual: 8760,
  annually: 8760,
};

/**
 * The order key in a name: its last number. `daily.0`, `weekly_3`, `backup.hourly.12` rotate (the period's name stands
 * just before the number, 0 is the newest); `123` and `snap-12` rise. Null for a name without a number, or with one too
 * long to be a counter.
 */
export function orderKeyOf(name: string): OrderKey | null {
  const match = /^(?<before>.*?)(?<number>[0-9]{1,15})(?<after>[^0-9]*)$/.exec(name);
  const { before, number, after } = match?.groups ?? {};
  if (before === undefined || number === undefined || after === undefined) return null;
  const word = /(?<word>[a-z]+)[._-]?$/i.exec(before)?.groups?.['word']?.toLowerCase() ?? '';
  const periodHours = Object.hasOwn(PERIOD_HOURS, word) ? (PERIOD_HOURS[word] ?? 0) : 0;
  return {
    group: `${before}\u0000${after}`,
    number: Number(number),
    newest: periodHours > 0 ? 'lowest' : 'highest',
    periodHours,
  };
}

interface Member {
  readonly key: OrderKey;
  readonly name: string;
  readonly mtimeMs: number | null;
  readonly changedMs: number | null;
}

interface Estimate {
  readonly name: string;
  readonly periodHours: number;
  /** Place in the group, oldest first. */
  readonly place: number;
  /** Lower bound of the time, or null where nothing tells one. */
  atMs: number | null;
  /** When something was written last. */
  readonly untilMs: number | null;
}

/** How the members of a group follow one another, by their numbers. */
interface Sense {
  readonly newestFirst: boolean;
  /** Nothing speaks against it, and something for it: their times, or the custom that daily.0 is the newest. */
  readonly isSure: boolean;
  /** Numbers that come round (days of a month) are no order. */
  readonly comesRound: boolean;
}

/**
 * `daily.0` is the newest of its group by custom. A rotation with a word of its own (`backup.0`, `backup.1` …) looks
 * like a counter; it is told from one by its times: what is numbered lower is newer. Counters without any difference in
 * time stay counters, unless the names say `.N` and begin at 0.
 */
function senseOf(members: readonly Member[]): Sense {
  const known = members.filter((member) => member.mtimeMs !== null);
  let rising = 0;
  let falling = 0;
  for (let at = 1; at < known.length; at++) {
    const [lower, higher] = [known[at - 1]?.mtimeMs ?? 0, known[at]?.mtimeMs ?? 0];
    if (higher > lower) rising++;
    if (higher < lower) falling++;
  }
  const beginsAt0 = members.some((member) => member.key.number === 0);
  // Some count up all the same (daily-1, daily-2 …), or by the days of the month.
  const isCustom = beginsAt0 || rising <= Math.max(1, falling);
  if (isCustom && members.some((member) => member.key.newest === 'lowest'))
    return { newestFirst: true, isSure: rising === 0 && (falling > 0 || beginsAt0), comesRound: false };
  if (rising > 0 && falling > 0)
    return { newestFirst: falling > rising, isSure: false, comesRound: Math.min(rising, falling) === 1 };
  const isRotation = falling > rising || (falling === rising && members.some(({ name }) => name.endsWith('.0')));
  return { newestFirst: isRotation, isSure: rising + falling > 0, comesRound: false };
}

/**
 * Whether all that has the shorter period is newer than all that has the longer one, as rsnapshot moves them; as far as
 * times tell.
 */
function periodsFollow(groups: readonly (readonly Member[])[]): boolean {
  const periods = groups.map((members) => {
    const times = members.flatMap(({ mtimeMs }) => (mtimeMs === null ? [] : [mtimeMs]));
    return { hours: members[0]?.key.periodHours ?? 0, from: Math.min(...times), to: Math.max(...times) };
  });
  periods.sort((a, b) => b.hours - a.hours);
  return periods.every(({ hours, to }, at) => {
    const next = periods[at + 1];
    return hours > 0 && (next === undefined || (next.hours < hours && to <= next.from));
  });
}

/** Which of the two instants a time that an autumn night repeats was, where something tells. */
function onceOf(named: NameDate, { btrfsMs, newestMtimeMs }: Dating): AsOf {
  const { fromMs, toMs } = named;
  if (toMs === fromMs || toMs - fromMs > REPEATED_MAX_MS) return named;
  const isLater =
    btrfsMs !== null && btrfsMs >= fromMs - CLOCK_MS && btrfsMs <= toMs + CLOCK_MS
      ? btrfsMs >= toMs - CLOCK_MS
      : newestMtimeMs !== null && newestMtimeMs > fromMs + CLOCK_MS && newestMtimeMs <= toMs + CLOCK_MS
        ? true
        : null;
  return isLater === null ? named : { ...named, fromMs: isLater ? toMs : fromMs, toMs: isLater ? toMs : fromMs };
}

/** No zone repeats more of a night. */
const REPEATED_MAX_MS = 3 * 3_600_000;
/** Clocks of two machines. */
const CLOCK_MS = 60_000;

/**
 * as_of of every snapshot of one series, by name: the date in the name, else a note of the program that took it, else
 * btrfs's own creation time, else an estimate, never after now: 'weekday' where days of the week come round; 'order'
 * where numbers order all of them and nothing speaks against that; else 'mtime'.
 *
 * The newest mtime of the top two levels is when a snapshot was taken at the earliest, and so it is for all that are
 * younger by number: an estimate is the greatest such time among itself and what is older. Where that ties (nothing at
 * the top changed for a week), what was written later is the younger, then the longer period is the older and numbers
 * decide, one millisecond apart. An estimate whose order is not sure reaches to when something was last written there,
 * and those that tie overlap.
 */
export function datesOfSeries(series: readonly Dating[], nowMs: number, offsetAt: OffsetAt): ReadonlyMap<string, AsOf> {
  const dates = new Map<string, AsOf>();
  const groups = new Map<string, Member[]>();
  const weeks = new Map<string, WeekdaySnapshot[]>();
  const open: Dating[] = [];
  for (const dating of series) {
    const { name, named, notedMs, btrfsMs } = dating;
    const ownMs = notedMs ?? btrfsMs;
    if (named) dates.set(name, onceOf(named, dating));
    else if (ownMs !== null)
      dates.set(name, { fromMs: ownMs, toMs: ownMs, source: typeof notedMs === 'number' ? 'noted' : 'btrfs' });
    else open.push(dating);
  }
  const isAlone = dates.size === 0;
  for (const dating of open) {
    const weekday = weekdayIn(dating.name);
    if (weekday === null) continue;
    const week = weeks.get(weekday.group) ?? [];
    week.push({ ...dating, day: weekday.day });
    weeks.set(weekday.group, week);
  }
  for (const week of weeks.values()) {
    if (new Set(week.map(({ day }) => day)).size < 2) continue;
    for (const [name, asOf] of datesOfWeekdays(week, nowMs, offsetAt)) dates.set(name, asOf);
  }

  const estimates: Estimate[] = [];
  const single = ({ name, newestMtimeMs, changedMs }: Dating): void =>
    void estimates.push({ name, periodHours: 0, place: 0, atMs: newestMtimeMs, untilMs: changedMs });
  for (const dating of open) {
    if (dates.has(dating.name)) continue;
    const key = orderKeyOf(dating.name);
    if (key === null) {
      single(dating);
      continue;
    }
    const members = groups.get(key.group) ?? [];
    members.push({ key, name: dating.name, mtimeMs: dating.newestMtimeMs, changedMs: dating.changedMs });
    groups.set(key.group, members);
  }
  let isSure = isAlone && weeks.size === 0 && estimates.length === 0;
  if (groups.size > 1) isSure &&= periodsFollow([...groups.values()]);
  for (const members of groups.values()) {
    members.sort((a, b) => a.key.number - b.key.number);
    const sense = senseOf(members);
    isSure &&= sense.isSure && (members.length > 1 || groups.size > 1);
    if (sense.newestFirst) members.reverse();
    let earliestMs: number | null = null;
    let writtenMs: number | null = null;
    for (const [place, { key, mtimeMs, changedMs, name }] of members.entries()) {
      earliestMs = sense.comesRound ? mtimeMs : later(earliestMs, mtimeMs);
      writtenMs = sense.comesRound ? changedMs : later(writtenMs, changedMs);
      estimates.push({ name, periodHours: key.periodHours, place, atMs: earliestMs, untilMs: writtenMs });
    }
  }

  // What tells nothing of its own time, and has nothing older beside it: older than everything that does.
  const oldestMs = Math.min(nowMs, ...estimates.flatMap(({ atMs }) => (atMs === null ? [] : [atMs])));
  for (const estimate of estimates) estimate.atMs ??= oldestMs - 1;
  estimates.sort(
    (a, b) =>
      (a.atMs ?? 0) - (b.atMs ?? 0) ||
      (isSure ? 0 : (a.untilMs ?? 0) - (b.untilMs ?? 0)) ||
      b.periodHours - a.periodHours ||
      a.place - b.place ||
      (a.name < b.name ? -1 : 1),
  );
  let nextMs = nowMs + 1;
  for (const { name, atMs, untilMs } of estimates.reverse()) {
    nextMs = Math.min(nextMs - 1, atMs ?? 0);
    const toMs = isSure ? nextMs : Math.max(nextMs, Math.min(nowMs, Math.max(atMs ?? 0, untilMs ?? 0)));
    dates.set(name, { fromMs: nextMs, toMs, source: isSure ? 'order' : 'mtime' });
  }
  return dates;
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
