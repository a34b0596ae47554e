// Files that stand under other names now: which of them moved, and which were lost all the same. Real trees, really
// scanned and restored.
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, truncateSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AssessResult } from '../../services/assess.ts';
import { checkSums } from '../support/answers.ts';
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

function said({ assessment }: AssessResult, path: string): string {
  const finding = assessment.findings.find((one) => one.path === path);
  if (finding === undefined) return 'intact';
  const { verdict, recovery, source, movedTo } = finding;
  return [
    verdict,
    recovery,
    source?.inTarget === true ? 'from live' : null,
    source === null || source.path === path ? null : `as ${source.path}`,
    movedTo === null ? null : `to ${movedTo}`,
  ]
    .filter((part) => part !== null)
    .join(' ');
}

function evidenceOf({ assessment }: AssessResult, path: string): string {
  return (assessment.findings.find((one) => one.path === path)?.evidence ?? []).join(' ');
}

/** Of the findings that have this prefix, how many have each verdict. */
function verdictsBelow({ assessment }: AssessResult, prefix: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { path, verdict } of assessment.findings)
    if (path.startsWith(prefix)) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

/** fsck renames below the file system: no directory's time moves. */
function displace(from: string, to: string): void {
  house.silently(to, () => house.silently(from, () => renameSync(house.at(from), house.at(to))));
}

test('a copy that stood beside its original in the newest snapshot is no new home for it', async () => {
  settle(4);
  for (let i = 0; i < 12; i++) house.write(`project/${i}`, `page ${i} of the project`);
  snapshots(1, 3);
  for (let i = 0; i < 12; i++) house.write(`project-2027/${i}`, `page ${i} of the project`, 3.5);
  snapshots(4, 4);
  house.lose(...Array.from({ length: 12 }, (_, i) => `project/${i}`));
  const result = await house.assess(4);
  expect(verdictsBelow(result, 'project/')).toEqual({ missing: 12 });
  expect(said(result, 'project/3')).toBe('missing exact');
  expect(evidenceOf(result, 'project/3')).toContain('Its content stood at project-2027/3 before.');
});

test('files that were encrypted in place and renamed are missing, and their inodes are named', async () => {
  settle(4);
  for (let i = 0; i < 15; i++) house.write(`office/letter${i}.odt`, `dear ${i}`.repeat(50));
  snapshots(1, 4);
  await house.assess(4);
  for (let i = 0; i < 15; i++) {
    const path = `office/letter${i}.odt`;
    house.write(path, `${i} nonsense`.repeat(33), 4.2);
    house.rename(path, `${path}.locked`, 4.2);
  }
  const result = await house.assess(4.1);
  expect(result.exit).toBe(1);
  expect(verdictsBelow(result, 'office/')).toEqual({ missing: 15, new: 15 });
  expect(said(result, 'office/letter3.odt')).toBe('missing exact');
  expect(evidenceOf(result, 'office/letter3.odt')).toContain(
    'Its file is office/letter3.odt.locked now, with other content',
  );
  // A backup takes the encrypted files over, and is dated before the first look.
  house.snapshot(4.01);
  expect(verdictsBelow(await house.assess(4.2), 'office/')).toMatchObject({ missing: 15 });
  checkSums(result.assessment);
});

