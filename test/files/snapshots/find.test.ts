// Finding the snapshots of a backup, on real directories made by the programs that make them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePath } from '../../../domain/path.ts';
import { sameSnapshot } from '../../../domain/snapshot-identity.ts';
import { createHasher } from '../../../services/files/hash.ts';
import { findSnapshots, type FoundSeries } from '../../../services/files/snapshots.ts';
import { statPlace } from '../../../services/files/directory.ts';
import { type Survey, surveySnapshot } from '../../../services/files/survey.ts';
import { until } from '../../support/poll.ts';
import { Place } from './trees.ts';
import { have, canMount, run } from '../../support/machine.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/lengths.ts';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => {
  place[Symbol.dispose]();
});

const find = (pattern: string, limit: number | null = null, nowMs = Date.now()): Promise<FoundSeries> =>
  findSnapshots(pattern, { nowMs, tz: 'UTC', limit, cwd: place.path });
const names = ({ snapshots }: FoundSeries): string[] => snapshots.map(({ name }) => name);
const left = ({ leftOut }: FoundSeries): Record<string, string> =>
  Object.fromEntries(leftOut.map(({ path, reason }) => [path.slice(place.path.length + 1), reason]));
function one<T>(items: readonly T[]): T {
  const [item, ...more] = items;
  if (item === undefined || more.length > 0) throw new Error(`${items.length} instead of one`);
  return item;
}

