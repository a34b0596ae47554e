// Snapshots that are called by days of the week and come round: which of them is the newest, and on which day each was
// taken. An estimate.
import type { AsOf } from './scan.ts';
import { type OffsetAt, startOfDay } from './time-zone.ts';
import { DAY_MS } from './lengths.ts';

const WEEK = 7;

/** Monday to Sunday. */
const WORDS: readonly (readonly string[])[] = [
  ['monday', 'mon', 'montag', 'lundi', 'lunes', 'lunedi', 'maandag', 'mo'],
  ['tuesday', 'tue', 'tues', 'dienstag', 'mardi', 'martes', 'martedi', 'dinsdag', 'di'],
  ['wednesday', 'wed', 'weds', 'mittwoch', 'mercredi', 'miercoles', 'mercoledi', 'woensdag', 'mi'],
  ['thursday', 'thu', 'thur', 'thurs', 'donnerstag', 'jeudi', 'jueves', 'giovedi', 'donderdag', 'do'],
  ['friday', 'fri', 'freitag', 'vendredi', 'viernes', 'venerdi', 'vrijdag', 'fr'],
  ['saturday', 'sat', 'samstag', 'sonnabend', 'samedi', 'sabado', 'sabato', 'zaterdag', 'sa'],
  ['sunday', 'sun', 'sonntag', 'dimanche', 'domingo', 'domenica', 'zondag', 'so'],
];
const DAY_OF: ReadonlyMap<string, number> = new Map(WORDS.flatMap((words, day) => words.map((word) => [word, day])));

export interface WeekdayName {
  /** 0 is Monday. */
  readonly day: number;
  /** The name without the day: those that have it in common come round together. */
  readonly group: string;
}

/** The day of the week that a name holds as a word of its own; null for none. */
export function weekdayIn(name: string): WeekdayName | null {
  for (const match of name.matchAll(/(?<![A-Za-z])[A-Za-z]{2,}(?![A-Za-z])/g)) {
    const day = DAY_OF.get(match[0].toLowerCase());
    if (day === undefined) continue;
    return { day, group: `${name.slice(0, match.index)}\u0000${name.slice(match.index + match[0].length)}` };
  }
  return null;
}

/** One snapshot of a group. Times in ms since 1970; null where they are not known. */
export interface WeekdaySnapshot {
  readonly name: string;
  readonly day: number;
  readonly newestMtimeMs: number | null;
  readonly changedMs: number | null;
}

/**
 * The local day of each. The newest is the one that sets the fewest mtimes at odds with the order of the days, then the
 * fewest changes, where these fit at all; and of those that are left, the one whose day was last.
 */
export function datesOfWeekdays(
  group: readonly WeekdaySnapshot[],
  nowMs: number,
  offsetAt: OffsetAt,
): ReadonlyMap<string, AsOf> {
  // A week without any change: the rotation stands still, and its newest day is not today's.
  const changes = group.flatMap(({ changedMs }) => (changedMs === null ? [] : [changedMs]));
  const lastMs = Math.max(...changes);
  const untilMs = changes.length > 0 && nowMs - lastMs > WEEK * DAY_MS ? lastMs : nowMs;
  const today = Math.floor((untilMs + offsetAt(untilMs)) / DAY_MS);
  // 1 January 1970 was a Thursday.
  const todaysDay = (today + 3) % WEEK;
  const ago = (day: number, from: number): number => (from - day + WEEK) % WEEK;

  const atOdds = (newest: number, timeOf: (one: WeekdaySnapshot) => number | null): number => {
    let count = 0;
    for (const one of group) {
      for (const other of group) {
        const [older, newer] = [timeOf(one), timeOf(other)];
        if (older === null || newer === null || ago(one.day, newest) <= ago(other.day, newest)) continue;
        if (older > newer) count++;
      }
    }
    return count;
  };
  const days = [...new Set(group.map(({ day }) => day))].map((day) => ({
    day,
    mtimes: atOdds(day, ({ newestMtimeMs }) => newestMtimeMs),
    changes: atOdds(day, ({ changedMs }) => changedMs),
    ago: ago(day, todaysDay),
  }));
  // A backup that was copied as a whole has changes in the order of the copying, which fit no rotation.
  const changesTell = days.some((one) => one.changes === 0);
  days.sort((a, b) => a.mtimes - b.mtimes || (changesTell ? a.changes - b.changes : 0) || a.ago - b.ago);
  const [newest] = days;
  if (newest === undefined) return new Map();
  return new Map(
    group.map(({ name, day }) => {
      const local = (today - newest.ago - ago(day, newest.day)) * DAY_MS;
      const fromMs = startOfDay(local, offsetAt);
      const toMs = Math.min(startOfDay(local + DAY_MS, offsetAt) - 1, nowMs);
      return [name, { fromMs, toMs: Math.max(fromMs, toMs), source: 'weekday' }];
    }),
  );
}
