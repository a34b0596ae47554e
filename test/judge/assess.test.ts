import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Assessment } from '../../domain/assessment.ts';
import { classes, findingAt, verdicts } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let world: Volume;

beforeEach(() => {
  world = Volume.open(catalog, 20, 'by day');
});

/** Files in five directories, with unlike contents. */
function fill(files: number, prefix = ''): void {
  for (let i = 0; i < files; i++)
    world.write(`${prefix}d${i % 5}/f${i}`, `content of ${prefix}file ${i}`.repeat(1 + (i % 7)));
}

/** Every class adds up, whatever the scenario. */
function sums(assessment: Assessment): void {
  const files = Object.values(assessment.verdicts).reduce((sum, tally) => sum + tally.files, 0);
  const directories = Object.values(assessment.directories).reduce((sum, count) => sum + count, 0);
  expect(files).toBe(assessment.universe.paths);
  expect(directories).toBe(assessment.universe.directories);
  const found = assessment.findings.filter((finding) => finding.kind !== 'directory').length;
  expect(found + assessment.verdicts.intact.files).toBe(assessment.universe.paths);
}

describe('an assessment', () => {
  test('of an unchanged volume finds nothing, and everything is intact', async () => {
    fill(50);
    world.snapshot(1);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({});
    expect(classes(assessment)).toEqual({ intact: 50 });
    expect(assessment.universe).toEqual({ paths: 50, directories: 5 });
    expect(assessment.directories.intact).toBe(5);
    expect(assessment.incomplete).toEqual([]);
    sums(assessment);
  });

  test('of the story: half of the loss is in the newest snapshot already, moves and what people deleted are none of it', async () => {
    world = Volume.open(catalog, 11, 'by day');
    fill(200);
    world.write('docs/letter', 'the first letter');
    world.write('docs/report', 'a report that somebody goes on writing');
    world.write('docs/table', Buffer.alloc(9_000, 'table '));
    world.write('docs/log', 'entry '.repeat(100));
    world.write('docs/empty-one', 'this was something');
    for (let night = 1; night <= 10; night++) {
      // Quiet churn: one file a night is deleted by a person, one is made, one is edited.
      if (night > 1) {
        world.remove(`d${night % 5}/f${night}`, night);
        world.write(`d0/new${night}`, `made in night ${night}`, night);
        world.write('docs/report', `a report, edited in night ${night}`, night);
      }
      if (night === 6) renameSync(world.path('docs/letter'), world.path('docs/letter-of-june'));
      if (night === 10) for (let i = 20; i < 60; i++) world.lose(`d${i % 5}/f${i}`);
      world.snapshot(night);
    }
    // Lost after the newest snapshot.
    for (let i = 60; i < 100; i++) world.lose(`d${i % 5}/f${i}`);
    renameSync(world.path('d0/f150'), world.path('docs/moved-just-now'));
    world.write('docs/empty-one', '', 12);
    world.write('docs/table', Buffer.alloc(9_000), 12);
    world.write('docs/report', 'the newest words', 12);
    world.write('docs/fresh', 'made today', 12);
    const assessment = await world.judged();
    sums(assessment);
    expect(assessment.window).toMatchObject({ reason: 'burst' });
    expect(assessment.timeline.map((interval) => interval.burst)).toEqual([
      ...Array.from({ length: 8 }, () => false),
      true,
      true,
    ]);
    expect(assessment.timeline.map((interval) => interval.vanished)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 41, 40]);
    expect(assessment.timeline.at(4)).toMatchObject({ moved: 1, added: 2, changed: 1 });
    expect(assessment.timeline.at(-1)).toMatchObject({ toName: 'live', moved: 1, damaged: 2 });
    // The interval beside the burst is in the window, and with it one quiet deletion.
    expect(classes(assessment)).toEqual({
      missing: 82,
      deleted: 7,
      moved: 2,
      truncated: 2,
      modified: 1,
      new: 2,
      intact: 121,
    });
    expect(assessment.recovery).toMatchObject({ exact: { files: 84 }, older: { files: 0 }, none: { files: 0 } });
    expect(findingAt(assessment, 'docs/letter')).toMatchObject({ verdict: 'moved', movedTo: 'docs/letter-of-june' });
    expect(findingAt(assessment, 'd0/f150')).toMatchObject({ verdict: 'moved', movedTo: 'docs/moved-just-now' });
    const lost = findingAt(assessment, 'd0/f20');
    expect(lost).toMatchObject({ verdict: 'missing', recovery: 'exact' });
    const ninth = new Date(world.startMs + 9 * 86_400_000).toISOString().slice(0, 10);
    expect(lost.source).toMatchObject({ snapshot: ninth, path: 'd0/f20', series: 'backup' });
    expect(existsSync(join(lost.source!.root, lost.source!.path))).toBe(true);
    expect(lost.between!.lastSeen).toContain(ninth);
    expect(lost.cause!.signals.length).toBeGreaterThan(0);
    expect(findingAt(assessment, 'docs/empty-one')).toMatchObject({ verdict: 'truncated', recovery: 'exact' });

    const again = await world.judged();
    expect(classes(again)).toEqual(classes(assessment));
    // Nothing but the second copies that bear the recoveries out.
    expect(again.bytesRead).toBeGreaterThan(0);
    expect(again.bytesRead).toBeLessThanOrEqual(again.recovery.exact.bytes);
    expect(again.bytesTrusted).toBeGreaterThan(0);
  });

  test('an open finding stays missing however many quiet nights follow, and is resolved when the file is back', async () => {
    fill(60);
    for (let night = 1; night <= 5; night++) world.snapshot(night);
    world.lose('d1/f1');
    const first = await world.judged();
    expect(verdicts(first)).toEqual({ 'd1/f1': 'missing' });
    for (let night = 6; night <= 15; night++) world.snapshot(night);
    const later = await world.judged();
    expect(verdicts(later)).toEqual({ 'd1/f1': 'missing' });
    world.write('d1/f1', 'content of file 1'.repeat(2));
    const back = await world.judged();
    expect(verdicts(back)).toEqual({ 'd1/f1': 'backup-missing' });
  });

  test('a single old deletion without an open finding is deleted, and --since brings it back', async () => {
    fill(60);
    for (let night = 1; night <= 5; night++) world.snapshot(night);
    world.remove('d1/f1', 6);
    for (let night = 6; night <= 9; night++) world.snapshot(night);
    expect(verdicts(await world.judged())).toEqual({ 'd1/f1': 'deleted' });
    const since = await world.judged({ sinceMs: world.startMs + 4.5 * 86_400_000 });
    expect(verdicts(since)).toEqual({ 'd1/f1': 'missing' });
    expect(since.window.reason).toBe('since');
  });

  test('a byte flips while size and mtime stay: two copies against one, and the source is the good one', async () => {
    fill(20);
    world.snapshot(1);
    const older = world.snapshot(2);
    const { mtimeMs } = statSync(world.path('d3/f3'));
    world.write('d3/f3', 'content of file 3'.repeat(4).replace('file', 'fyle'));
    utimesSync(world.path('d3/f3'), mtimeMs / 1000, mtimeMs / 1000);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd3/f3': 'corrupt' });
    expect(findingAt(assessment, 'd3/f3')).toMatchObject({ flags: [], recovery: 'exact', source: { root: older } });
    expect(assessment.timeline.at(-1)!.damaged).toBe(1);
    sums(assessment);
  });

  test('a directory that vanished with its files is missing; one that was moved as a whole is one move', async () => {
    fill(40, 'a/');
    fill(40, 'b/');
    for (let night = 1; night <= 4; night++) world.snapshot(night);
    world.lose('a/d1');
    renameSync(world.path('b'), world.path('c'));
    const assessment = await world.judged();
    sums(assessment);
    expect(findingAt(assessment, 'a/d1')).toMatchObject({ verdict: 'missing', kind: 'directory', recovery: 'exact' });
    expect(findingAt(assessment, 'a/d1/f1')).toMatchObject({ verdict: 'missing', recovery: 'exact' });
    expect(findingAt(assessment, 'b')).toMatchObject({ verdict: 'moved', movedTo: 'c' });
    expect(findingAt(assessment, 'b/d1/f1')).toMatchObject({ verdict: 'moved', movedTo: 'c/d1/f1' });
    expect(classes(assessment)).toEqual({ missing: 8, moved: 40, new: 40, intact: 32 });
  });

  test('a rename before the newest snapshot is a move, although the old copies were only listed', async () => {
    fill(20);
    world.snapshot(1);
    world.snapshot(2);
    renameSync(world.path('d1/f1'), world.path('d2/g1'));
    world.snapshot(3);
    world.snapshot(4);
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd1/f1': 'moved' });
    expect(assessment.timeline[1]).toMatchObject({ vanished: 0, moved: 1, added: 1 });
  });

  test('a rename that was backed up and then lost is restored from the old name', async () => {
    fill(20);
    world.write('d1/before', 'a text that stands nowhere else');
    world.snapshot(1);
    await world.judged();
    renameSync(world.path('d1/before'), world.path('d1/after'));
    expect(verdicts(await world.judged())).toMatchObject({ 'd1/before': 'moved', 'd1/after': 'new' });
    world.lose('d1/after');
    const assessment = await world.judged();
    expect(findingAt(assessment, 'd1/after')).toMatchObject({
      verdict: 'missing',
      recovery: 'exact',
      source: { path: 'd1/before' },
    });
    sums(assessment);
  });

  test('one of two hard-linked names that is gone is linked to the other', async () => {
    fill(10);
    linkSync(world.path('d1/f1'), world.path('d2/same'));
    world.snapshot(1);
    world.lose('d2/same');
    const assessment = await world.judged();
    expect(findingAt(assessment, 'd2/same')).toMatchObject({ verdict: 'missing', recovery: 'exact', linkTo: 'd1/f1' });
  });

  test('of two equal files one that is gone has not moved to the other', async () => {
    fill(10);
    world.write('d1/original', 'the same words');
    world.write('d2/copy', 'the same words');
    world.snapshot(1);
    world.lose('d2/copy');
    expect(verdicts(await world.judged())).toEqual({ 'd2/copy': 'missing' });
  });

  test('excludes hold for both sides at judging, and for history', async () => {
    fill(20);
    world.write('cache/x', 'x');
    world.snapshot(1);
    world.lose('cache/x');
    expect(verdicts(await world.judged())).toEqual({ 'cache/x': 'missing' });
    world.excludes = ['/cache/'];
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({});
    expect(assessment.universe).toEqual({ paths: 20, directories: 5 });
    expect(assessment.conditions.map((condition) => condition.code)).toContain('excluded');
    world.excludes = [];
    expect(verdicts(await world.judged())).toEqual({ 'cache/x': 'missing' });
  });

  test('what was left out once and was gone when it was in scope again is missing, and can be restored', async () => {
    fill(20);
    world.write('cache/x', 'x');
    world.snapshot(1);
    await world.judged();
    world.excludes = ['/cache/'];
    await world.judged();
    world.lose('cache');
    world.excludes = [];
    for (const _again of [1, 2]) {
      const assessment = await world.judged();
      expect(verdicts(assessment)).toEqual({ cache: 'missing', 'cache/x': 'missing' });
      expect(findingAt(assessment, 'cache/x').recovery).toBe('exact');
      sums(assessment);
    }
  });

  test('what changes between the scan and the second look is unsettled, and incomplete', async () => {
    fill(10);
    world.snapshot(1);
    world.lose('d1/f1');
    world.write('d2/f2', 'edited', 3);
    const scanned = await world.scan();
    world.write('d1/f1', 'here again');
    world.write('d2/f2', 'edited once more', 4);
    const assessment = await world.judge(scanned);
    expect(verdicts(assessment)).toEqual({ 'd1/f1': 'unsettled', 'd2/f2': 'unsettled' });
    expect(assessment.incomplete).toHaveLength(1);
    sums(assessment);
  });

  test('without a backup everything is held against its own history', async () => {
    fill(10);
    await world.judged({ series: [] });
    world.lose('d1/f1');
    world.write('d2/f2', 'edited', 3);
    const assessment = await world.judged({ series: [] });
    expect(verdicts(assessment)).toEqual({ 'd1/f1': 'missing', 'd2/f2': 'modified' });
    expect(findingAt(assessment, 'd1/f1').recovery).toBe('none');
    expect(assessment.conditions.map((condition) => condition.code)).toContain('no-backup');
    sums(assessment);
  });

  test('a backup in which nothing ever vanishes is an rsync without --delete', async () => {
    fill(30);
    const kept = world.snapshot(1, { series: 'kept' });
    for (let night = 2; night <= 5; night++) world.snapshot(night, { from: kept });
    world.snapshot(1);
    world.lose('d1/f1');
    const assessment = await world.judged();
    expect(verdicts(assessment)).toEqual({ 'd1/f1': 'missing' });
    expect(assessment.conditions.map((condition) => condition.code)).toContain('no-delete');
  });

  test('with two backups the better copy is taken, and a file that only one has is safe', async () => {
    fill(20);
    world.snapshot(1);
    world.snapshot(1, { series: 'offsite' });
    world.write('d0/later', 'in one backup only', 1);
    world.snapshot(2);
    world.lose('d1/f1');
    const assessment = await world.judged({ series: ['backup', 'offsite'] });
    expect(verdicts(assessment)).toEqual({ 'd1/f1': 'missing' });
    expect(findingAt(assessment, 'd1/f1').source!.series).toBe('backup');
    expect(assessment.series.map((series) => series.snapshots)).toEqual([2, 1]);
    sums(assessment);
  });

  test('below a directory that could not be read nothing is missing', async () => {
    fill(30);
    world.snapshot(1);
    const scanned = await world.scan();
    // This process may read everything, so what a refused directory leaves in the catalog is written here.
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, p.root, d.id, '', 'denied', 'EACCES' from scan s join scan_root p on p.scan = s.id, directory d
          where s.volume = $1 and s.state = 'complete' and d.path = 'd1'`,
      [scanned.volume.id],
    );
    const assessment = await world.judge(scanned);
    expect(classes(assessment)).toEqual({ unreadable: 6, intact: 24 });
    expect(findingAt(assessment, 'd1/f1')).toMatchObject({ errno: 'EACCES', below: 'd1', recovery: 'exact' });
    expect(findingAt(assessment, 'd1')).toMatchObject({ verdict: 'unreadable', kind: 'directory', errno: 'EACCES' });
    expect(assessment.incomplete[0]).toContain('d1');
    sums(assessment);
  });

  test('what a scan met at a second name before the tree moved on is no loss there: it stands at the first', async () => {
    fill(10);
    for (const directory of ['a/box/in', 'z']) mkdirSync(world.path(directory), { recursive: true });
    world.write('a/letter', 'carried about');
    world.snapshot(1);
    await world.judged();
    for (const name of ['box', 'letter']) renameSync(world.path(`a/${name}`), world.path(`z/${name}`));
    const scanned = await world.scan();
    // As a tree that moves leaves the catalog: z/box/in was gone when it was opened, and z/letter was in flux to the
    // end.
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, s.root, d.id, g.name, 'unsettled', g.errno from directory d join (values ('z/box/in', '', 'ENOENT'), ('z', 'letter', null)) as g (path, name, errno)
             on d.path = g.path, lateral (select id, root from scan join scan_root on scan = id where volume = $1 and state = 'complete' order by seq desc limit 1) s`,
      [scanned.volume.id],
    );
    expect(findingAt(await world.judge(scanned), 'z/letter').verdict).toBe('unsettled');
    for (const name of ['box', 'letter']) renameSync(world.path(`z/${name}`), world.path(`a/${name}`));
    const assessment = await world.judged();
    for (const path of ['box', 'box/in', 'letter'])
      expect(findingAt(assessment, `z/${path}`)).toMatchObject({ verdict: 'moved', movedTo: `a/${path}` });
    expect(findingAt(assessment, 'z/box/in').kind).toBe('directory');
    expect(classes(assessment)).toEqual({ intact: 11, moved: 1 });
    sums(assessment);
  });

  test('a name that could never be looked at is unreadable, and one below a mount that is not entered is no loss', async () => {
    fill(30);
    world.snapshot(1);
    world.lose('d1/f1');
    const scanned = await world.scan();
    await catalog.db.pool.query(
      `insert into gap (scan, root, directory, name, status, errno)
         select s.id, p.root, d.id, g.name, g.status, g.errno from scan s join scan_root p on p.scan = s.id, directory d, (values ('d2', 'never', 'io', 'EIO'), ('d1', '', 'boundary', null)) as g (path, name, status, errno)
          where s.volume = $1 and s.state = 'complete' and d.path = g.path`,
      [scanned.volume.id],
    );
    const assessment = await world.judge(scanned);
    expect(verdicts(assessment)).toEqual({ 'd2/never': 'unreadable' });
    expect(findingAt(assessment, 'd2/never')).toMatchObject({ errno: 'EIO', kind: 'file' });
    expect(assessment.universe).toEqual({ paths: 25, directories: 5 });
    expect(assessment.conditions.find((condition) => condition.code === 'mounts-not-entered')!.text).toContain(
      '6 known paths',
    );
    sums(assessment);
  });

  test('a declared backup without any snapshot protects nothing', async () => {
    fill(10);
    const { volume } = await world.scan([]);
    const empty = await catalog.db.pool.query<{ id: number }>(
      `insert into volume (name, role, layout, key, created_ms) values ($1, 'backup', 'snapshots', $1, 0) returning id`,
      [world.base],
    );
    const assessment = await world.judge({
      volume,
      series: [{ id: empty.rows[0]!.id, name: 'backup', pattern: `${world.base}/backup/*` }],
    });
    expect(classes(assessment)).toEqual({ unprotected: 10 });
    expect(assessment.conditions.map((condition) => condition.code)).toContain('no-snapshot');
  });

  test('of a live volume that was never scanned says so', async () => {
    await expect(world.judge({ volume: { id: -1, name: 'live', path: world.live }, series: [] })).rejects.toMatchObject(
      { exit: 2, next: expect.stringContaining('rollcall scan') },
    );
  });

  test('whose live root has gone since the scan claims nothing', async () => {
    fill(10);
    world.snapshot(1);
    world.lose('d1/f1');
    const scanned = await world.scan();
    renameSync(world.live, `${world.live}-away`);
    await expect(world.judge(scanned)).rejects.toMatchObject({ exit: 4 });
  });

  test('a pruned snapshot is history, and no source', async () => {
    fill(20);
    const first = world.snapshot(1);
    world.lose('d1/f1');
    world.snapshot(2);
    world.write('d1/f1', 'content of file 1'.repeat(2));
    await world.judged();
    world.lose('d1/f1');
    const before = await world.judged();
    expect(findingAt(before, 'd1/f1')).toMatchObject({ verdict: 'missing', recovery: 'exact' });
    for (const name of readdirSync(first)) renameSync(join(first, name), join(world.base, `gone-${name}`));
    mkdirSync(join(world.base, 'elsewhere'));
    renameSync(first, join(world.base, 'elsewhere', 'x'));
    const after = await world.judged();
    expect(findingAt(after, 'd1/f1')).toMatchObject({ verdict: 'missing', recovery: 'none', source: null });
    sums(after);
  });
});
