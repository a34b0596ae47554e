// A series of snapshots: what each night costs, and which scans stand when names rotate, states are rewritten, or come
// late.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drain } from '../../services/scan/drain.ts';
import { until } from '../support/poll.ts';
import { HOST, Catalog } from '../support/catalog.ts';
import { age, remove, settled, touch, truthOf, write } from '../support/tree.ts';

const catalog = await Catalog.forFile(2);

const FILES = 40;
const BYTES_PER_FILE = 16;

function content(file: number, night: number): string {
  return `${file} of ${night}`.padEnd(BYTES_PER_FILE, '.');
}

/** The tree of the first night: 40 files in four directories. */
function firstNight(at: string): void {
  for (let f = 0; f < FILES; f++) write(at, { [`home/d${f % 4}/f${f}`]: content(f, 0) });
  age(at);
}

/** Two files are written anew, one is added, one is deleted; as rsync does it, never in place. */
function churn(at: string, night: number): void {
  for (const file of [night, night + 10]) replace(join(at, `home/d${file % 4}/f${file}`), content(file, night));
  write(at, { [`home/d0/new${night}`]: content(99, night) });
  if (night > 1) remove(join(at, `home/d0/new${night - 1}`));
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  touch(`${path}.tmp`, 1_700_000_500);
  renameSync(`${path}.tmp`, path);
}

function night(series: string, n: number): string {
  return join(series, `2026-10-0${n}`);
}

/** Per night: two changed, one new, one gone, and the directories that hold them: at most 4 + home. */
const ROWS_A_NIGHT_MAX = 3 + 4;

test('nine nights of full copies: the ninth is read whole, and only what changed is written', async () => {
  const series = catalog.directory();
  mkdirSync(night(series, 1));
  firstNight(night(series, 1));
  for (let n = 2; n <= 8; n++) {
    execFileSync('cp', ['-a', night(series, n - 1), night(series, n)]);
    churn(night(series, n), n - 1);
  }
  const pattern = join(series, '*');
  const { totals } = await catalog.scanSnapshots(pattern);
  // Older snapshots are listed, the newest is read.
  expect(totals.map((one) => one.bytesRead)).toEqual([0, 0, 0, 0, 0, 0, 0, (FILES + 1) * BYTES_PER_FILE]);
  execFileSync('cp', ['-a', night(series, 8), night(series, 9)]);
  churn(night(series, 9), 8);
  const ninth = await catalog.scanSnapshots(pattern);
  expect(ninth.plan).toMatchObject({ known: 8 });
  expect(ninth.totals).toHaveLength(1);
  expect(ninth.totals[0]?.inserted).toBeLessThanOrEqual(ROWS_A_NIGHT_MAX);
  expect(ninth.totals[0]).toMatchObject({
    filesRead: FILES + 1,
    bytesRead: (FILES + 1) * BYTES_PER_FILE,
    vanished: 1,
    found: 1,
  });
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 9)));
  // One manifest, and nine nights of churn.
  expect((await catalog.versions(pattern)).length).toBeLessThan(FILES + 6 + 9 * ROWS_A_NIGHT_MAX);
});

test('nine nights of hard links: the ninth reads only what changed', async () => {
  const series = catalog.directory();
  mkdirSync(night(series, 1));
  firstNight(night(series, 1));
  for (let n = 2; n <= 8; n++) {
    execFileSync('cp', ['-al', night(series, n - 1), night(series, n)]);
    churn(night(series, n), n - 1);
  }
  await settled(series);
  const pattern = join(series, '*');
  await catalog.scanSnapshots(pattern);
  execFileSync('cp', ['-al', night(series, 8), night(series, 9)]);
  churn(night(series, 9), 8);
  const [ninth] = (await catalog.scanSnapshots(pattern)).totals;
  expect(ninth).toMatchObject({ filesRead: 3, bytesRead: 3 * BYTES_PER_FILE, vanished: 1, found: 1 });
  expect(ninth?.inserted).toBeLessThanOrEqual(ROWS_A_NIGHT_MAX);
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 9)));
});

