// What becomes of contents: zeros, cut and emptied files, and rot that a backup has copied; beside what only looks like
// it.
import { rmSync, utimesSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AssessResult } from '../../services/assess.ts';
import { history } from '../../services/history.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let house: Volume;

function settle(today: number): void {
  house = Volume.open(catalog, today);
  house.furnish();
}

function snapshots(from: number, to: number): void {
  for (let night = from; night <= to; night++) house.snapshot(night);
}

/** Without a byte that is zero. */
function text(bytes: number, seed = 0): Buffer {
  return Buffer.from(Array.from({ length: bytes }, (_, i) => 65 + ((i * 7 + seed * 13 + (i >> 5)) % 50)));
}

/** What is said of the paths below a directory; the rest is intact. */
function said(result: AssessResult, directory: string): Record<string, string> {
  const report = house.report(result);
  const own = Object.entries(report.findings).filter(([path]) => path.startsWith(`${directory}/`));
  expect(Object.keys(report.findings).filter((path) => !path.startsWith(`${directory}/`))).toEqual([]);
  return Object.fromEntries(own);
}

const flip = (content: Buffer): Buffer => Buffer.from(content.map((byte, i) => (i === 9 ? byte ^ 1 : byte)));

test('files full of zeros are damage whenever it happened: nightly, and where live and the newest snapshots agree by now', async () => {
  settle(8);
  const names = Array.from({ length: 6 }, (_, i) => `desk/${i}`);
  for (const [i, name] of names.entries()) house.write(name, text(5_000, i));
  snapshots(1, 4);
  // Half of them before the scan that is to find it, half of them long before the next one.
  for (const name of names.slice(0, 3)) house.write(name, Buffer.alloc(5_000), 4.5);
  const nightly = await house.assess(4.6);
  const truncated = (night: number, from: number, to: number): Record<string, string> =>
    Object.fromEntries(names.slice(from, to).map((name) => [name, `truncated exact from night ${night} unknown`]));
  expect(said(nightly, 'desk')).toEqual(truncated(4, 0, 3));
  expect(nightly.exit).toBe(1);
  snapshots(5, 5);
  for (const name of names.slice(3)) house.write(name, Buffer.alloc(name === 'desk/3' ? 400 : 5_000), 5.5);
  snapshots(6, 8);
  const later = await house.assess(8);
  expect(said(later, 'desk')).toEqual({ ...truncated(4, 0, 3), ...truncated(5, 3, 6) });
  const { code, output } = house.restore(later.bundle?.directory ?? '', '--apply', '--damaged');
  expect(code, output).toBe(0);
  expect((await house.assess(8.2)).exit).toBe(0);
});

test('the first assessment of all sees that files became zeros between two old snapshots which nobody has read', async () => {
  settle(8);
  house.write('desk/a', text(5_000));
  house.write('desk/b', text(5_000, 1));
  snapshots(1, 4);
  house.write('desk/a', Buffer.alloc(5_000), 4.5);
  house.write('desk/b', Buffer.alloc(5_000), 4.5);
  snapshots(5, 7);
  house.lose('desk/b');
  snapshots(8, 8);
  // What is lost is not restored from the zeros that it was.
  expect(said(await house.assess(8, { sinceMs: house.nowMs(7) }), 'desk')).toEqual({
    'desk/a': 'truncated exact from night 4 unknown',
    'desk/b': 'missing exact from night 4 silent',
  });
});

test('one night had what was edited before it became zeros under its size and time: that is the source, not the state before', async () => {
  settle(6);
  house.write('desk/a', text(3_000));
  snapshots(1, 3);
  house.write('desk/a', text(5_000, 1), 3.5);
  snapshots(4, 4);
  house.write('desk/a', Buffer.alloc(5_000), 3.5);
  snapshots(5, 6);
  expect(said(await house.assess(6), 'desk')).toEqual({ 'desk/a': 'corrupt exact from night 4 silent' });
});

