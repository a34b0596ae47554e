// The machine's own time zone, found as the C library finds it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type OffsetAt, offsetsOf, posixOffsets } from '../../domain/time-zone.ts';
import { localOffsets } from '../../services/files/zone.ts';
import { program } from '../support/programs.ts';
import { canMount } from '../support/machine.ts';
import { HOUR_MS } from '../../domain/lengths.ts';

const DATABASE = '/usr/share/zoneinfo';
const hasDatabase = existsSync(join(DATABASE, 'Europe/Berlin'));
const ZONES = [
  'Europe/Berlin',
  'Europe/Dublin',
  'America/New_York',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'Etc/UTC',
];

/** Every few days, at all hours, from 1995 to 2045. */
function* instants(): Generator<number> {
  for (let at = Date.UTC(1995, 0, 1); at < Date.UTC(2045, 0, 1); at += 333_000_123) yield at;
}

function firstDifference(a: OffsetAt, b: OffsetAt): string | null {
  for (const at of instants()) if (a(at) !== b(at)) return `${new Date(at).toISOString()}: ${a(at)}, not ${b(at)}`;
  return null;
}

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), 'rollcall-zone-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const JANUARY = Date.UTC(2026, 0, 15);
const JULY = Date.UTC(2026, 6, 15);

describe.runIf(hasDatabase)('the zone of this machine (skipped without a zone database)', () => {
  test.each(ZONES)('%s is read from its file, as far ahead as its rule goes', (zone) => {
    expect(firstDifference(localOffsets(undefined, join(DATABASE, zone)), offsetsOf(zone))).toBeNull();
    expect(firstDifference(localOffsets(zone), offsetsOf(zone))).toBeNull();
  });

  test('is what the file holds, whatever a symlink calls it', () => {
    const at = join(place(), 'localtime');
    symlinkSync(join(DATABASE, 'Europe/Berlin'), at);
    expect(localOffsets(undefined, at)(JULY)).toBe(2 * HOUR_MS);
  });

  test('follows TZ above the file: empty is UTC, and so is what nobody can read', () => {
    const berlin = join(DATABASE, 'Europe/Berlin');
    expect(localOffsets('', berlin)(JULY)).toBe(0);
    expect(localOffsets('Mars/Olympus', berlin)(JULY)).toBe(0);
    expect(localOffsets(':America/New_York', berlin)(JANUARY)).toBe(-5 * HOUR_MS);
    expect(localOffsets(join(DATABASE, 'Asia/Tokyo'), berlin)(JANUARY)).toBe(9 * HOUR_MS);
    expect(localOffsets('CET-1CEST,M3.5.0,M10.5.0/3', join(DATABASE, 'Asia/Tokyo'))(JULY)).toBe(2 * HOUR_MS);
  });

  test('is that of Node where there is no file, or none that can be read', () => {
    const broken = join(place(), 'localtime');
    writeFileSync(broken, 'TZif2');
    const ofNode = 0 - new Date(JULY).getTimezoneOffset() * 60_000;
    expect(localOffsets(undefined, broken)(JULY)).toBe(ofNode);
    expect(localOffsets(undefined, join(broken, 'none'))(JULY)).toBe(ofNode);
  });

  test.runIf(canMount)('is read where another file is mounted over /etc/localtime', () => {
    const asks = [process.execPath, program('files/asked-child'), 'offset', String(JULY)];
    const mounted = `mount --bind ${DATABASE}/Asia/Tokyo /etc/localtime && exec "$0" "$@"`;
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', mounted, ...asks], {
      encoding: 'utf8',
      env: { ...process.env, TZ: undefined },
    });
    expect([stdout.trim(), stderr]).toEqual([String(9 * HOUR_MS), '']);
  });
});

describe('a rule of POSIX', () => {
  test.each([
    ['CET-1CEST,M3.5.0,M10.5.0/3', 'Europe/Berlin'],
    ['EST5EDT,M3.2.0,M11.1.0', 'America/New_York'],
    ['IST-1GMT0,M10.5.0,M3.5.0/1', 'Europe/Dublin'],
    ['<+1030>-10:30<+11>-11,M10.1.0,M4.1.0', 'Australia/Lord_Howe'],
    ['<+0545>-5:45', 'Asia/Kathmandu'],
  ])('%s is the time of %s', (rule, zone) => {
    const offsets = posixOffsets(rule);
    const since2010 =
      (offsetAt: OffsetAt): OffsetAt =>
      (at) =>
        offsetAt(Math.max(at, Date.UTC(2010, 0, 1)));
    expect(offsets).not.toBeNull();
    if (offsets !== null) expect(firstDifference(since2010(offsets), since2010(offsetsOf(zone)))).toBeNull();
  });

  test('may count the days of the year, with or without 29 February', () => {
    const leap = Date.UTC(2028, 2, 1, 12);
    expect(posixOffsets('AAA0BBB,J60/0,J300')?.(leap)).toBe(HOUR_MS);
    expect(posixOffsets('AAA0BBB,J61/0,J300')?.(leap)).toBe(0);
    expect(posixOffsets('AAA0BBB,60/0,300')?.(leap)).toBe(HOUR_MS);
    expect(posixOffsets('AAA0BBB,61/0,300')?.(leap)).toBe(0);
  });

  test.each(['', 'Europe/Berlin', 'CET', 'CET-1CEST,M3.5,M10', '2026'])('%s is none', (text) => {
    expect(posixOffsets(text)).toBeNull();
  });
});
