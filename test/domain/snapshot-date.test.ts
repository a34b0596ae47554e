// Dates in the names of snapshots, and the order of a series whose names hold none.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dateInName, isDate, offsetsOf } from '../../domain/snapshot-date.ts';
import { datesOfSeries, type Dating, orderKeyOf } from '../../domain/snapshot-order.ts';

const utc = offsetsOf('UTC');
const berlin = offsetsOf('Europe/Berlin');

function read(name: string, offsetAt = utc): string | null {
  const date = dateInName(name, offsetAt);
  if (!date) return null;
  const [from, to] = [new Date(date.fromMs).toISOString(), new Date(date.toMs).toISOString()];
  return from === to ? from : `${from}/${to}`;
}

describe('a date in the name of a snapshot', () => {
  it.each([
    ['20261121T0300', '2026-11-21T03:00:00.000Z'],
    ['202611210300', '2026-11-21T03:00:00.000Z'],
    ['20261121030015', '2026-11-21T03:00:15.000Z'],
    ['20261121-030015', '2026-11-21T03:00:15.000Z'],
    ['2026-11-21_03-00-00', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21-030001', '2026-11-21T03:00:01.000Z'],
    ['2026-11-21 03:00', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21T03:00:00Z', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21T03:00:00.123456Z', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21T03:00:00+01:00', '2026-11-21T02:00:00.000Z'],
    ['2026-11-21T03:00:00-05:30', '2026-11-21T08:30:00.000Z'],
    ['2026-11-21T03:00-0500', '2026-11-21T08:00:00.000Z'],
    ['2026-11-21T03', '2026-11-21T03:00:00.000Z'],
    ['home.20261121T0300', '2026-11-21T03:00:00.000Z'],
    ['home.20261121T030000+0100_1', '2026-11-21T02:00:00.000Z'],
    ['home.20261121T0300_2', '2026-11-21T03:00:00.000Z'],
    ['zfs-auto-snap_daily-2026-11-21-0300', '2026-11-21T03:00:00.000Z'],
    ['autosnap_2026-11-21_03:00:15_daily', '2026-11-21T03:00:15.000Z'],
    ['hourly.2026-11-21_0305', '2026-11-21T03:05:00.000Z'],
    ['timeshift/snapshots/2026-11-21_03-00-01/localhost', '2026-11-21T03:00:01.000Z'],
    ['2026-11-21/0300', '2026-11-21T03:00:00.000Z'],
    ['backup-host1-20261121T0300-full', '2026-11-21T03:00:00.000Z'],
    ['projects-20190101.20261121T0300', '2026-11-21T03:00:00.000Z'],
    ['20261121-0300-0001', '2026-11-21T03:00:00.000Z'],
  ])('%s is the instant %s', (name, instant) => {
    expect(read(name)).toBe(instant);
  });

  it('is in UTC in the names of Samba, and at the offset that Synology spells out, whatever the zone', () => {
    expect(read('@GMT-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T03:00:00.000Z');
    expect(read('GMT+01-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T02:00:00.000Z');
    expect(read('GMT-05-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T08:00:00.000Z');
  });

  it.each(['2026-11-21', '20261121', '2026_11_21', '2026.11.21', '2026/11/21', 'home-2026-11-21-full', '2026-11-21_1'])(
    '%s covers the whole day',
    (name) => {
      expect(read(name)).toBe('2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z');
    },
  );

  it('is a day of 23 hours in spring, of 25 in autumn, in a zone with daylight saving time', () => {
    expect(read('2026-03-29', berlin)).toBe('2026-03-28T23:00:00.000Z/2026-03-29T21:59:59.999Z');
    expect(read('2026-10-25', berlin)).toBe('2026-10-24T22:00:00.000Z/2026-10-25T22:59:59.999Z');
    expect(read('2026-11-21T0300', berlin)).toBe('2026-11-21T02:00:00.000Z');
    expect(read('2026-07-21T0300', berlin)).toBe('2026-07-21T01:00:00.000Z');
  });

  it('is both instants of an hour that an autumn night repeats, and one in the hour that spring skips', () => {
    expect(read('2026-10-25T0230', berlin)).toBe('2026-10-25T00:30:00.000Z/2026-10-25T01:30:00.000Z');
    expect(read('2026-10-25T02:30:00+01:00', berlin)).toBe('2026-10-25T01:30:00.000Z');
    expect(read('2026-03-29T0230', berlin)).toBe('2026-03-29T01:30:00.000Z');
  });

  it('begins at one o’clock where midnight is skipped', () => {
    expect(read('2026-09-06', offsetsOf('America/Santiago'))).toBe('2026-09-06T04:00:00.000Z/2026-09-07T02:59:59.999Z');
  });

  it.each([
    '2026-13-40',
    '20261340',
    '2026-02-30',
    '12345678',
    '123',
    'daily.0',
    'weekly.3',
    'snapshot-1763694000',
    '202611211',
    'monday',
    '2026',
    '2026-1-2',
    '',
  ])('%s is no date', (name) => {
    expect(read(name)).toBeNull();
  });

  it('is the day alone when what follows is no time', () => {
    expect(read('2026-11-21_99-99')).toBe('2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z');
    expect(read('2026-11-21-2026-11-22')).toBe('2026-11-22T00:00:00.000Z/2026-11-22T23:59:59.999Z');
  });

  it('says which zone is unknown', () => {
    expect(() => offsetsOf('Mars/Olympus')).toThrow('Mars/Olympus');
  });

  it('tells a name that is a date from one that holds a date', () => {
    expect(isDate('2026-11-21_03-00-01', utc)).toBe(true);
    expect(isDate('2026-11-21-migration', utc)).toBe(false);
    expect(isDate('data', utc)).toBe(false);
  });

  it('is found again, in every form, for any instant and any surrounding', () => {
    const two = (value: number): string => String(value).padStart(2, '0');
    const forms: readonly ((y: number, mo: number, d: number, h: number, mi: number) => string)[] = [
      (y, mo, d, h, mi) => `${y}${two(mo)}${two(d)}T${two(h)}${two(mi)}`,
      (y, mo, d, h, mi) => `${y}-${two(mo)}-${two(d)}_${two(h)}-${two(mi)}-00`,
      (y, mo, d, h, mi) => `${y}-${two(mo)}-${two(d)}T${two(h)}:${two(mi)}:00Z`,
      (y, mo, d, h, mi) => `${y}${two(mo)}${two(d)}-${two(h)}${two(mi)}00`,
      (y, mo, d, h, mi) => `${y}.${two(mo)}.${two(d)}-${two(h)}.${two(mi)}.00`,
    ];
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1981-01-01'), max: new Date('2099-12-01'), noInvalidDate: true }),
        fc.nat(forms.length - 1),
        fc.constantFrom('', 'home.', 'zfs-auto-snap_daily-', '@'),
        fc.constantFrom('', '_1', '-full', '.incomplete'),
        (date, form, before, after) => {
          const minute = Math.floor(date.getTime() / 60_000) * 60_000;
          const at = new Date(minute);
          const text = forms[form]!(
            at.getUTCFullYear(),
            at.getUTCMonth() + 1,
            at.getUTCDate(),
            at.getUTCHours(),
            at.getUTCMinutes(),
          );
          expect(dateInName(before + text + after, utc)).toEqual({ fromMs: minute, toMs: minute, source: 'name' });
        },
      ),
    );
  });
});

describe('the order of a series', () => {
  const now = Date.UTC(2026, 10, 22, 12);
  const hours = (count: number): number => now - count * 3_600_000;
  const unnamed = (name: string, newestMtimeMs: number | null): Dating => ({
    name,
    named: null,
    btrfsMs: null,
    newestMtimeMs,
  });
  function order(series: readonly Dating[]): string[] {
    return [...datesOfSeries(series, now)].sort((a, b) => a[1].fromMs - b[1].fromMs).map(([name]) => name);
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
    const dates = datesOfSeries(series, now);
    expect(dates.get('daily.1')).toEqual({ fromMs: hours(25), toMs: hours(25), source: 'order' });
  });

  it('takes a younger snapshot to be no older than what lies in an older one', () => {
    const dates = datesOfSeries([unnamed('daily.0', hours(90)), unnamed('daily.1', hours(25))], now);
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
        { name: '2026-11-20', named, btrfsMs: hours(3), newestMtimeMs: hours(2) },
        { name: 'current', named: null, btrfsMs: hours(3), newestMtimeMs: hours(2) },
        unnamed('monday', hours(2)),
        unnamed('tuesday', null),
      ],
      now,
    );
    expect([...dates.values()].map(({ source }) => source)).toEqual(['name', 'btrfs', 'mtime', 'mtime']);
    expect(dates.get('tuesday')?.fromMs).toBeLessThan(dates.get('monday')?.fromMs ?? 0);
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
        const dates = datesOfSeries(series, now);
        const times = names.map((name) => dates.get(name)?.fromMs ?? Number.NaN);
        expect(new Set(times).size).toBe(names.length);
        expect(times.every((time) => time <= now)).toBe(true);
        for (const [at, name] of names.entries()) {
          if (at > 0 && name !== 'weekly.0') expect(times[at]).toBeLessThan(times[at - 1]!);
        }
      }),
    );
  });
});