function rotating(series: string, day: number): void {
  const at = (n: number): string => join(series, `daily.${n}`);
  for (let n = 4; n >= 0; n--) if (existsSync(at(n))) renameSync(at(n), at(n + 1));
  if (existsSync(at(1))) execFileSync('cp', ['-a', at(1), at(0)]);
  write(at(0), { 'home/always': 'here', [`home/day${day}`]: `day ${day}`, marker: String(day) });
  touch(join(at(0), 'marker'), 1_700_000_000 + day * 86_400);
}

test('a rotation moves the scans along with their snapshots, and reads nothing again', async () => {
  const series = catalog.directory();
  const pattern = join(series, 'daily.*');
  for (let day = 1; day <= 3; day++) rotating(series, day);
  await catalog.scanSnapshots(pattern);
  const before = await catalog.scans(pattern);
  rotating(series, 4);
  const { plan, totals } = await catalog.scanSnapshots(pattern);
  expect(plan.known).toBe(3);
  expect(totals).toHaveLength(1);
  const after = await catalog.scans(pattern);
  expect(after.slice(0, 3).map((scan) => scan.seq)).toEqual(before.map((scan) => scan.seq));
  expect(after.map((scan) => scan.snapshot)).toEqual(['daily.3', 'daily.2', 'daily.1', 'daily.0']);
  expect(after.map((scan) => scan.pruned)).toEqual([null, null, null, null]);
  expect(await catalog.told(pattern)).toEqual(truthOf(join(series, 'daily.0')));
});

test('a snapshot whose directory is gone is pruned, one that a limit leaves out is not, and both keep their scans', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 3; n++) write(night(series, n), { f: `night ${n}` });
  await catalog.scanSnapshots(pattern);
  remove(night(series, 1));
  await catalog.scanSnapshots(pattern, { limit: 1 });
  expect((await catalog.scans(pattern)).map((scan) => [scan.snapshot, scan.pruned, scan.state])).toEqual([
    ['2026-10-01', 'gone', 'complete'],
    ['2026-10-02', null, 'complete'],
    ['2026-10-03', null, 'complete'],
  ]);
});

test('snapshots of a second disk that is not mounted are not pruned, and that is asked about', async () => {
  const base = catalog.directory();
  const disks = [join(base, 'disk1'), join(base, 'disk2')];
  const pattern = join(base, '*', '2026-*');
  for (const [n, disk] of disks.entries())
    for (const d of [1, 2]) write(night(disk, d + 2 * n), { f: 'x'.repeat(d + 2 * n) });
  await catalog.scanSnapshots(pattern);
  // Unmounted, the directory is empty; of the first disk one is pruned.
  const kept = join(catalog.directory(), 'kept');
  renameSync(disks[1]!, kept);
  mkdirSync(disks[1]!);
  remove(night(disks[0]!, 1));
  const notices: string[] = [];
  await catalog.scanSnapshots(pattern, {}, { onNotice: (text) => void notices.push(text) });
  const told = async (): Promise<unknown> => (await catalog.scans(pattern)).map((scan) => [scan.snapshot, scan.pruned]);
  expect(await told()).toEqual([
    [expect.stringContaining('2026-10-01'), 'gone'],
    [expect.stringContaining('2026-10-02'), null],
    [expect.stringContaining('2026-10-03'), null],
    [expect.stringContaining('2026-10-04'), null],
  ]);
  expect(notices.join()).toContain('is it mounted?');
  rmdirSync(disks[1]!);
  renameSync(kept, disks[1]!);
  await catalog.scanSnapshots(pattern);
  expect(await catalog.scans(pattern)).toHaveLength(4);
});

test('a snapshot of the same name and other content is a scan of its own, and the old state is marked rewritten', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 2; n++) write(night(series, n), { f: `night ${n}`, g: 'same' });
  await catalog.scanSnapshots(pattern);
  remove(night(series, 1));
  write(night(series, 1), { f: 'another state', h: 'new' });
  await catalog.scanSnapshots(pattern);
  const scans = await catalog.scans(pattern);
  expect(scans.map((scan) => [scan.snapshot, scan.pruned])).toEqual([
    ['2026-10-01', 'rewritten'],
    ['2026-10-01', null],
    ['2026-10-02', null],
  ]);
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 2)));
});

