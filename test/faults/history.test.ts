// The fault catalogue's lines on history and judging: what a backup carries along, what rots where nobody looks, and
// what is acted on too late. On real trees, each with its whole report. What a scenario of test/scenario shows already
// is not shown again: docs/faults.md says which.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { same } from '../../domain/version.ts';
import { findMoves } from '../../domain/window/moves.ts';
import { reportOf } from '../support/answers.ts';
import { Catalog } from '../support/catalog.ts';
import { Volume } from '../support/volume.ts';

const catalog = await Catalog.forFile();
let house: Volume;

function settle(today: number): void {
  house = Volume.open(catalog, today);
  house.furnish();
}

const upper = (content: Buffer): Buffer => Buffer.from(content.toString('utf8').toUpperCase());

test('the newest copy in the backup rotted by itself: a lost file comes from an older night, and one against one is said', async () => {
  settle(4);
  house.write('desk/letter', 'a letter that nobody changed');
  house.write('desk/young', 'written on the third day', 3);
  for (const night of [1, 2, 3]) house.snapshot(night);
  rmSync(join(house.snapshotRoot(1), 'desk/young'));
  rmSync(join(house.snapshotRoot(2), 'desk/young'));
  house.snapshot(4);
  house.rot('desk/letter', upper, house.snapshotRoot(4));
  house.rot('desk/young', upper, house.snapshotRoot(4));
  house.lose('desk/letter', 'desk/young');
  const expected = reportOf({
    universe: '14 files, 5 directories',
    verdicts: { missing: 2, intact: 12 },
    recovery: { exact: 2 },
    findings: {
      'desk/letter': 'missing exact from night 2 silent',
      'desk/young': 'missing exact from night 4 silent (side unknown)',
    },
    lists: { 'night 2 missing.files': ['/desk/letter'] },
  });
  const result = await house.assess(4.5);
  expect(house.report(result)).toEqual(expected);
  const young = result.assessment.findings.find(({ path }) => path === 'desk/young');
  expect(young?.evidence?.join(' ')).toMatch(
    /other content: [0-9a-f]{16} in .*, [0-9a-f]{16} in .*One copy against one: can't tell which copy is right\./,
  );
  // What was read is in the catalog by now: no copy is counted twice, and night 3 is known to have the letter's old
  // words, too.
  const again = {
    ...expected,
    findings: { ...expected.findings, 'desk/letter': 'missing exact from night 3 silent' },
    lists: { 'night 3 missing.files': ['/desk/letter'] },
  };
  expect(house.report(await house.assess(4.6))).toEqual(again);
  expect(house.report(await house.assess(4.7, { side: 'backup' }))).toEqual({
    ...again,
    findings: { ...again.findings, 'desk/young': 'missing exact from night 4 silent (side backup)' },
    lists: { ...again.lists, 'night 4 missing.files': ['/desk/young'] },
  });
});

test('hard-linked nights are one copy: an inode that rotted in all of them outvotes nobody, and is claimed to be no second copy', async () => {
  settle(4);
  house.write('desk/letter', 'a letter that nobody changed');
  house.write('desk/lost', 'a letter that will be lost');
  house.snapshot(1);
  for (const night of [2, 3, 4]) house.snapshot(night, { linkedTo: night - 1 });
  expect(statSync(join(house.snapshotRoot(1), 'desk/letter')).nlink).toBe(4);
  house.rot('desk/letter', upper, house.snapshotRoot(4));
  house.rot('desk/lost', upper, house.snapshotRoot(4));
  house.lose('desk/lost');
  const result = await house.assess(4.5);
  expect(house.report(result)).toEqual(
    reportOf({
      universe: '14 files, 5 directories',
      verdicts: { corrupt: 1, missing: 1, intact: 12 },
      recovery: { exact: 2 },
      findings: {
        'desk/letter': 'corrupt exact from night 4 silent (side unknown)',
        'desk/lost': 'missing exact from night 4 silent',
      },
      lists: { 'night 4 missing.files': ['/desk/lost'] },
    }),
  );
  expect(result.assessment.findings.flatMap(({ evidence }) => evidence ?? []).join(' ')).not.toContain('Another copy');
});