test('zeros at the end are damage where the rest is the beginning of the good version, or no mtime announces a change', async () => {
  settle(4);
  const good = text(20_000);
  const tail = (bytes: number, zeros: number, head = good): Buffer =>
    Buffer.concat([head.subarray(0, bytes), Buffer.alloc(zeros)]);
  for (const name of ['cut', 'grown', 'short', 'edited', 'old']) house.write(`desk/${name}`, good);
  snapshots(1, 2);
  house.write('desk/cut', tail(8_000, 12_000), 2.5);
  house.write('desk/grown', tail(20_000, 8_192), 2.5);
  house.write('desk/short', tail(19_000, 1_000), 2.5);
  house.write('desk/edited', tail(8_000, 12_000, text(20_000, 5)), 2.5);
  house.write('desk/old', tail(8_000, 12_000, text(20_000, 6)), -1);
  snapshots(3, 4);
  expect(said(await house.assess(4), 'desk')).toEqual({
    'desk/cut': 'truncated exact from night 2 unknown',
    'desk/grown': 'truncated exact from night 2 unknown',
    'desk/old': 'truncated exact from night 2 unknown',
  });
});

test('emptied and cut off without a newer mtime are damage at any time; with one they are an edit, outside of the loss intervals', async () => {
  settle(6);
  for (const name of ['emptied', 'cut', 'cleared', 'shortened']) house.write(`desk/${name}`, text(3_000));
  snapshots(1, 2);
  house.rot('desk/emptied', () => Buffer.alloc(0));
  house.rot('desk/cut', (content) => content.subarray(0, 1_000));
  // Another night: three in one are a burst of damage, and then an edit of that night is doubted too.
  snapshots(3, 3);
  house.write('desk/cleared', '', 3.5);
  house.write('desk/shortened', text(3_000).subarray(0, 1_000), 3.5);
  snapshots(4, 6);
  expect(said(await house.assess(6, { sinceMs: house.nowMs(5) }), 'desk')).toEqual({
    'desk/cut': 'truncated exact from night 2 silent',
    'desk/emptied': 'truncated exact from night 2 silent',
  });
  expect(said(await house.assess(6.1, { sinceMs: house.nowMs(2) }), 'desk')).toMatchObject({
    'desk/cleared': 'truncated exact from night 3 unknown',
    'desk/shortened': 'truncated exact from night 3 unknown',
  });
});

test('logs that are rotated, files that are allocated before they are written, archives and databases are not damage', async () => {
  settle(8);
  const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
  const log = (night: number): Buffer => text(night % 3 === 0 ? 40 : 900 * (night % 3));
  for (let night = 1; night <= 8; night++) {
    house.write('srv/log', log(night), night);
    house.write('srv/emptied.log', night % 4 === 1 ? '' : text(500 * night), night);
    house.write('srv/image', night < 3 ? zeros(30_000) : Buffer.concat([text(20_000, night), zeros(10_000)]), night);
    // tar pads to 10 KiB, a database grows by pages: other content before the zeros each time.
    house.write(
      'srv/tar',
      Buffer.concat([text(9_000 + 700 * night, night), zeros(night % 2 === 0 ? 9_000 : 600)]),
      night,
    );
    house.write('srv/db', Buffer.concat([text(4_096 * night, night), zeros(4_096)]), night);
    house.snapshot(night);
  }
  const quiet = await house.assess(8);
  expect(said(quiet, 'srv')).toEqual({});
  expect(quiet.exit).toBe(0);
  house.write('srv/log', '', 8.5);
  house.write('srv/emptied.log', '', 8.5);
  house.write('srv/image', zeros(30_000), 8.5);
  house.write('srv/tar', Buffer.concat([text(9_000, 9), zeros(9_000)]), 8.5);
  expect(said(await house.assess(8.6, { sinceMs: house.nowMs(7) }), 'srv')).toEqual({
    'srv/emptied.log': 'modified',
    'srv/image': 'modified',
    'srv/log': 'modified',
    'srv/tar': 'modified',
  });
});

/** Seven good copies, then the rot of live in a full copy of it. */
function copyRot(): void {
  settle(8);
  for (const name of ['desk/a', 'desk/b']) house.write(name, text(4_000));
  snapshots(1, 7);
  house.rot('desk/a', flip);
  snapshots(8, 8);
}