test('a snapshot that comes late takes its place between the others', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  write(night(series, 1), { 'd/f': 'one', 'd/keep': 'k' });
  execFileSync('cp', ['-a', night(series, 1), night(series, 3)]);
  await catalog.scanSnapshots(pattern);
  execFileSync('cp', ['-a', night(series, 1), night(series, 2)]);
  write(night(series, 2), { 'd/f': 'two', 'd/only2/x': 'x' });
  const { totals } = await catalog.scanSnapshots(pattern);
  // Night three is the newest, and may be written to: it is looked at again, and is as it was.
  expect(totals.map((one) => one.found)).toEqual([2, 0]);
  const scans = await catalog.scans(pattern);
  expect(scans.map((scan) => scan.snapshot)).toEqual(['2026-10-01', '2026-10-02', '2026-10-03']);
  const seqs = scans.map((scan) => scan.seq);
  const versions = await catalog.versions(pattern);
  expect(versions.filter((v) => v.path === 'd/f').map((v) => [v.first, v.end])).toEqual([
    [seqs[0], seqs[1]],
    [seqs[1], seqs[2]],
    [seqs[2], null],
  ]);
  expect(versions.filter((v) => v.path === 'd/only2/x').map((v) => [v.first, v.end, v.reason])).toEqual([
    [seqs[1], seqs[2], 'v'],
  ]);
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 3)));
});

test('the newest snapshot is looked at again: as it was, it stays one scan; changed below what its identity covers, it becomes another', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 2; n++) write(night(series, n), { 'a/b/c/deep': `night ${n}` });
  await catalog.scanSnapshots(pattern);
  const before = await catalog.scans(pattern);
  await catalog.scanSnapshots(pattern);
  await catalog.scanSnapshots(pattern);
  expect(await catalog.scans(pattern)).toEqual(before);
  write(night(series, 2), { 'a/b/c/deep': 'rsync came back' });
  await catalog.scanSnapshots(pattern);
  const scans = await catalog.scans(pattern);
  expect(scans.map((scan) => [scan.snapshot, scan.pruned])).toEqual([
    ['2026-10-01', null],
    ['2026-10-02', 'rewritten'],
    ['2026-10-02', null],
  ]);
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 2)));
});

test('reading everything again finds a byte that flipped in a snapshot, under the same size and mtime', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 2; n++) {
    write(night(series, n), { 'd/e/f': 'good', 'd/e/g': 'good too' });
    age(night(series, n));
  }
  await settled(series);
  await catalog.scanSnapshots(pattern);
  const { totals } = await catalog.scanSnapshots(pattern, { reread: true });
  expect(totals.map((one) => one.filesRead)).toEqual([2, 2]);
  const clean = await catalog.scans(pattern);
  expect(clean.map((scan) => [scan.mode, scan.pruned])).toEqual([
    ['reread', null],
    ['reread', null],
  ]);
  const path = join(night(series, 2), 'd/e/f');
  expect(readFileSync(path, 'utf8')).toBe('good');
  writeFileSync(path, 'gOod');
  touch(path, 1_700_000_000);
  await catalog.scanSnapshots(pattern, { reread: true });
  expect((await catalog.told(pattern))['d/e/f']).toMatch(/suspect$/);
  expect((await catalog.told(pattern))['d/e/g']).not.toMatch(/suspect$/);
});

test('a live tree whose file went back to what it was before is not suspect, and a series and a live tree share what is good', async () => {
  const series = catalog.directory();
  const live = catalog.directory();
  const pattern = join(series, '*');
  write(night(series, 1), { f: 'good' });
  age(night(series, 1));
  await catalog.scanSnapshots(pattern);
  write(live, { f: 'evil' });
  touch(join(live, 'f'), 1_700_000_000);
  await catalog.scan(live);
  write(live, { f: 'good' });
  touch(join(live, 'f'), 1_700_000_000);
  await catalog.scan(live);
  // The backup has seen these bytes under this path in good standing.
  expect((await catalog.told(live))['f']).not.toMatch(/suspect$/);
});