test('emptied or zeroed after a rename: the damage is the new name’s, exact from the old one, also once the backup has taken it over', async () => {
  settle(4.5);
  house.write('desk/letter', 'a letter that is renamed and emptied');
  house.write('desk/table', Buffer.alloc(20_000, 'a table '));
  house.write('desk/novel', 'a novel that is renamed and goes on');
  snapshots(1, 4);
  await house.assess(4.5);
  house.rename('desk/letter', 'desk/letter-2026', 4.6);
  truncateSync(house.at('desk/letter-2026'));
  house.stamp('desk/letter-2026', 0);
  house.rename('desk/table', 'desk/table-2026', 4.6);
  house.write('desk/table-2026', Buffer.alloc(20_000), 4.6);
  house.rename('desk/novel', 'desk/novel-2026', 4.6);
  house.write('desk/novel-2026', 'a novel that is renamed and goes on and on', 4.6);
  const result = await house.assess(4.6);
  const expected = {
    'desk/letter': 'moved to desk/letter-2026',
    'desk/table': 'moved to desk/table-2026',
    'desk/novel': 'moved to desk/novel-2026',
    'desk/letter-2026': 'truncated exact as desk/letter',
    'desk/table-2026': 'truncated exact as desk/table',
  };
  const at = (one: AssessResult) => Object.fromEntries(Object.keys(expected).map((path) => [path, said(one, path)]));
  expect(at(result)).toEqual(expected);
  expect(said(result, 'desk/novel-2026')).toBe('new');
  expect(evidenceOf(result, 'desk/letter-2026')).toContain('It was desk/letter before, and has been renamed.');
  house.snapshot(5);
  const nightly = await house.assess(5);
  expect(at(nightly)).toEqual(expected);
  expect(said(nightly, 'desk/novel-2026')).toBe('intact');
  checkSums(nightly.assessment);
  const ran = house.restore(nightly.bundle?.directory ?? '', '--apply', '--damaged');
  expect(ran.code, ran.output).toBe(0);
  expect(readFileSync(house.at('desk/letter-2026'), 'utf8')).toBe('a letter that is renamed and emptied');
  expect(readFileSync(house.at('desk/table-2026'))).toEqual(Buffer.alloc(20_000, 'a table '));
});

test('a renamed directory takes empty files, links and nested directories along, and what was lost in it is missing', async () => {
  settle(4);
  for (let i = 0; i < 12; i++) {
    house.write(`src/m${i}/__init__.py`, '');
    house.write(`src/m${i}/LICENSE`, 'everybody may do everything');
    house.write(`src/m${i}/code.py`, `def f${i}(): pass`);
    house.symlink(`../m${i + 1}/code.py`, `src/m${i}/next`);
  }
  house.directory('src/empty/deep');
  house.write('src/m3/lost.py', 'nobody will miss it?');
  snapshots(1, 4);
  house.rename('src', 'source', 4.2);
  house.lose('source/m3/lost.py');
  const result = await house.assess(4);
  expect(said(result, 'src/m3/lost.py')).toBe('missing exact');
  expect(verdictsBelow(result, 'src/m')).toEqual({ moved: 12 * 5 - 1, missing: 2 });
  expect(said(result, 'src/m4/LICENSE')).toBe('moved to source/m4/LICENSE');
  expect(said(result, 'src/m4/__init__.py')).toBe('moved to source/m4/__init__.py');
  expect(said(result, 'src/m4/next')).toBe('moved to source/m4/next');
  expect(said(result, 'src/empty/deep')).toBe('moved to source/empty/deep');
  checkSums(result.assessment);
});

test('what went in silence between two old snapshots, the day its directory was renamed, is missing', async () => {
  settle(6);
  for (let i = 0; i < 12; i++) house.write(`src/${i}`, `module ${i}`);
  snapshots(1, 3);
  house.rename('src', 'source', 3.5);
  house.lose('source/3', 'source/4');
  snapshots(4, 5);
  house.write('source/12', 'module 12', 5.5);
  snapshots(6, 6);
  const result = await house.assess(6);
  expect(verdictsBelow(result, 'src/')).toEqual({ moved: 10, missing: 2 });
  expect(said(result, 'src/3')).toBe('missing exact');
  expect(result.assessment.findings.find(({ path }) => path === 'src/3')?.cause).toMatchObject({ cause: 'silent' });
  checkSums(result.assessment);
});

test('what was lost days after its directory was renamed is one loss, under its last name', async () => {
  settle(5);
  for (let i = 0; i < 12; i++) house.write(`src/${i}`, `module ${i}`);
  snapshots(1, 3);
  house.rename('src', 'source', 3.5);
  snapshots(4, 5);
  house.lose('source/3', 'source/4');
  const result = await house.assess(5);
  expect(verdictsBelow(result, 'source/')).toMatchObject({ missing: 2 });
  expect(said(result, 'src/3')).toBe('moved to source/3');
  expect(evidenceOf(result, 'src/3')).toContain('It was renamed to source/3, which is gone as well.');
  expect(said(result, 'src/5')).toBe('moved to source/5');
  checkSums(result.assessment);
});