describe('finding snapshots', () => {
  it('takes each match of a pattern as one snapshot, oldest first, and names it by what varies', async () => {
    place.write({
      'b/2026-11-20/home/f': '1',
      'b/2026-11-21/home/f': '2',
      'b/2026-11-19T0300/home/f': '0',
      'b/note': '',
    });
    const found = await find('b/*/home');
    expect(names(found)).toEqual(['2026-11-19T0300', '2026-11-20', '2026-11-21']);
    expect(found.series).toEqual({
      key: `${place.join('b')}/*/home`,
      literalPrefix: `${place.join('b')}/`,
      lastPart: '/home',
    });
    expect(found.snapshots[1]).toMatchObject({
      path: place.join('b/2026-11-20/home'),
      asOf: { fromMs: Date.UTC(2026, 10, 20), toMs: Date.UTC(2026, 10, 21) - 1, source: 'name' },
      readOnly: false,
      withinLimit: true,
    });
    expect(found.leftOut).toEqual([]);
  });

  it('marks the newest N, and still tells of the others', async () => {
    for (const day of [17, 18, 19, 20]) place.write({ [`b/2026-11-${day}/f`]: '' });
    const found = await find('b/*', 2);
    expect(found.snapshots.map(({ name, withinLimit }) => [name, withinLimit])).toEqual([
      ['2026-11-17', false],
      ['2026-11-18', false],
      ['2026-11-19', true],
      ['2026-11-20', true],
    ]);
    expect(names(await find('b/*', 9))).toHaveLength(4);
  });

  it('takes a directory that exists as it is, whatever characters it holds, dated by itself or by a directory above', async () => {
    place.write({ 'b/[2026-11-20]*/f': '1', '2026-11-21/srv-2020-01-01-old/home/f': '', 'mirror/f': '' });
    const literal = await find('b/[2026-11-20]*');
    expect(literal).toMatchObject({
      literal: true,
      series: { literalPrefix: place.join('b/[2026-11-20]*'), lastPart: '' },
    });
    expect(one(literal.snapshots)).toMatchObject({ name: '[2026-11-20]*', asOf: { source: 'name' } });
    const below = one((await find('2026-11-21/srv-2020-01-01-old/home/')).snapshots);
    expect(below.asOf.fromMs).toBe(Date.UTC(2026, 10, 21));
    expect(one((await find('mirror')).snapshots).asOf.source).toBe('mtime');
  });

  it('gives a series one key, however its pattern is written', async () => {
    place.write({ 'b/daily.0/f': '', 'b/daily.1/f': '' });
    symlinkSync('b', place.join('link'));
    const keys = await Promise.all(
      ['b/daily.*', './b/../b/daily.?', `${place.path}//b/daily.[01]`, 'link/daily.*'].map((p) => find(p)),
    );
    expect(new Set(keys.map(({ series }) => series.key))).toEqual(new Set([`${place.join('b')}/daily.*`]));
    expect(keys.map((found) => names(found).length)).toEqual([2, 2, 2, 2]);
  });

  it('reads parentheses, plus and exclamation marks as they stand, and braces as alternatives', async () => {
    place.write({
      'home (copy)/!x/+(1)/f': '',
      'home (copy)/!x/+(2)/f': '',
      'b/daily.0/f': '',
      'b/weekly.0/f': '',
      'b/other/f': '',
    });
    expect(names(await find('home (copy)/!x/+(*)'))).toEqual(['+(1)', '+(2)']);
    expect(names(await find('b/{daily,weekly}.*')).sort()).toEqual(['daily.0', 'weekly.0']);
  });

  it('refuses a pattern that would walk the backup', async () => {
    await expect(find('b/**/home')).rejects.toThrow("'**'");
    await expect(find('b/{x/y,z}/home')).rejects.toThrow('braces');
  });

  it('leaves out links, files, hidden names, lost+found and empty directories, and says why', async () => {
    place.write({ 'b/2026-11-20/f': '', 'b/archive.tar': '', 'b/.trash/f': '', 'b/lost+found/#12': '' });
    place.directory('b/2026-11-21');
    symlinkSync('2026-11-20', place.join('b/latest'));
    const found = await find('b/*');
    expect(names(found)).toEqual(['2026-11-20']);
    expect(left(found)).toEqual({
      'b/.trash': 'its name begins with a dot (.trash), which the pattern does not spell out',
      'b/2026-11-21': 'it is empty: not mounted, or not yet filled',
      'b/archive.tar': 'it is not a directory',
      'b/latest': 'it is a symbolic link to 2026-11-20',
      'b/lost+found': 'it is where fsck puts what it found, and no snapshot',
    });
    expect(names(await find('b/.t*'))).toEqual(['.trash']);
    expect(one((await find('b/latest')).snapshots).path).toBe(place.join('b/2026-11-20'));
  });

  it('matches hostile names where a pattern can, tells of those where it cannot, and takes these as paths', async () => {
    place.write({
      'b/$(touch x)/f': '',
      'b/s\x1b[31m/f': '',
      'b/back\\slash/f': '',
      'b/-rf/f': '',
      'b/two\nlines/f': '',
    });
    mkdirSync(Buffer.concat([Buffer.from(place.join('b/bad')), Buffer.from([0xff])]));
    writeFileSync(Buffer.concat([Buffer.from(place.join('b/bad')), Buffer.from([0xff]), Buffer.from('/f')]), '');
    const found = await find('b/*');
    expect(names(found).sort()).toEqual(['$(touch x)', '-rf', 'back\\\\slash', 's\\x1b[31m', 'two\\x0alines']);
    expect(Object.keys(left(found)).sort()).toEqual(['b/bad\\xff']);
    for (const path of Object.keys(left(found))) {
      expect(left(found)[path]).toContain(`--backup '${place.join(path)}'`);
      expect(one((await find(place.join(path))).snapshots).path).toBe(place.join(path));
    }
    expect(one((await find('b/back\\slash')).snapshots).path).toBe(place.join('b/back\\\\slash'));
    expect(one((await find('b/two\nlines')).snapshots).path).toBe(place.join('b/two\\x0alines'));
    for (const { path } of found.snapshots) expect(readdirSync(Buffer.from(decodePath(path)))).toEqual(['f']);
    expect((await find('b/d*')).leftOut).toEqual([]);
  });

  it('answers with nothing for a pattern or a path that matches nothing', async () => {
    for (const pattern of ['none/*', 'none', 'b\\*/x']) {
      expect(await find(pattern)).toMatchObject({ snapshots: [], leftOut: [] });
    }
  });
});

