// Dates in the names of snapshots.
import { describe, expect, it } from 'vitest';
import { dateAlone, dateInName, datesInNames, isDate } from '../../domain/snapshot-date.ts';
import { offsetsOf } from '../../domain/time-zone.ts';
import { fc } from '../support/random.ts';

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
    ['syncoid_host_2026-11-21:03:00:00', '2026-11-21T03:00:00.000Z'],
    ['syncoid_host_2026-11-21:03:00:00-GMT01:00', '2026-11-21T02:00:00.000Z'],
    ['syncoid_host_2026-11-21:03:00:00-GMT-05:30', '2026-11-21T08:30:00.000Z'],
    ['syncoid_host_2026-11-21:03:00:00-GMT00:00', '2026-11-21T03:00:00.000Z'],
    ['GMT+08_2026-11-21_0300', '2026-11-20T19:00:00.000Z'],
    ['2026-11-21_03-00-00_CEST', '2026-11-21T01:00:00.000Z'],
    ['2026-11-21 03:00:00 UTC', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21_03h00', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21_03h', '2026-11-21T03:00:00.000Z'],
    ['2026-11-21 03.00.00 PM', '2026-11-21T15:00:00.000Z'],
    ['2026-11-21 12-30 am', '2026-11-21T00:30:00.000Z'],
    ['2026112103', '2026-11-21T03:00:00.000Z'],
    ['snapshot-1763694000', '2025-11-21T03:00:00.000Z'],
    ['1795230000123', '2026-11-21T03:00:00.123Z'],
    ['21.11.2026_03-00-01', '2026-11-21T03:00:01.000Z'],
    ['21.11.2026 03:00', '2026-11-21T03:00:00.000Z'],
    ['Nov-21-2026-030000', '2026-11-21T03:00:00.000Z'],
    ['21-Nov-2026_0300', '2026-11-21T03:00:00.000Z'],
    ['Sat_Nov_21_03:00:00_CET_2026', '2026-11-21T02:00:00.000Z'],
    ['Sat_Nov_21_03:00:00_2026', '2026-11-21T03:00:00.000Z'],
    ['com.apple.TimeMachine.2026-11-21-030000.local', '2026-11-21T03:00:00.000Z'],
  ])('%s is the instant %s', (name, instant) => {
    expect(read(name)).toBe(instant);
  });

  it('is in UTC in the names of Samba, and at the offset that Synology spells out, whatever the zone', () => {
    expect(read('@GMT-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T03:00:00.000Z');
    expect(read('GMT+01-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T02:00:00.000Z');
    expect(read('GMT-05-2026.11.21-03.00.00', berlin)).toBe('2026-11-21T08:00:00.000Z');
  });

  it.each([
    '2026-11-21',
    '20261121',
    '2026_11_21',
    '2026.11.21',
    '2026/11/21',
    'home-2026-11-21-full',
    '2026-11-21_1',
    '21.11.2026',
    'full-21.11.2026.d',
    'Nov-21-2026',
    'backup_November_21,_2026',
    'Sat-Nov-21-2026',
    '21-Nov-2026',
    '21Nov2026',
    '2026-nov-21',
    '21. November 2026',
    '2026-W47-6',
  ])('%s covers the whole day', (name) => {
    expect(read(name)).toBe('2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z');
  });

  it('may be of one digit, or in the words of another language', () => {
    expect(read('2026-1-2')).toBe('2026-01-02T00:00:00.000Z/2026-01-02T23:59:59.999Z');
    expect(read('1.2.2026')).toBe('2026-02-01T00:00:00.000Z/2026-02-01T23:59:59.999Z');
    expect(read('3-März-2026')).toBe('2026-03-03T00:00:00.000Z/2026-03-03T23:59:59.999Z');
    expect(read('3-Mai-2026')).toBe('2026-05-03T00:00:00.000Z/2026-05-03T23:59:59.999Z');
    expect(read('March-3-2026')).toBe('2026-03-03T00:00:00.000Z/2026-03-03T23:59:59.999Z');
    expect(read('3-Dez-2026')).toBe('2026-12-03T00:00:00.000Z/2026-12-03T23:59:59.999Z');
  });

  it('may be a week of ISO 8601, or a month', () => {
    const week = '2026-11-16T00:00:00.000Z/2026-11-22T23:59:59.999Z';
    expect(['2026-W47', '2026w47', 'full.2026-KW47', 'W47-2026'].map((name) => read(name))).toEqual(
      Array(4).fill(week),
    );
    // The year 2027 begins in week 53 of 2026.
    expect(read('2026-W53')).toBe('2026-12-28T00:00:00.000Z/2027-01-03T23:59:59.999Z');
    expect(read('2027-W53')).toBeNull();
    const month = '2026-11-01T00:00:00.000Z/2026-11-30T23:59:59.999Z';
    expect(['2026-11', 'monthly_2026.11', 'Nov-2026', '2026-November'].map((name) => read(name))).toEqual(
      Array(4).fill(month),
    );
  });

  it('of zfs-auto-snapshot is in UTC, whatever the zone', () => {
    expect(read('zfs-auto-snap_daily-2026-11-21-0300', berlin)).toBe('2026-11-21T03:00:00.000Z');
    expect(read('autosnap_2026-11-21_03:00:00_daily', berlin)).toBe('2026-11-21T02:00:00.000Z');
  });

  it('keeps its place across the end of summer time, where the name tells the zone', () => {
    const names = [
      'syncoid_h_2026-10-25:02:45:00-GMT02:00',
      'syncoid_h_2026-10-25:02:15:00-GMT01:00',
      'syncoid_h_2026-10-25:02:45:00-GMT01:00',
    ];
    const times = names.map((name) => dateInName(name, berlin)?.fromMs ?? 0);
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

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
    '202611211',
    'monday',
    '2026',
    '2026-1',
    '05-11-2026',
    '8f1763694000aa',
    '2026-W54',
    'march-5',
    'market-5-2026',
    '10.2.3',
    '',
  ])('%s is no date', (name) => {
    expect(read(name)).toBeNull();
  });

  it('is the day alone when what follows is no time', () => {
    expect(read('2026-11-21_99-99')).toBe('2026-11-21T00:00:00.000Z/2026-11-21T23:59:59.999Z');
    expect(read('2026-11-21-2026-11-22')).toBe('2026-11-22T00:00:00.000Z/2026-11-22T23:59:59.999Z');
  });

  it('with the day or the month first is what all of its series can be', () => {
    const now = Date.UTC(2026, 10, 29, 12);
    const of = (...names: string[]): (string | undefined)[] => {
      const dates = datesInNames(names, utc, now);
      return names.map((name) => {
        const date = dates.get(name);
        return date === undefined ? undefined : new Date(date.fromMs).toISOString().slice(0, 16);
      });
    };
    expect(of('05-11-2026', '13-11-2026')).toEqual(['2026-11-05T00:00', '2026-11-13T00:00']);
    expect(of('11-05-2026', '11-13-2026')).toEqual(['2026-11-05T00:00', '2026-11-13T00:00']);
    expect(of('home_05_11_2026_03_15', 'home_13_11_2026_03_15')).toEqual(['2026-11-05T03:15', '2026-11-13T03:15']);
    expect(of('05112026', '13112026')).toEqual(['2026-11-05T00:00', '2026-11-13T00:00']);
    // December is in the future.
    expect(of('12-11-2026', '12-10-2026')).toEqual(['2026-11-12T00:00', '2026-10-12T00:00']);
    // Either way, or neither: the names tell nothing.
    expect(of('05-11-2026', '06-11-2026')).toEqual([undefined, undefined]);
    expect(of('11-13-2026', '13-11-2026')).toEqual([undefined, undefined]);
    expect(of('05-05-2026', 'current')).toEqual(['2026-05-05T00:00', undefined]);
    // What is beyond doubt stays so beside it.
    expect(of('2026-11-20', '05-11-2026')).toEqual(['2026-11-20T00:00', undefined]);
  });

  it('as a person types it is understood as a whole or not at all', () => {
    expect(dateAlone('21.11.2026 03:00', utc)?.fromMs).toBe(Date.UTC(2026, 10, 21, 3));
    expect(dateAlone('2026-W47', utc)?.fromMs).toBe(Date.UTC(2026, 10, 16));
    expect(dateAlone('05-11-2026', utc)).toBeNull();
    expect(dateAlone('2026-11-21 noon', utc)).toBeNull();
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