test('what fsck put into lost+found is missing: from the backup, or from there where the backup has none', async () => {
  settle(4);
  house.directory('disk2/lost+found');
  for (let i = 0; i < 4; i++) house.write(`disk2/anna/doc${i}.odt`, `document ${i}`.repeat(20));
  snapshots(1, 4);
  house.write('disk2/anna/fresh.odt', 'written after the last night', 4.2);
  await house.assess(4);
  for (let i = 0; i < 4; i++) displace(`disk2/anna/doc${i}.odt`, `disk2/lost+found/#10${i}`);
  displace('disk2/anna/fresh.odt', 'disk2/lost+found/#200');
  const result = await house.assess(4.1);
  expect(said(result, 'disk2/anna/doc1.odt')).toBe('missing exact to disk2/lost+found/#101');
  expect(said(result, 'disk2/anna/fresh.odt')).toBe(
    'missing exact from live as disk2/lost+found/#200 to disk2/lost+found/#200',
  );
  expect(evidenceOf(result, 'disk2/anna/doc1.odt')).toContain('A file system repair put it at disk2/lost+found/#101.');
  const ran = house.restore(result.bundle?.directory ?? '', '--apply');
  expect(ran.code, ran.output).toBe(0);
  expect(readFileSync(house.at('disk2/anna/fresh.odt'), 'utf8')).toBe('written after the last night');
  expect(readFileSync(house.at('disk2/anna/doc1.odt'), 'utf8')).toBe('document 1'.repeat(20));
});

test('what went to the trash is deleted, however much it was, and the place is named', async () => {
  settle(4);
  for (let i = 0; i < 150; i++) house.write(`photos/trip/${i}`, `photo ${i}`);
  house.write('photos/trip/empty', '');
  snapshots(1, 4);
  await house.assess(4);
  house.rename('photos/trip', '.Trash-1000/files/trip', 4.2);
  const result = await house.assess(4.1);
  expect(result.exit).toBe(0);
  expect(verdictsBelow(result, 'photos/trip')).toEqual({ deleted: 152 });
  expect(said(result, 'photos/trip/7')).toBe('deleted to .Trash-1000/files/trip/7');
  expect(said(result, 'photos/trip/empty')).toBe('deleted to .Trash-1000/files/trip/empty');
  expect(said(result, 'photos/trip')).toBe('deleted to .Trash-1000/files/trip');
  house.remove('.Trash-1000/files/trip', 4.3);
  expect(verdictsBelow(await house.assess(4.2), '.Trash-1000/files/')).toEqual({ deleted: 152 });
});

test('logs that rotate are no loss, and neither is a file that is renamed and edited', async () => {
  settle(4.5);
  house.write('log/app', 'line\n'.repeat(100));
  house.write('log/app.1', 'older\n'.repeat(100));
  house.write('desk/draft', 'a first draft');
  snapshots(1, 4);
  await house.assess(4.5);
  const rotate = (night: number): void => {
    const gz = spawnSync('gzip', ['-c', house.at('log/app.1').toString()]);
    house.write('log/app.2.gz', gz.stdout, night);
    house.remove('log/app.1', night);
    house.write('log/app', `${readFileSync(house.at('log/app'), 'utf8')}one more line\n`, night);
    house.rename('log/app', 'log/app.1', night);
    house.write('log/app', `began in night ${night}\n`.repeat(3), night);
  };
  rotate(4.6);
  house.rename('desk/draft', 'desk/final', 4.6);
  house.write('desk/final', 'a last draft', 4.6);
  const result = await house.assess(4.6);
  expect(result.exit).toBe(0);
  expect(said(result, 'desk/draft')).toBe('moved to desk/final');
  house.snapshot(5);
  rotate(5.6);
  expect((await house.assess(5.6)).exit).toBe(0);
});