describe('the times of snapshots on disk', () => {
  it('of weekdays whose files tell nothing follow the days, the last written as the newest', async () => {
    const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
    const today = new Date().getUTCDay();
    const written = [...days.slice(today + 1), ...days.slice(0, today + 1)];
    for (const day of written) {
      place.write({ [`b/${day}/docs/deep/down/f`]: day });
      for (const name of ['docs/deep/down', 'docs/deep', 'docs', '.'])
        place.touch(`b/${day}/${name}`, 1_700_000_000_000);
    }
    const found = await find('b/*');
    expect(names(found)).toEqual(written);
    expect(new Set(found.snapshots.map(({ asOf }) => asOf.source))).toEqual(new Set(['weekday']));
  });

  it('of snapper are those of its info.xml, in UTC', async () => {
    for (const [number, date] of [
      ['9', '2026-11-20 03:00:01'],
      ['10', '2026-11-21 03:00:02'],
    ] as const) {
      place.write({
        [`b/${number}/snapshot/f`]: '',
        [`b/${number}/info.xml`]: `<?xml version="1.0"?>\n<snapshot>\n  <type>single</type>\n  <date>${date}</date>\n</snapshot>\n`,
      });
    }
    expect((await find('b/*/snapshot')).snapshots.map(({ name, asOf }) => [name, asOf.fromMs, asOf.source])).toEqual([
      ['9', Date.UTC(2026, 10, 20, 3, 0, 1), 'noted'],
      ['10', Date.UTC(2026, 10, 21, 3, 0, 2), 'noted'],
    ]);
  });

  it('with the day first are told by the series', async () => {
    place.write({ 'b/05-11-2026/f': '', 'b/13-11-2026/f': '', 'b/31-10-2026/f': '' });
    const found = await find('b/*', null, Date.UTC(2026, 10, 22, 12));
    expect(names(found)).toEqual(['31-10-2026', '05-11-2026', '13-11-2026']);
    expect(found.snapshots[1]?.asOf.fromMs).toBe(Date.UTC(2026, 10, 5));
  });

  it('that nothing tells apart are in the order in which they were written, and overlap', async () => {
    for (const name of ['zulu', 'alpha', 'kilo']) {
      place.write({ [`b/${name}/f`]: '' });
      for (const entry of ['f', '.']) place.touch(`b/${name}/${entry}`, 1_700_000_000_000);
      await until('the clock of the file system has moved on', () => {
        place.write({ probe: '' });
        return Math.floor(statSync(place.join('probe')).ctimeMs) > statSync(place.join(`b/${name}`)).ctimeMs;
      });
    }
    const { snapshots } = await find('b/*');
    expect(snapshots.map(({ name }) => name)).toEqual(['zulu', 'alpha', 'kilo']);
    expect(snapshots.every(({ asOf }) => asOf.source === 'mtime' && asOf.toMs > asOf.fromMs)).toBe(true);
  });
});

