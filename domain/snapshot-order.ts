// When the snapshots of one series were taken, where their names hold no date: decided over the whole series, and marked as an estimate.
import type { AsOf } from './scan.ts';
import type { NameDate } from './snapshot-date.ts';

/** What one snapshot offers for its dating. Times in ms since 1970. */
export interface Dating {
  /** The part of the path that varies within the series; unique in it. */
  readonly name: string;
  /** From dateInName. */
  readonly named: NameDate | null;
  /** When btrfs made the subvolume, where that can be asked. */
  readonly btrfsMs: number | null;
  /** The newest mtime, not after now, of the root and its top two levels; null where nothing could be read. */
  readonly newestMtimeMs: number | null;
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
 * The order key in a name: its last number. `daily.0`, `weekly_3`, `backup.hourly.12` rotate (the period's name stands just before the
 * number, 0 is the newest); `123` and `snap-12` rise. Null for a name without a number, or with one too long to be a counter.
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

/**
 * A rotation with a word of its own (`backup.0`, `backup.1` …) looks like a counter; it is told from one by its times: what is
 * numbered lower is newer. Counters without any difference in time stay counters, unless the names say `.N` and begin at 0.
 */
function rotates(
  members: readonly { readonly key: OrderKey; readonly mtimeMs: number | null; readonly name: string }[],
): boolean {
  const known = members.filter((member) => member.mtimeMs !== null);
  let rising = 0;
  let falling = 0;
  for (let at = 1; at < known.length; at++) {
    const [lower, higher] = [known[at - 1]?.mtimeMs ?? 0, known[at]?.mtimeMs ?? 0];
    if (higher > lower) rising++;
    if (higher < lower) falling++;
  }
  if (rising !== falling) return falling > rising;
  return members.some((member) => member.key.number === 0 && member.name.endsWith('.0'));
}

interface Estimate {
  readonly name: string;
  readonly source: 'order' | 'mtime';
  readonly periodHours: number;
  /** Place in the group, oldest first. */
  readonly place: number;
  /** Lower bound of the time, or null where nothing tells one. */
  atMs: number | null;
}

/**
 * as_of of every snapshot of one series, by name: the date in the name, else btrfs's own creation time, else an estimate ('order' where
 * numbers in names order a group of two or more, 'mtime' otherwise), never after now.
 * The newest mtime of the top two levels is when a snapshot was taken at the earliest, and so it is for all that are younger by number:
 * an estimate is the greatest such time among itself and what is older. Where that ties (nothing at the top changed for a week), the
 * longer period is the older and numbers decide, one millisecond apart, so that sorting by as_of gives the order.
 */
export function datesOfSeries(series: readonly Dating[], nowMs: number): ReadonlyMap<string, AsOf> {
  const dates = new Map<string, AsOf>();
  const groups = new Map<string, { key: OrderKey; mtimeMs: number | null; name: string }[]>();
  const estimates: Estimate[] = [];
  for (const { name, named, btrfsMs, newestMtimeMs } of series) {
    if (named) {
      dates.set(name, named);
    } else if (btrfsMs !== null) {
      dates.set(name, { fromMs: btrfsMs, toMs: btrfsMs, source: 'btrfs' });
    } else {
      const key = orderKeyOf(name);
      if (!key) {
        estimates.push({ name, source: 'mtime', periodHours: 0, place: 0, atMs: newestMtimeMs });
        continue;
      }
      const members = groups.get(key.group) ?? [];
      members.push({ key, mtimeMs: newestMtimeMs, name });
      groups.set(key.group, members);
    }
  }

  for (const members of groups.values()) {
    members.sort((a, b) => a.key.number - b.key.number);
    const newestFirst = members.some((member) => member.key.newest === 'lowest') || rotates(members);
    if (newestFirst) members.reverse();
    const source = members.length > 1 ? 'order' : 'mtime';
    let earliestMs: number | null = null;
    for (const [place, { key, mtimeMs, name }] of members.entries()) {
      if (mtimeMs !== null) earliestMs = Math.max(earliestMs ?? mtimeMs, mtimeMs);
      estimates.push({ name, source, periodHours: key.periodHours, place, atMs: earliestMs });
    }
  }

  // What tells nothing of its own time, and has nothing older beside it: older than everything that does.
  const oldestMs = Math.min(nowMs, ...estimates.flatMap(({ atMs }) => (atMs === null ? [] : [atMs])));
  for (const estimate of estimates) estimate.atMs ??= oldestMs - 1;
  estimates.sort(
    (a, b) =>
      (a.atMs ?? 0) - (b.atMs ?? 0) || b.periodHours - a.periodHours || a.place - b.place || (a.name < b.name ? -1 : 1),
  );
  let nextMs = nowMs + 1;
  for (const { name, source, atMs } of estimates.reverse()) {
    nextMs = Math.min(nextMs - 1, atMs ?? 0);
    dates.set(name, { fromMs: nextMs, toMs: nextMs, source });
  }
  return dates;
}