test('a source that fails between judging and writing the lists falls to the next best copy, and the manifest says so', async () => {
  settle(4);
  for (const name of ['gone', 'rotten', 'edited']) house.write(`desk/${name}`, `the first words of ${name}`);
  for (const night of [1, 2]) house.snapshot(night);
  house.write('desk/edited', 'other words', 3);
  house.write('desk/single', 'only once', 3);
  house.snapshot(3);
  house.lose('desk/gone', 'desk/rotten', 'desk/edited', 'desk/single');
  const newest = house.snapshotRoot(3);
  const result = await house.assess(3.5, {}, (phase) => {
    if (phase !== 'storing') return;
    for (const name of ['gone', 'edited', 'single']) rmSync(join(newest, 'desk', name));
    house.rot('desk/rotten', upper, newest);
  });
  const from = (name: string, recovery = 'exact') => ({ [`desk/${name}`]: `missing ${recovery} from night 3 silent` });
  expect(house.report(result)).toEqual(
    reportOf({
      incomplete: [
        expect.stringMatching(
          /^backup: the copy of desk\/single in \S+ failed when the lists were written \(its source/,
        ),
      ],
      window: 'silent',
      intervals: ['night 3 to live'],
      universe: '16 files, 5 directories',
      verdicts: { missing: 4, intact: 12 },
      recovery: { exact: 4 },
      findings: { ...from('edited'), ...from('gone'), ...from('rotten'), ...from('single') },
      lists: {
        'night 2 missing.files': ['/desk/gone', '/desk/rotten'],
        'night 2 older.files': ['/desk/edited'],
        lost: ['desk/single'],
      },
    }),
  );
  const bundle = result.bundle?.directory ?? '';
  const manifest = readFileSync(join(bundle, 'manifest.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { path: string; recovery: string; insteadOf: { why: string } });
  expect(manifest.map(({ path, recovery, insteadOf }) => [path, recovery, insteadOf.why])).toEqual([
    ['desk/edited', 'older', 'its source is not there any more'],
    ['desk/gone', 'exact', 'its source is not there any more'],
    ['desk/rotten', 'exact', 'its source is not what it was'],
  ]);
  const ran = house.restore(bundle, '--apply', '--older');
  expect(ran.code, ran.output).toBe(0);
  expect(readFileSync(house.at('desk/rotten'), 'utf8')).toBe('the first words of rotten');
  expect(readFileSync(house.at('desk/edited'), 'utf8')).toBe('the first words of edited');
});

test('what lay at the top of the volume has a cause, too: the root’s own mtime tells a loss from a deletion', async () => {
  settle(5);
  house.write('letter', 'a letter at the top');
  house.write('note', 'a note at the top');
  for (const night of [1, 2]) house.snapshot(night);
  house.lose('letter');
  for (const night of [3, 4]) house.snapshot(night);
  // A snapshot's root tells only where it bears the time of live's: this scan of live does.
  const lost = {
    universe: '14 files, 4 directories',
    verdicts: { missing: 1, intact: 13 },
    directories: { intact: 4 },
    recovery: { exact: 1 },
    findings: { letter: 'missing exact from night 2 silent' },
    lists: { 'night 2 missing.files': ['/letter'] },
  } as const;
  expect(house.report(await house.assess(4.2))).toEqual(reportOf(lost));
  house.remove('note', 4.5);
  expect(house.report(await house.assess(5))).toEqual(
    reportOf({
      ...lost,
      verdicts: { missing: 1, deleted: 1, intact: 12 },
      findings: { ...lost.findings, note: 'deleted person' },
    }),
  );
  expect(house.report(await house.assess(5.1, { sinceMs: house.nowMs(1) }))).toEqual(
    reportOf({
      ...lost,
      window: 'since',
      intervals: ['night 1 to night 2', 'night 2 to night 3', 'night 3 to night 4', 'night 4 to live'],
      verdicts: { missing: 2, intact: 12 },
      recovery: { exact: 2 },
      findings: { ...lost.findings, note: 'missing exact from night 4 person' },
      lists: { 'night 2 missing.files': ['/letter'], 'night 4 person.files': ['/note'] },
    }),
  );
});

test('what is excluded from now on is out of scope and not lost, and what is included again is what it was', async () => {
  settle(4);
  house.write('desk/letter', 'a letter');
  house.write('tmp/scratch', 'of no use');
  for (const night of [1, 2, 3]) house.snapshot(night);
  const whole = reportOf({
    exit: 0,
    universe: '14 files, 6 directories',
    verdicts: { intact: 14 },
    directories: { intact: 6 },
  });
  expect(house.report(await house.assess(3.5))).toEqual(whole);
  const without = await house.assess(3.6, { excludes: ['/tmp'] });
  expect(house.report(without)).toEqual({
    ...whole,
    universe: '13 files, 5 directories',
    verdicts: { intact: 13 },
    directories: { intact: 5 },
  });
  expect(without.assessment.conditions.map(({ code }) => code)).toContain('excluded');
  expect(house.report(await house.assess(3.7))).toEqual(whole);
});

test('a name that comes back in another case or Unicode form has moved: nothing is lost, and the flag says what it is', async () => {
  settle(4);
  house.write('desk/\u00e9t\u00e9', 'a summer');
  house.write('desk/Letter', 'a letter');
  for (const night of [1, 2, 3]) house.snapshot(night);
  house.rename('desk/\u00e9t\u00e9', 'desk/e\u0301te\u0301', 3.5);
  house.rename('desk/Letter', 'desk/letter', 3.5);
  expect(house.report(await house.assess(4))).toEqual(
    reportOf({
      exit: 0,
      universe: '16 files, 5 directories',
      verdicts: { moved: 2, new: 2, intact: 12 },
      findings: {
        'desk/Letter': 'moved to desk/letter (name form)',
        'desk/e\u0301te\u0301': 'new (target of a move)',
        'desk/letter': 'new (target of a move)',
        'desk/\u00e9t\u00e9': 'moved to desk/e\u0301te\u0301 (name form)',
      },
    }),
  );
});

test('a hole in the middle of a file whose times did not move is corrupt, where its bytes were read before', async () => {
  settle(4);
  const image = Buffer.alloc(64 * 1024, 'what the image holds. ');
  house.write('desk/image', image);
  for (const night of [1, 2]) house.snapshot(night);
  await house.assess(2.5);
  house.rot('desk/image', (content) => content.fill(0, 16_384, 49_152));
  const result = await house.assess(3);
  expect(house.report(result)).toEqual(
    reportOf({
      window: 'too few snapshots',
      universe: '13 files, 5 directories',
      verdicts: { corrupt: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/image': 'corrupt exact from night 2 silent (rewritten under its old time)' },
      lists: { 'night 2 damaged.files': ['/desk/image'] },
    }),
  );
});

test('a database that refuses to write ends the run with advice, publishes nothing, and the next run is whole', async () => {
  settle(4);
  house.write('desk/letter', 'a letter');
  for (const night of [1, 2, 3]) house.snapshot(night);
  house.lose('desk/letter');
  const { pool } = catalog.db;
  await pool.query(`create function refuse() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
  await pool.query(
    'create trigger refuse before insert on packed_version for each statement execute function refuse()',
  );
  try {
    await expect(house.assess(3.5)).rejects.toMatchObject({
      message: expect.stringContaining('the disk of the database is full'),
      next: expect.stringContaining('free space'),
    });
    const complete = await pool.query(
      `select from scan join scan_root on scan = id where state = 'complete' and path = $1`,
      [house.live],
    );
    expect(complete.rowCount).toBe(0);
  } finally {
    await pool.query('drop function refuse cascade');
  }
  expect(house.report(await house.assess(3.6))).toEqual(
    reportOf({
      universe: '13 files, 5 directories',
      verdicts: { missing: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/letter': 'missing exact from night 3 silent' },
      lists: { 'night 3 missing.files': ['/desk/letter'] },
    }),
  );
});

test('equal digests of different sizes are different content, for sameness and for moves', () => {
  const content = { kind: 'file', target: null, rdev: null, digest: 7n, suspect: false } as const;
  expect(same({ ...content, size: 10 }, { ...content, size: 11 })).toBe(false);
  expect(same({ ...content, size: 10 }, { ...content, size: 10 })).toBe(true);
  const file = { kind: 'file', digest: 7n, mtimeNs: 5n, target: null, rdev: null } as const;
  const gone = {
    ...file,
    path: 'a',
    size: 10,
    suspect: false,
    live: null,
    alone: false,
    firstSeenMs: 0,
    lastSeenMs: 1,
    how: null,
  } as const;
  const here = {
    ...file,
    path: 'b',
    size: 11,
    zeroFrom: 11,
    live: { root: 1, inode: 1n, btimeNs: 0n },
    firstSeenMs: 2,
  } as const;
  expect(findMoves([gone], [here]).moved.size).toBe(0);
  expect(findMoves([gone], [{ ...here, size: 10 }]).moved.get('a')).toBe('b');
});