describe('rotated generations', () => {
  const now = Date.UTC(2026, 10, 22, 12);
  /**
   * As `rsnapshot` with hard links does: the oldest goes, the others move up, the newest is linked and then changed.
   */
  function rotate(word: string, keep: number, night: number): void {
    rmSync(place.join(`b/${word}.${keep - 1}`), { recursive: true, force: true });
    for (let at = keep - 2; at >= 0; at--) {
      try {
        renameSync(place.join(`b/${word}.${at}`), place.join(`b/${word}.${at + 1}`));
      } catch {
        // Not that many generations yet.
      }
    }
    const before = `b/${word}.1`;
    if (readdirSync(place.join('b')).includes(`${word}.1`))
      run('cp', '-al', place.join(before), place.join(`b/${word}.0`));
    else place.directory(`b/${word}.0`);
    place.write({ [`b/${word}.0/data/night-${night}`]: String(night) });
    const at = now - DAY_MS * (10 - night);
    place.touch(`b/${word}.0/data/night-${night}`, at);
    place.touch(`b/${word}.0/data`, at);
    // rsync -a stamps the root with the live root's mtime.
    place.touch(`b/${word}.0`, now - 400 * DAY_MS);
  }

  it('come out newest last, dated by what they hold and not by their root, and are known again after the next rotation', async () => {
    place.directory('b');
    for (const night of [1, 2, 3, 4]) rotate('daily', 7, night);
    const before = await find('b/*', null, now);
    expect(names(before)).toEqual(['daily.3', 'daily.2', 'daily.1', 'daily.0']);
    expect(before.snapshots.map(({ asOf }) => asOf)).toEqual(
      [1, 2, 3, 4].map((night) => ({
        fromMs: now - DAY_MS * (10 - night),
        toMs: now - DAY_MS * (10 - night),
        source: 'order',
      })),
    );
    rotate('daily', 7, 5);
    const after = await find('b/*', null, now);
    expect(names(after)).toEqual(['daily.4', 'daily.3', 'daily.2', 'daily.1', 'daily.0']);
    for (const [at, recorded] of before.snapshots.entries()) {
      const same = after.snapshots.map(({ identity }) => sameSnapshot(recorded.identity, identity));
      expect(same).toEqual(after.snapshots.map((_, index) => index === at));
    }
  });

  it('with days and weeks in one series come out in a sane order', async () => {
    for (let day = 0; day < 7; day++) {
      place.write({ [`b/daily.${day}/d/f`]: '' });
      for (const name of ['d/f', 'd', '.']) place.touch(`b/daily.${day}/${name}`, now - day * DAY_MS - HOUR_MS);
    }
    for (let week = 0; week < 4; week++) {
      place.write({ [`b/weekly.${week}/d/f`]: '' });
      for (const name of ['d/f', 'd', '.'])
        place.touch(`b/weekly.${week}/${name}`, now - (week + 1) * 7 * DAY_MS - HOUR_MS);
    }
    expect(names(await find('b/*', null, now))).toEqual([
      'weekly.3',
      'weekly.2',
      'weekly.1',
      'weekly.0',
      'daily.6',
      'daily.5',
      'daily.4',
      'daily.3',
      'daily.2',
      'daily.1',
      'daily.0',
    ]);
  });

  it('made as full copies are other snapshots than their originals', async () => {
    place.write({ 'b/daily.1/d/f': 'x' });
    run('cp', '-a', place.join('b/daily.1'), place.join('b/daily.0'));
    const [older, newer] = (await find('b/*')).snapshots;
    expect(older?.identity.fingerprint).toBe(newer?.identity.fingerprint);
    expect(sameSnapshot(older!.identity, newer!.identity)).toBe(false);
  });

  it('are other states when they were filled again in place', async () => {
    place.write({ 'b/monday/d/f': 'x' });
    const before = one((await find('b/monday')).snapshots);
    expect(sameSnapshot(before.identity, one((await find('b/monday')).snapshots).identity)).toBe(true);
    place.touch('b/monday/d/f', 1_000_000);
    expect(sameSnapshot(before.identity, one((await find('b/monday')).snapshots).identity)).toBe(false);
  });

  it('are not told apart by a part that could not be read on one occasion', async () => {
    if (canMount) place.mount('tmpfs', 'tmpfs', 'b/one/d');
    place.write({ 'b/one/d/f': 'x', 'b/one/e/f': 'y' });
    const { identity } = one((await find('b/one')).snapshots);
    const partial = { ...identity, fingerprint: '0'.repeat(16), unreadable: ['d'] };
    expect(sameSnapshot(partial, identity)).toBe(true);
    expect(sameSnapshot({ ...identity, fingerprint: '0'.repeat(16) }, identity)).toBe(false);
    expect(sameSnapshot({ ...identity, fingerprint: null }, identity)).toBe(true);
    expect(sameSnapshot({ ...identity, rootInode: '1' }, identity)).toBe(false);
  });

  it('are surveyed up to a bound, however many names a directory holds', async () => {
    for (let at = 0; at < 60; at++) place.write({ [`b/big/d/${at}`]: '', [`b/big/e/${at}`]: '' });
    const hasher = await createHasher();
    const survey = (max: number): Survey => {
      const root = statPlace(place.join('b/big'));
      return surveySnapshot(place.join('b/big'), root, { hasher, nowMs: Date.now(), entriesMax: max });
    };
    expect(survey(50)).toMatchObject({ bounded: true, topEntries: 2, unreadable: [] });
    expect(survey(50)).toEqual(survey(50));
    expect(survey(62).bounded).toBe(true);
    expect(survey(122).bounded).toBe(false);
    expect(survey(122).fingerprint).not.toBe(survey(50).fingerprint);
  });
});

