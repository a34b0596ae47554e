// The backups that people have (docs/backups.md), in the shapes that their tools give them: found, dated and put in
// order by the pattern to type.
import { symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findSnapshots, type FoundSeries } from '../../../services/files/snapshots.ts';
import { Place } from './trees.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => {
  place[Symbol.dispose]();
});

const NOW = Date.UTC(2026, 10, 29, 6);
const NIGHTS = [26, 27, 28].map((day) => `2026-11-${day}`);

const find = (pattern: string): Promise<FoundSeries> =>
  findSnapshots(pattern, { nowMs: NOW, tz: 'UTC', limit: null, cwd: place.path });

/** Three nights, each at its place, with what the tool puts beside them. */
function nights(pathOf: (night: string, index: number) => string, beside: readonly string[] = []): void {
  NIGHTS.forEach((night, index) => {
    const path = pathOf(night, index);
    place.write({ [`${path}/anna/letter`]: night, [`${path}/anna/new${index}`]: '' });
    for (const name of [`${path}/anna/letter`, `${path}/anna`, path])
      place.touch(name, Date.parse(`${night}T03:00:00Z`));
  });
  for (const name of beside) place.write({ [name]: '' });
}

async function told(pattern: string): Promise<{ nights: string[]; sources: string[]; left: string[] }> {
  const { snapshots, leftOut } = await find(pattern);
  return {
    nights: snapshots.map(({ asOf }) => new Date(asOf.toMs).toISOString().slice(0, 10)),
    sources: [...new Set(snapshots.map(({ asOf }) => asOf.source))],
    left: leftOut.map(({ path, reason }) => `${path.slice(place.path.length + 1)}: ${reason}`),
  };
}

const plainly = { nights: NIGHTS, sources: ['name'], left: [] };

test('restic mount: its directories are dated to the second, and `latest` is left out as a link', async () => {
  nights((night) => `mnt/snapshots/${night}T03:00:00Z/srv/data`);
  symlinkSync('2026-11-28T03:00:00Z', place.join('mnt/snapshots/latest'));
  expect(await told('mnt/snapshots/*/srv/data')).toEqual(plainly);
  expect(await told('mnt/snapshots/*')).toMatchObject({ nights: NIGHTS, left: [expect.stringContaining('latest')] });
});

test('borg mount: archives with their date in the name', async () => {
  nights((night) => `mnt/data-${night}/srv/data`);
  nights((night) => `mnt/host-${night}T03:00:01.123456/srv/data`);
  expect(await told('mnt/data-*/srv/data')).toEqual(plainly);
  expect(await told('mnt/host-*/srv/data')).toEqual(plainly);
});

test('rsnapshot: the number says the order, and the times are estimated', async () => {
  nights((_, index) => `rsnap/daily.${2 - index}/localhost/srv/data`);
  expect(await told('rsnap/daily.*/localhost/srv/data')).toEqual({ ...plainly, sources: ['order'] });
});

test('snapper: info.xml says the time; what has none yet beside others is not finished', async () => {
  nights((_, index) => `data/.snapshots/${index + 8}/snapshot`);
  const finish = (index: number): void => {
    const date = `<date>${NIGHTS[index]} 03:00:00</date>`;
    place.write({
      [`data/.snapshots/${index + 8}/info.xml`]: `<?xml version="1.0"?>\n<snapshot>\n  ${date}\n</snapshot>\n`,
    });
  };
  finish(0);
  finish(1);
  expect(await told('data/.snapshots/*/snapshot')).toEqual({
    nights: NIGHTS.slice(0, 2),
    sources: ['noted'],
    left: ['data/.snapshots/10/snapshot: snapper has not finished it (no info.xml beside it)'],
  });
  finish(2);
  expect(await told('data/.snapshots/*/snapshot')).toEqual({ ...plainly, sources: ['noted'] });
});

test('btrbk: with short and long timestamps', async () => {
  nights((night) => `btr/data.${night.replaceAll('-', '')}T0300`);
  nights((night) => `short/data.${night.replaceAll('-', '')}`);
  expect(await told('btr/data.*')).toEqual(plainly);
  expect(await told('short/data.*')).toEqual(plainly);
});

test('timeshift: @home of btrfs snapshots, and localhost/home of rsync copies', async () => {
  nights((night) => `btr/timeshift-btrfs/snapshots/${night}_03-00-01/@home`);
  nights((night) => `ts/timeshift/snapshots/${night}_03-00-01/localhost/home`);
  writeFileSync(place.join('ts/timeshift/snapshots/2026-11-28_03-00-01/info.json'), '{}');
  expect(await told('btr/timeshift-btrfs/snapshots/*/@home')).toEqual(plainly);
  expect(await told('ts/timeshift/snapshots/*/localhost/home')).toEqual(plainly);
});

test('ZFS: the names of sanoid, zfs-auto-snapshot and zrepl', async () => {
  nights((night) => `tank/.zfs/snapshot/autosnap_${night}_03:00:01_daily`);
  nights((night) => `auto/.zfs/snapshot/zfs-auto-snap_daily-${night}-0300`);
  nights((night) => `repl/.zfs/snapshot/zrepl_${night.replaceAll('-', '')}_030001_000`);
  expect(await told('tank/.zfs/snapshot/autosnap_*_daily')).toEqual(plainly);
  expect(await told('auto/.zfs/snapshot/zfs-auto-snap_daily-*')).toEqual(plainly);
  expect(await told('repl/.zfs/snapshot/zrepl_*')).toEqual(plainly);
});

test('a directory for each day', async () => {
  nights((night) => `plain/${night}`);
  nights((night) => `dots/${night.split('-').toReversed().join('.')}`);
  expect(await told('plain/*')).toEqual(plainly);
  expect(await told('dots/*')).toEqual(plainly);
});

test('one copy without a date is a series of one snapshot', async () => {
  nights(() => 'copy/data');
  expect((await find('copy/data')).snapshots).toHaveLength(1);
});