test('--reread gives each copy its vote: seven good ones outvote live and the newest, which was read first', async () => {
  copyRot();
  expect((await house.assess(8)).exit).toBe(0);
  const reread = await house.assess(8.1, { reread: true });
  expect(said(reread, 'desk')).toEqual({ 'desk/a': 'corrupt exact from night 7 silent' });
  expect(reread.exit).toBe(1);
  expect(reread.assessment.conditions.filter(({ code }) => code === 'trusted')).toEqual([]);
  const told = await history(catalog.db.pool, house.live + '/desk/a', { volume: null, host: 'here', cwd: '/' });
  const good = told.volumes
    .flatMap(({ stretches }) => stretches)
    .flatMap(({ copy, isBad }) => (copy === null || isBad ? [] : [copy.snapshot]));
  expect(good).toContain(house.night(7));
  expect(good).not.toContain(house.night(8));
  // The next night copies the rot once more, and nothing changes by that.
  house.snapshot(9);
  expect(said(await house.assess(9), 'desk')).toEqual({ 'desk/a': 'corrupt exact from night 7 silent' });
});

test('so it is where --reread is the very first run', async () => {
  copyRot();
  const reread = await house.assess(8, { reread: true });
  expect(said(reread, 'desk')).toEqual({ 'desk/a': 'corrupt exact from night 7 silent' });
  expect(reread.assessment.conditions.filter(({ code }) => code === 'trusted')).toEqual([]);
});

test('a run after --reread names the re-reading as the oldest reading, not the first one', async () => {
  settle(3);
  snapshots(1, 3);
  await house.assess(3);
  await house.assess(3.5, { reread: true });
  const { conditions, trustedSince } = (await house.assess(4)).assessment;
  expect(conditions.map(({ code }) => code)).toContain('trusted');
  expect(Date.parse(trustedSince ?? '')).toBeGreaterThanOrEqual(house.nowMs(3.5));
});

test('one copy against one: nobody is said to be right, whichever was read first', async () => {
  for (const firstRun of [{}, { reread: true }]) {
    settle(2);
    house.write('desk/a', text(4_000));
    snapshots(2, 2);
    house.rot('desk/a', flip, house.snapshotRoot(2));
    expect(said(await house.assess(2, firstRun), 'desk')).toEqual({
      'desk/a': 'corrupt exact from night 2 silent (side unknown)',
    });
  }
});

test('an old copy that rotted alone brands none of the good ones that are read after it', async () => {
  settle(5);
  house.write('desk/a', text(4_000));
  snapshots(1, 5);
  house.rot('desk/a', flip, house.snapshotRoot(1));
  expect((await house.assess(5, { reread: true })).exit).toBe(0);
  house.lose('desk/a');
  const lost = await house.assess(5.5);
  expect(said(lost, 'desk')).toEqual({ 'desk/a': 'missing exact from night 5 silent' });
});

test('the newest snapshot that has the content is the source, and is read: the oldest is pruned next', async () => {
  settle(6);
  house.write('desk/a', text(4_000));
  snapshots(1, 6);
  await house.assess(6);
  house.lose('desk/a');
  expect(said(await house.assess(6.5), 'desk')).toEqual({ 'desk/a': 'missing exact from night 6 silent' });
  rmSync(house.snapshotRoot(6), { recursive: true });
  house.rot('desk/a', flip, house.snapshotRoot(5));
  expect(said(await house.assess(6.6), 'desk')).toEqual({ 'desk/a': 'missing exact from night 4 silent' });
});

test('an edit that brings its old time back is corrupt, and said to be rewritten; a mere touch is nothing', async () => {
  settle(4);
  house.write('desk/a', text(4_000));
  house.write('desk/b', text(4_000));
  snapshots(1, 3);
  await house.assess(3);
  house.rot('desk/a', flip);
  utimesSync(house.at('desk/b'), house.startMs / 1000 + 3, house.startMs / 1000 + 3);
  expect(said(await house.assess(3.5), 'desk')).toEqual({
    'desk/a': 'corrupt exact from night 3 silent (rewritten under its old time)',
  });
});