describe('unfinished snapshots', () => {
  it('are known by the names that backup programs give, never by holding few files', async () => {
    const unfinished = [
      '2026-11-21.inProgress',
      '2026-11-21.incomplete',
      'x.partial',
      'x.tmp',
      'backup.inprogress',
      '_delete.4711',
    ];
    for (const name of [...unfinished, '2026-11-20', '2026-11-19']) place.write({ [`b/${name}/f`]: '' });
    for (let at = 0; at < 50; at++) place.write({ [`b/2026-11-19/many/${at}`]: '' });
    rmSync(place.join('b/backup.inprogress'), { recursive: true });
    const found = await find('b/*');
    expect(names(found)).toEqual(['2026-11-19', '2026-11-20']);
    expect(Object.keys(left(found))).toHaveLength(unfinished.length - 1);
    place.write({ 'b/.sync/f': '' });
    expect(left(await find('b/.s*'))['b/.sync']).toContain('rsnapshot prepares');
  });

  it('include the newest as long as rsync-time-backup says that it is at work', async () => {
    for (const name of ['2026-11-19', '2026-11-20']) place.write({ [`b/${name}/f`]: '' });
    writeFileSync(place.join('b/backup.inprogress'), '4711');
    const found = await find('b/*');
    expect(names(found)).toEqual(['2026-11-19']);
    expect(left(found)['b/2026-11-20']).toContain('backup.inprogress');
  });

  it('of snapper are those without the file that it writes last', async () => {
    place.write({
      's/1/snapshot/f': '',
      's/1/info.xml': '',
      's/2/snapshot/f': '',
      's/2/info.xml': '',
      's/10/snapshot/f': '',
    });
    const found = await find('s/*/snapshot');
    expect(names(found)).toEqual(['1', '2']);
    expect(left(found)['s/10/snapshot']).toContain('info.xml');
  });

  it('are known by the temporaries of an rsync, and not by dot files with a similar name', async () => {
    const modes: readonly (readonly [string, number, boolean])[] = [
      ['.report.odt.aB3xY9', 0o600, true],
      ['..profile.Ab12Cd', 0o600, true],
      ['.bashrc.backup', 0o600, false],
      ['.notes.202611', 0o600, false],
      ['.archive.sha256', 0o644, false],
      ['.x.aB3xY9', 0o644, false],
      ['report.aB3xY9', 0o600, false],
    ];
    for (const [at, [name, mode]] of modes.entries()) {
      place.write({ [`b/n-${at}/d/${name}`]: '' });
      chmodSync(place.join(`b/n-${at}/d/${name}`), mode);
    }
    const found = await find('b/*');
    expect(names(found)).toEqual(modes.flatMap(([, , sign], at) => (sign ? [] : [`n-${at}`])));
    expect(left(found)['b/n-0']).toBe('rsync was writing to it (d/.report.odt.aB3xY9)');
  });

  it('do not include those to which an old temporary was carried along', async () => {
    for (const day of [18, 19, 20]) place.write({ [`b/2026-11-${day}/f`]: '' });
    for (const day of [19, 20]) {
      place.write({ [`b/2026-11-${day}/.f.aB3xY9`]: '' });
      chmodSync(place.join(`b/2026-11-${day}/.f.aB3xY9`), 0o600);
    }
    expect(names(await find('b/*'))).toEqual(['2026-11-18', '2026-11-20']);
  });

  // Tried again: rsync draws six characters at random, and a suffix that could be a word is no sign of it, on purpose.
  it.skipIf(!have('rsync'))('include one that a real rsync fills, until it has ended', { retry: 2 }, async () => {
    place.write({ 'live/d/f': 'x'.repeat(3_000_000), 'live/small': '' });
    place.directory('b/2026-11-20');
    const rsync = spawn('rsync', ['-a', '--bwlimit=200', place.join('live/'), place.join('b/2026-11-20/')], {
      stdio: 'ignore',
    });
    const ended = once(rsync, 'exit');
    try {
      let reason: string | undefined;
      for (const deadline = Date.now() + 20_000; Date.now() < deadline && !reason?.includes('rsync'); ) {
        reason = left(await find('b/*'))['b/2026-11-20'];
      }
      expect(reason).toMatch(/^rsync was writing to it \(d\/\.f\.[A-Za-z0-9]{6}\)$/);
    } finally {
      rsync.kill('SIGKILL');
      await ended;
    }
    run('rsync', '-a', '--delete', place.join('live/'), place.join('b/2026-11-20/'));
    expect(names(await find('b/*'))).toEqual(['2026-11-20']);
  });
});
