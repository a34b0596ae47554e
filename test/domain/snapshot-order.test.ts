// The order of a series of snapshots whose names hold no date, and what is said of its certainty.
import { describe, expect, it } from 'vitest';
import type { AsOf } from '../../domain/scan.ts';
import { dateInName } from '../../domain/snapshot-date.ts';
import { datesOfSeries, type Dating, isEstimated, orderIsEstimated, orderKeyOf } from '../../domain/snapshot-order.ts';
import { offsetsOf } from '../../domain/time-zone.ts';
import { weekdayIn } from '../../domain/weekday-order.ts';
import { fc } from '../support/random.ts';

const utc = offsetsOf('UTC');
const berlin = offsetsOf('Europe/Berlin');

describe('the order of a series', () => {
  const now = Date.UTC(2026, 10, 22, 12);
  const hours = (count: number): number => now - count * 3_600_000;
  const unnamed = (name: string, newestMtimeMs: number | null, changedMs: number | null = null): Dating => ({
    name,
    named: null,
    btrfsMs: null,
    newestMtimeMs,
    changedMs,
  });
  function order(series: readonly Dating[]): string[] {
    return [...datesOfSeries(series, now, utc)].sort((a, b) => a[1].fromMs - b[1].fromMs).map(([name]) => name);
  }

  it('has daily.0 as the newest, and the weeks before the days, also when nothing at the top changed for months', () => {
    const names = ['daily.0', 'daily.1', 'daily.2', 'daily.10', 'weekly.0', 'weekly.1', 'monthly.0'];
    const expected = ['monthly.0', 'weekly.1', 'weekly.0', 'daily.10', 'daily.2', 'daily.1', 'daily.0'];
    expect(order(names.map((name) => unnamed(name, hours(5000))))).toEqual(expected);
  });

  it('lets times decide between days and weeks that were taken side by side', () => {
    const series = [
      unnamed('daily.0', hours(1)),
      unnamed('daily.1', hours(25)),
      unnamed('daily.2', hours(49)),
      unnamed('weekly.0', hours(30)),
      unnamed('weekly.1', hours(198)),
    ];
    expect(order(series)).toEqual(['weekly.1', 'daily.2', 'weekly.0', 'daily.1', 'daily.0']);
    const dates = datesOfSeries(series, now, utc);
    expect(dates.get('daily.1')).toEqual({ fromMs: hours(25), toMs: hours(25), source: 'mtime' });
  });

  it('takes a younger snapshot to be no older than what lies in an older one', () => {
    const dates = datesOfSeries([unnamed('daily.0', hours(90)), unnamed('daily.1', hours(25))], now, utc);
    expect(dates.get('daily.0')?.fromMs).toBe(hours(25));
    expect(dates.get('daily.1')?.fromMs).toBe(hours(25) - 1);
  });

  it('lets plain counters rise, and tells a rotation with a word of its own by its times', () => {
    expect(order(['9', '10', '123'].map((name) => unnamed(name, hours(10))))).toEqual(['9', '10', '123']);
    expect(order([unnamed('old.0', hours(1)), unnamed('old.1', hours(20)), unnamed('old.2', hours(40))])).toEqual([
      'old.2',
      'old.1',
      'old.0',
    ]);
    expect(order([unnamed('v.1', hours(40)), unnamed('v.2', hours(20)), unnamed('v.10', hours(1))])).toEqual([
      'v.1',
      'v.2',
      'v.10',
    ]);
  });

  it('keeps a date in the name above btrfs, and btrfs above every estimate', () => {
    const named = dateInName('2026-11-20', utc);
    const dates = datesOfSeries(
      [
        { name: '2026-11-20', named, btrfsMs: hours(3), newestMtimeMs: hours(2), changedMs: null },
        { name: 'current', named: null, btrfsMs: hours(3), newestMtimeMs: hours(2), changedMs: null },
        unnamed('before', hours(2)),
        unnamed('after', null),
      ],
      now,
      utc,
    );
    expect([...dates.values()].map(({ source }) => source)).toEqual(['name', 'btrfs', 'mtime', 'mtime']);
    expect(dates.get('after')?.fromMs).toBeLessThan(dates.get('before')?.fromMs ?? 0);
  });

  it('finds the number in a name', () => {
    expect(orderKeyOf('daily.3')).toMatchObject({ number: 3, newest: 'lowest', periodHours: 24 });
    expect(orderKeyOf('host_weekly-12')).toMatchObject({ number: 12, newest: 'lowest', periodHours: 168 });
    expect(orderKeyOf('constructor.1')).toMatchObject({ number: 1, newest: 'highest', periodHours: 0 });
    expect(orderKeyOf('monday')).toBeNull();
  });

  it('gives every snapshot a place of its own, not after now, that keeps the order of each rotation', () => {
    const count = fc.integer({ min: 0, max: 8 });
    const ages = fc.array(fc.option(fc.integer({ min: 0, max: 20 }), { nil: null }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(count, count, ages, (days, weeks, age) => {
        const names = [
          ...Array.from({ length: days }, (_, at) => `daily.${at}`),
          ...Array.from({ length: weeks }, (_, at) => `weekly.${at}`),
        ];
        const series = names.map((name, at) => {
          const old = age[at] ?? null;
          return unnamed(name, old === null ? null : hours(old * 24));
        });
        const dates = datesOfSeries(series, now, utc);
        const times = names.map((name) => dates.get(name)?.fromMs ?? Number.NaN);
        expect(new Set(times).size).toBe(names.length);
        expect(times.every((time) => time <= now)).toBe(true);
        for (const [at, name] of names.entries()) {
          if (at > 0 && name !== 'weekly.0') expect(times[at]).toBeLessThan(times[at - 1]!);
        }
      }),
    );
  });

  const sources = (series: readonly Dating[]): Record<string, string> =>
    Object.fromEntries([...datesOfSeries(series, now, utc)].map(([name, { source }]) => [name, source]));

  it('says where it is an estimate: numbers are none as long as nothing speaks against them', () => {
    const numbered = (word: string, ...ages: number[]): Dating[] =>
      ages.map((age, at) => unnamed(`${word}${at}`, hours(age)));
    const of = (...series: Dating[]): string[] => [...new Set(Object.values(sources(series)))];
    expect(of(...numbered('daily.', 1, 25, 49))).toEqual(['order']);
    expect(of(...numbered('daily.', 9, 9, 9))).toEqual(['order']);
    expect(of(...numbered('daily.', 1, 25, 49), ...numbered('weekly.', 60, 228))).toEqual(['order']);
    expect(of(...numbered('daily.', 1, 25, 49), ...numbered('weekly.', 30, 198))).toEqual(['mtime']);
    expect(of(...numbered('daily.', 49, 25, 30))).toEqual(['mtime']);
    expect(of(...numbered('snap-', 49, 25, 1))).toEqual(['order']);
    expect(of(...numbered('snap-', 9, 9, 9))).toEqual(['mtime']);
    expect(of(unnamed('old', hours(9)), unnamed('new', hours(1)))).toEqual(['mtime']);
    expect(of(...numbered('daily.', 1, 25), unnamed('before-the-move', hours(30)))).toEqual(['mtime']);
    expect(orderIsEstimated({ source: 'order' })).toBe(false);
    expect(orderIsEstimated({ source: 'mtime' })).toBe(true);
    expect(isEstimated({ source: 'order' })).toBe(true);
    expect(isEstimated({ source: 'name' })).toBe(false);
  });

  it('of slots that come round by the day of the month is that of their times', () => {
    const slots = [2, 1, 30, 31].map((slot) => [`slot-${slot}`, (32 - slot) % 31] as const);
    expect(order(slots.map(([name, days]) => unnamed(name, hours(24 * days))))).toEqual([
      'slot-2',
      'slot-30',
      'slot-31',
      'slot-1',
    ]);
  });

  it('follows what was written last where nothing else tells, and then the times overlap', () => {
    const series = [unnamed('b', hours(90), hours(20)), unnamed('a', hours(90), hours(10)), unnamed('c', hours(90))];
    expect(order(series)).toEqual(['c', 'b', 'a']);
    const dates = [...datesOfSeries(series, now, utc).values()];
    expect(dates.map(({ toMs }) => toMs)).toEqual(expect.arrayContaining([hours(10), hours(20), hours(90)]));
    for (const one of dates) for (const other of dates) expect(one.fromMs).toBeLessThanOrEqual(other.toMs);
  });

  it('of an hour that comes twice is told by what lies in the snapshot, or by btrfs', () => {
    const named = dateInName('2026-10-25_0230', berlin);
    const [first, second] = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)];
    const dated = (more: Partial<Dating>): AsOf | undefined =>
      datesOfSeries([{ ...unnamed('one', null), named, ...more }], now, berlin).get('one');
    expect(dated({})).toMatchObject({ fromMs: first, toMs: second });
    expect(dated({ newestMtimeMs: first - 1 })).toMatchObject({ fromMs: first, toMs: second });
    expect(dated({ newestMtimeMs: first + 600_000 })).toMatchObject({ fromMs: second, toMs: second, source: 'name' });
    expect(dated({ btrfsMs: first + 2_000 })).toMatchObject({ fromMs: first, toMs: first });
    expect(dated({ btrfsMs: second + 2_000 })).toMatchObject({ fromMs: second, toMs: second });
  });
});