test('what vanishes from a snapshot while it is scanned is unsettled: perhaps it is being deleted', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 2; n++) write(night(series, n), { 'a/f': 'f', 'a/g': 'g', 'b/h': 'h', 'c/i': 'i', top: 't' });
  await catalog.scanSnapshots(pattern);
  execFileSync('cp', ['-a', night(series, 2), night(series, 3)]);
  remove(join(night(series, 3), 'a/f'), join(night(series, 3), 'b'));
  age(join(night(series, 3), 'a'));
  // By this clock the scan begins before the deletions. It is asked for the time all along, and each time somebody is
  // at work in c.
  const atWork = join(night(series, 3), 'c/at work');
  const nowMs = (): number => {
    writeFileSync(atWork, '');
    remove(atWork);
    return Date.now() - 60_000;
  };
  const { totals } = await catalog.scanSnapshots(pattern, {}, { nowMs });
  expect(totals).toMatchObject([{ vanished: 0, unknown: 2, belowUnknown: 1 }]);
  expect(await catalog.gaps(pattern)).toEqual(['/b unsettled', 'a/f unsettled']);
  expect((await catalog.versions(pattern)).filter((v) => v.reason === 'v')).toEqual([]);
  // Looked at again when it stands still, they are not there.
  expect((await catalog.scanSnapshots(pattern)).totals).toMatchObject([{ vanished: 2, belowGone: 1, gaps: 0 }]);
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 3)));
});

test('a backup that is still being written may bring what a quiet part of it lacks', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 2; n++) write(night(series, n), { 'a/f': 'f', 'a/g': 'g', 'b/h': 'h', top: 't' });
  await catalog.scanSnapshots(pattern);
  // `cp` has left a and b alone for a while, and is at work in c.
  write(night(series, 3), { 'a/f': 'f', 'c/i': 'i' });
  const begunMs = Date.now();
  await until('what was written lies in the past', () => Date.now() > begunMs + 100);
  let listed = 0;
  const nowMs = (): number => {
    write(night(series, 3), { [`c/${listed++}`]: '' });
    return Date.now();
  };
  const { totals } = await catalog.scanSnapshots(pattern, {}, { nowMs });
  expect(totals).toMatchObject([{ vanished: 0, unknown: 3, belowUnknown: 1 }]);
  expect(await catalog.gaps(pattern)).toEqual(['/b unsettled', '/top unsettled', 'a/g unsettled']);
  // It has ended, and they did not come.
  expect((await catalog.scanSnapshots(pattern)).totals).toMatchObject([{ vanished: 3, belowGone: 1, gaps: 0 }]);
});

test('who comes to help with a second look that is over by then, and was folded into the first, is told that it is closed', async () => {
  const { db, threads } = catalog;
  const [{ id = 0n } = {}] = (await catalog.rows('select max(id) + 1 as id from scan')) as { id?: bigint }[];
  const { signal } = new AbortController();
  const nothing = (): void => undefined;
  expect(
    await drain({
      db,
      threads,
      scanId: id,
      host: HOST,
      nowMs: Date.now,
      signal,
      waitForOthers: true,
      onProgress: nothing,
      onFailure: nothing,
    }),
  ).toMatchObject({ outcome: 'closed by another' });
});

test('two runs on one series at once scan each snapshot once', async () => {
  const series = catalog.directory();
  const pattern = join(series, '*');
  for (let n = 1; n <= 4; n++) write(night(series, n), { 'a/f': `night ${n}`, 'a/g': 'g' });
  await Promise.all([catalog.scanSnapshots(pattern), catalog.scanSnapshots(pattern), catalog.scanSnapshots(pattern)]);
  expect((await catalog.scans(pattern)).map((scan) => [scan.snapshot, scan.state, scan.pruned])).toEqual(
    [1, 2, 3, 4].map((n) => [`2026-10-0${n}`, 'complete', null]),
  );
  expect(await catalog.told(pattern)).toEqual(truthOf(night(series, 4)));
});