describe('days of the week that come round', () => {
  // A Sunday.
  const now = Date.UTC(2026, 10, 29, 12);
  const hours = (count: number): number => now - count * 3_600_000;
  const week = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  const snapshot = (name: string, newestMtimeMs: number | null, changedMs: number | null = null): Dating => ({
    name,
    named: null,
    btrfsMs: null,
    newestMtimeMs,
    changedMs,
  });
  const dates = (series: readonly Dating[]): string[] =>
    [...datesOfSeries(series, now, utc)]
      .sort((a, b) => a[1].fromMs - b[1].fromMs)
      .map(([name, { fromMs }]) => `${name} ${new Date(fromMs).toISOString().slice(8, 10)}`);

  it('end with the day that was last where nothing tells', () => {
    expect(dates(week.slice(0, 6).map((name) => snapshot(name, hours(900))))).toEqual([
      'monday 23',
      'tuesday 24',
      'wednesday 25',
      'thursday 26',
      'friday 27',
      'saturday 28',
    ]);
  });

  it('end with the day that was written last, and today only if that is so', () => {
    const written = (sunday: number): Dating[] =>
      week.map((name, day) => snapshot(name, hours(900), day === 6 ? hours(sunday) : hours(24 * (6 - day) + 9)));
    expect(dates(written(9)).at(-1)).toBe('sunday 29');
    expect([dates(written(24 * 7 + 9))[0], dates(written(24 * 7 + 9)).at(-1)]).toEqual(['sunday 22', 'saturday 28']);
  });

  it('end with the day whose files are the newest, whatever was copied when', () => {
    const series = week.map((name, day) => snapshot(name, hours(24 * ((2 - day + 7) % 7) + 90), hours(name.length)));
    expect(dates(series).map((line) => line.split(' ')[0])).toEqual([
      'thursday',
      'friday',
      'saturday',
      'sunday',
      'monday',
      'tuesday',
      'wednesday',
    ]);
  });

  it('that stand still are dated by when they stood', () => {
    const series = week.map((name, day) => snapshot(name, hours(2000), hours(24 * (6 - day) + 24 * 30)));
    expect(dates(series).at(-1)).toBe('sunday 25');
  });

  it('are estimates of a day each, in any language and with anything beside them', () => {
    const found = datesOfSeries([snapshot('home-Mo.d', hours(90)), snapshot('home-Di.d', hours(90))], now, utc);
    expect(found.get('home-Mo.d')).toEqual({
      fromMs: Date.UTC(2026, 10, 23),
      toMs: Date.UTC(2026, 10, 24) - 1,
      source: 'weekday',
    });
    expect(weekdayIn('monitor')).toBeNull();
    expect(datesOfSeries([snapshot('sun', hours(90))], now, utc).get('sun')?.source).toBe('mtime');
  });
});
