// One damaged tree for each verdict that a plain tree can get, each with its whole report: every class, the window, the
// sources, the lists.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/poll.ts';
import { expect, test } from 'vitest';
import { inTransaction } from '../../services/catalog/database.ts';
import { acceptFinding, listFindings } from '../../services/catalog/findings.ts';
import { type Report, reportOf } from '../support/answers.ts';
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

/** Somebody goes on writing desk/busy between the scan of night 2 and the second look. */
async function assessWhileBusy(): Promise<Report> {
  house.write('desk/busy', 'other words', 1.5);
  const result = await house.assess(2, {}, (phase) => {
    if (phase === 'looking again') house.write('desk/busy', 'words that never end', 1.6);
  });
  return house.report(result);
}

/** Restores, proves and judges again: what a restore brought back is no finding any more. */
async function comeBack(bundle: string | undefined, night: number, ...options: readonly string[]): Promise<Report> {
  if (bundle === undefined) throw new Error('there is no bundle');
  const ran = house.restore(bundle, '--apply', ...options);
  expect(ran.code, ran.output).toBe(0);
  const { result } = await house.verify(bundle, night);
  expect(result.items.filter(({ status }) => status !== 'restored' && status !== 'beside')).toEqual([]);
  return house.report(await house.assess(night + 0.1));
}

test('missing: what one snapshot has exactly, another only older, and none at all', async () => {
  settle(4.5);
  house.write('desk/letter', 'a letter that was never changed');
  house.write('desk/novel', 'chapter one');
  snapshots(1, 4);
  house.write('desk/novel', 'a better chapter one, and two', 4.5);
  house.write('desk/idea', 'written down in the afternoon', 4.5);
  const before = await house.assess(4.5);
  expect(house.report(before)).toEqual(
    reportOf({
      exit: 0,
      universe: '15 files, 5 directories',
      verdicts: { intact: 13, modified: 1, new: 1 },
      findings: { 'desk/idea': 'new', 'desk/novel': 'modified' },
    }),
  );
  house.lose('desk/letter', 'desk/novel', 'desk/idea');
  const after = await house.assess(4.6);
  expect(house.report(after)).toEqual(
    reportOf({
      window: 'silent',
      intervals: ['night 4 to live'],
      universe: '15 files, 5 directories',
      verdicts: { intact: 12, missing: 3 },
      recovery: { exact: 1, older: 1, none: 1 },
      findings: {
        'desk/idea': 'missing none silent',
        'desk/letter': 'missing exact from night 4 silent',
        'desk/novel': 'missing older from night 4 silent',
      },
      lists: { 'night 4 missing.files': ['/desk/letter'], 'night 4 older.files': ['/desk/novel'], lost: ['desk/idea'] },
    }),
  );
  expect(await comeBack(after.bundle?.directory, 4.7, '--older')).toEqual(
    reportOf({
      universe: '15 files, 5 directories',
      verdicts: { intact: 14, missing: 1 },
      recovery: { none: 1 },
      findings: { 'desk/idea': 'missing none silent' },
      lists: { lost: ['desk/idea'] },
    }),
  );
});

test('deleted: by a person, in a night that is long past and like the others', async () => {
  settle(4);
  house.write('desk/draft', 'of no use any more');
  snapshots(1, 2);
  house.remove('desk/draft', 3);
  snapshots(3, 4);
  expect(house.report(await house.assess(4))).toEqual(
    reportOf({
      exit: 0,
      universe: '13 files, 5 directories',
      verdicts: { deleted: 1, intact: 12 },
      findings: { 'desk/draft': 'deleted person' },
    }),
  );
});

test('moved: a file, and a directory with all that is in it', async () => {
  settle(4);
  house.write('desk/letter', 'a letter that is filed');
  for (let i = 0; i < 3; i++) house.write(`box/in/${i}`, `thing ${i} of the box`);
  snapshots(1, 3);
  house.rename('desk/letter', 'files/letter-2026', 3.5);
  house.rename('box', 'crate', 3.5);
  expect(house.report(await house.assess(4))).toEqual(
    reportOf({
      exit: 0,
      universe: '20 files, 10 directories',
      verdicts: { moved: 4, intact: 12, new: 4 },
      directories: { moved: 2, intact: 5, new: 3 },
      findings: {
        box: 'moved to crate',
        'box/in': 'moved to crate/in',
        'box/in/0': 'moved to crate/in/0',
        'box/in/1': 'moved to crate/in/1',
        'box/in/2': 'moved to crate/in/2',
        crate: 'new (target of a move)',
        'crate/in': 'new (target of a move)',
        'crate/in/0': 'new (target of a move)',
        'crate/in/1': 'new (target of a move)',
        'crate/in/2': 'new (target of a move)',
        'desk/letter': 'moved to files/letter-2026',
        files: 'new',
        'files/letter-2026': 'new (target of a move)',
      },
    }),
  );
});

test('replaced: something of another kind lies there, and the old content goes beside it', async () => {
  settle(4);
  house.write('desk/letter', 'a letter');
  house.write('desk/plan', 'a plan');
  house.write('desk/old/paper', 'a paper');
  snapshots(1, 3);
  house.silently('desk/letter', (raw) => {
    rmSync(raw);
    mkdirSync(raw);
  });
  house.silently('desk/plan', (raw) => {
    rmSync(raw);
    symlinkSync('/nowhere', raw);
  });
  house.silently('desk/old', (raw) => {
    rmSync(raw, { recursive: true });
    writeFileSync(raw, 'a file now');
  });
  const result = await house.assess(4);
  const beside = `rollcall-${house.night(3)}`;
  expect(house.report(result)).toEqual(
    reportOf({
      universe: '15 files, 6 directories',
      verdicts: { missing: 1, replaced: 2, intact: 12 },
      directories: { replaced: 1, intact: 5 },
      recovery: { exact: 3 },
      findings: {
        'desk/letter': 'replaced exact from night 3 unknown',
        'desk/old': 'replaced exact from night 3 unknown',
        'desk/old/paper': 'missing exact from night 3 silent',
        'desk/plan': 'replaced exact from night 3 unknown',
      },
      lists: {
        'night 3 beside.dirs': [`/desk/old.${beside}`],
        'night 3 beside.pairs': [`/desk/letter.${beside}`, `/desk/plan.${beside}`],
        'night 3 missing.pairs': [`/desk/old.${beside}/paper`],
      },
    }),
  );
});

test('recreated: gone in one snapshot, there again with other content', async () => {
  settle(3);
  house.write('desk/list', 'milk, bread, eggs');
  house.snapshot(1);
  house.lose('desk/list');
  house.snapshot(2);
  house.silently('desk/list', () => house.write('desk/list', 'candles', 2.5));
  expect(house.report(await house.assess(3))).toEqual(
    reportOf({
      window: 'too few snapshots',
      universe: '13 files, 5 directories',
      verdicts: { recreated: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/list': 'recreated exact from night 1 unknown' },
      lists: { 'night 1 beside.pairs': [`/desk/list.rollcall-${house.night(1)}`] },
    }),
  );
});

test('corrupt: two snapshots stand against live, and one against one is nobody’s to decide', async () => {
  settle(3);
  house.write('desk/ledger', 'one and one is two');
  house.snapshot(1);
  house.write('desk/young', 'one and two is three', 2);
  house.snapshot(2);
  house.rot('desk/ledger', (content) => Buffer.from(String(content).replace('two', 'too')));
  house.rot('desk/young', (content) => Buffer.from(String(content).replace('three', 'there')));
  const first = reportOf({
    window: 'too few snapshots',
    universe: '14 files, 5 directories',
    verdicts: { corrupt: 2, intact: 12 },
    recovery: { exact: 2 },
    findings: {
      'desk/ledger': 'corrupt exact from night 2 silent',
      'desk/young': 'corrupt exact from night 2 silent (side unknown)',
    },
    lists: { 'night 2 damaged.files': ['/desk/ledger'] },
  });
  expect(house.report(await house.assess(3))).toEqual(first);
  const sided = await house.assess(3.1, { side: 'backup' });
  expect(house.report(sided)).toEqual({
    ...first,
    findings: { ...first.findings, 'desk/young': 'corrupt exact from night 2 silent (side backup)' },
    lists: { 'night 2 damaged.files': ['/desk/ledger', '/desk/young'] },
  });
  expect(await comeBack(sided.bundle?.directory, 3.2, '--damaged')).toEqual(
    reportOf({
      exit: 0,
      window: 'too few snapshots',
      universe: '14 files, 5 directories',
      verdicts: { intact: 14 },
    }),
  );
});

test('corrupt: the inode that was read before reads otherwise now, and decides alone', async () => {
  settle(1);
  house.write('desk/ledger', 'one and two is three', 1);
  house.snapshot(1);
  expect(house.report(await house.assess(1))).toMatchObject({ exit: 0, verdicts: { intact: 13 }, findings: {} });
  house.rot('desk/ledger', (content) => Buffer.from(String(content).replace('three', 'there')));
  expect(house.report(await house.assess(2))).toEqual(
    reportOf({
      window: 'too few snapshots',
      universe: '13 files, 5 directories',
      verdicts: { corrupt: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/ledger': 'corrupt exact from night 1 silent (rewritten under its old time)' },
      lists: { 'night 1 damaged.files': ['/desk/ledger'] },
    }),
  );
});

test('backup-corrupt: live and an older snapshot agree against the newest', async () => {
  settle(3);
  house.write('desk/ledger', 'one and one is two');
  house.snapshot(1);
  const newest = house.snapshot(2);
  house.rot('desk/ledger', (content) => Buffer.from(String(content).replace('two', 'too')), newest);
  expect(house.report(await house.assess(3))).toEqual(
    reportOf({
      window: 'too few snapshots',
      universe: '13 files, 5 directories',
      verdicts: { 'backup-corrupt': 1, intact: 12 },
      findings: { 'desk/ledger': 'backup-corrupt' },
    }),
  );
});

const TEXT = Buffer.from('all work and no play. '.repeat(1000));

test('truncated: empty, all zeros, cut off, ending in zeros; a log that is rotated is not', async () => {
  settle(5);
  for (const name of ['empty', 'zeros', 'prefix', 'tail', 'quiet']) house.write(`desk/${name}`, TEXT);
  house.write('desk/messages', TEXT);
  house.snapshot(1);
  house.write('desk/messages', TEXT.subarray(0, 900), 2);
  house.snapshot(2);
  house.write('desk/messages', TEXT, 3);
  snapshots(3, 4);
  house.write('desk/empty', '', 4.5);
  house.write('desk/zeros', Buffer.alloc(TEXT.length), 4.5);
  house.silently('desk/prefix', (raw) => truncateSync(raw, 5000));
  house.write('desk/tail', Buffer.concat([TEXT.subarray(0, 9000), Buffer.alloc(TEXT.length - 9000)]), 4.5);
  house.rot('desk/quiet', (content) => Buffer.alloc(content.length));
  house.write('desk/messages', TEXT.subarray(0, 900), 4.5);
  const result = await house.assess(5);
  expect(house.report(result)).toEqual(
    reportOf({
      window: 'burst',
      intervals: ['night 4 to live'],
      universe: '18 files, 5 directories',
      verdicts: { corrupt: 1, truncated: 4, modified: 1, intact: 12 },
      recovery: { exact: 5 },
      findings: {
        'desk/empty': 'truncated exact from night 4 unknown',
        'desk/messages': 'modified',
        'desk/prefix': 'truncated exact from night 4 unknown',
        // Under the old size and mtime it is corrupt before it is truncated.
        'desk/quiet': 'corrupt exact from night 4 silent',
        'desk/tail': 'truncated exact from night 4 unknown',
        'desk/zeros': 'truncated exact from night 4 unknown',
      },
      lists: {
        'night 4 damaged.files': ['/desk/empty', '/desk/prefix', '/desk/quiet', '/desk/tail', '/desk/zeros'],
      },
    }),
  );
  expect(await comeBack(result.bundle?.directory, 5.1, '--damaged')).toEqual(
    reportOf({
      exit: 0,
      universe: '18 files, 5 directories',
      verdicts: { modified: 1, intact: 17 },
      findings: { 'desk/messages': 'modified' },
    }),
  );
});

test('what was restored is no finding, also where nobody ran verify', async () => {
  settle(4);
  for (const name of ['empty', 'zeros', 'prefix', 'flipped']) house.write(`desk/${name}`, TEXT);
  snapshots(1, 3);
  house.write('desk/empty', '', 3.5);
  house.write('desk/zeros', Buffer.alloc(TEXT.length), 3.5);
  house.write('desk/prefix', TEXT.subarray(0, 5000), 3.5);
  house.rot('desk/flipped', (content) => Buffer.from(String(content).replace('play', 'ploy')));
  const result = await house.assess(4);
  expect(house.report(result)).toMatchObject({ verdicts: { truncated: 3, corrupt: 1 }, recovery: { exact: 4 } });
  expect(house.restore(result.bundle?.directory ?? '', '--apply', '--damaged').code).toBe(0);
  const unharmed = reportOf({
    exit: 0,
    universe: '16 files, 5 directories',
    verdicts: { intact: 16 },
  });
  expect(house.report(await house.assess(4.1))).toEqual(unharmed);
  expect(house.report(await house.assess(4.2))).toEqual(unharmed);
  // Emptied once more, at another time: that is another event, and the good version is still known.
  house.rot('desk/empty', () => Buffer.alloc(0));
  expect(house.report(await house.assess(4.3))).toMatchObject({
    exit: 1,
    findings: { 'desk/empty': 'truncated exact from night 3 silent' },
  });
});

test('damage that the backup has taken over under the old size and time is not voted back after a restore', async () => {
  settle(5);
  house.write('desk/zeros', TEXT);
  snapshots(1, 2);
  house.rot('desk/zeros', (content) => Buffer.alloc(content.length));
  snapshots(3, 4);
  const sinceMs = house.nowMs(2);
  const result = await house.assess(5, { sinceMs, reread: true });
  const found = reportOf({
    window: 'since',
    intervals: ['night 2 to night 3', 'night 3 to night 4', 'night 4 to live'],
    universe: '13 files, 5 directories',
    verdicts: { corrupt: 1, intact: 12 },
    recovery: { exact: 1 },
    findings: { 'desk/zeros': 'corrupt exact from night 2 silent' },
    lists: { 'night 2 damaged.files': ['/desk/zeros'] },
  });
  expect(house.report(result)).toEqual(found);
  expect(house.report(await house.assess(5.1, { sinceMs }))).toEqual(found);
  expect(house.restore(result.bundle?.directory ?? '', '--apply', '--damaged').code).toBe(0);
  // An rsync that goes by size and time would never copy it again: that the backup is wrong must be said.
  expect(house.report(await house.assess(5.2, { sinceMs }))).toEqual({
    ...found,
    verdicts: { 'backup-corrupt': 1, intact: 12 },
    recovery: {},
    findings: { 'desk/zeros': 'backup-corrupt' },
    lists: null,
  });
});

test('reverted: an old state is back, with its old time', async () => {
  settle(5);
  house.write('desk/novel', 'a beginning', 1);
  house.snapshot(1);
  house.write('desk/novel', 'chapter one, chapter two', 2);
  snapshots(2, 4);
  house.silently('desk/novel', (raw) => rmSync(raw));
  house.silently('desk/novel', () => house.write('desk/novel', 'a beginning', 1));
  const result = await house.assess(5);
  expect(house.report(result)).toEqual(
    reportOf({
      universe: '13 files, 5 directories',
      verdicts: { reverted: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/novel': 'reverted exact from night 4 unknown' },
      lists: { 'night 4 damaged.files': ['/desk/novel'] },
    }),
  );
  expect(await comeBack(result.bundle?.directory, 5.1, '--damaged')).toEqual(
    reportOf({
      exit: 0,
      universe: '13 files, 5 directories',
      verdicts: { intact: 13 },
    }),
  );
});

test('unsettled: what changes while it is looked at is incomplete, and nothing else', async () => {
  settle(2);
  house.write('desk/busy', 'first words');
  house.snapshot(1);
  expect(await assessWhileBusy()).toEqual(
    reportOf({
      exit: 3,
      window: 'too few snapshots',
      universe: '13 files, 5 directories',
      verdicts: { unsettled: 1, intact: 12 },
      findings: { 'desk/busy': 'unsettled' },
      incomplete: ['1 path changed during the scan: run again when the volume is quiet.'],
    }),
  );
});

test('unsettled beside a loss: the loss comes first in the exit code, for the rest holds as it is', async () => {
  settle(2);
  house.write('desk/busy', 'first words');
  house.write('desk/letter', 'a letter');
  house.snapshot(1);
  house.lose('desk/letter');
  expect(await assessWhileBusy()).toEqual(
    reportOf({
      exit: 1,
      window: 'too few snapshots',
      universe: '14 files, 5 directories',
      verdicts: { unsettled: 1, missing: 1, intact: 12 },
      recovery: { exact: 1 },
      findings: { 'desk/busy': 'unsettled', 'desk/letter': 'missing exact from night 1 silent' },
      lists: { 'night 1 missing.files': ['/desk/letter'] },
      incomplete: ['1 path changed during the scan: run again when the volume is quiet.'],
    }),
  );
});

test('new, unprotected, modified, backup-missing; another mode is no finding', async () => {
  settle(5);
  house.write('desk/gone-from-backup', 'the backup has lost it');
  house.write('desk/mode', 'a script');
  house.write('desk/edited', 'first words');
  snapshots(1, 2);
  house.write('desk/never-backed-up', 'left out by a careless pattern', 2.5);
  await house.assess(2.5);
  for (const night of [3, 4]) {
    house.snapshot(night);
    for (const name of ['gone-from-backup', 'never-backed-up']) rmSync(join(house.snapshotRoot(night), 'desk', name));
  }
  house.write('desk/today', 'of today', 4.5);
  house.write('desk/edited', 'other words', 4.5);
  house.chmod('desk/mode', 0o755);
  expect(house.report(await house.assess(5))).toEqual(
    reportOf({
      universe: '17 files, 5 directories',
      verdicts: { 'backup-missing': 1, intact: 13, modified: 1, new: 1, unprotected: 1 },
      findings: {
        'desk/edited': 'modified',
        'desk/gone-from-backup': 'backup-missing',
        'desk/never-backed-up': 'unprotected',
        'desk/today': 'new',
      },
    }),
  );
});

test('the newest snapshot carries half of the loss already, and a file that was emptied', async () => {
  settle(6);
  for (let i = 0; i < 60; i++) house.write(`desk/${i}`, `sheet ${i}`.repeat(50));
  house.write('desk/emptied', TEXT);
  house.write('desk/flipped', TEXT);
  for (let night = 1; night <= 5; night++) {
    house.write('desk/diary', `night ${night}`, night);
    if (night === 3) house.remove('desk/59', 3);
    if (night === 5) {
      for (let i = 0; i < 25; i++) house.lose(`desk/${i}`);
      house.write('desk/emptied', '', 4.9);
    }
    house.snapshot(night);
  }
  for (let i = 25; i < 50; i++) house.lose(`desk/${i}`);
  house.rot('desk/flipped', (content) => Buffer.from(String(content).replace('play', 'ploy')));
  const result = await house.assess(6);
  const lost = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));
  const silent = (night: number, names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [`desk/${name}`, `missing exact from night ${night} silent`]));
  const inBytes = (names: readonly string[]): string[] => names.map((name) => `/desk/${name}`).sort();
  expect(house.report(result)).toEqual(
    reportOf({
      window: 'burst',
      intervals: ['night 4 to night 5', 'night 5 to live'],
      universe: '75 files, 5 directories',
      verdicts: { missing: 50, deleted: 1, truncated: 1, corrupt: 1, intact: 22 },
      recovery: { exact: 52 },
      findings: {
        ...silent(4, lost(0, 25)),
        ...silent(5, lost(25, 50)),
        'desk/59': 'deleted person',
        'desk/emptied': 'truncated exact from night 4 unknown',
        'desk/flipped': 'corrupt exact from night 5 silent',
      },
      lists: {
        'night 5 missing.files': inBytes(lost(25, 50)),
        'night 5 damaged.files': ['/desk/flipped'],
        'night 4 missing.files': inBytes(lost(0, 25)),
        'night 4 damaged.files': ['/desk/emptied'],
      },
    }),
  );
  // What the newest snapshot lacks is back on the volume, and in no backup that is not old: said until the next night.
  expect(await comeBack(result.bundle?.directory, 6.1, '--damaged')).toMatchObject({
    verdicts: { deleted: 1, 'backup-missing': 25, modified: 1, intact: 48 },
    recovery: {},
    lists: null,
    incomplete: [],
  });
  house.snapshot(7);
  expect(house.report(await house.assess(7))).toMatchObject({
    exit: 0,
    verdicts: { deleted: 1, intact: 74 },
    lists: null,
  });
});

test('a loss does not become a deletion by waiting: the interval up to now grows, and its burst fades', async () => {
  settle(6);
  const names = Array.from({ length: 30 }, (_, i) => `attic/${i}`);
  for (const each of names) house.write(each, `what stands in ${each}`);
  snapshots(1, 5);
  for (const each of names) house.remove(each, 5.5);
  const lost = Object.fromEntries(names.map((each) => [each, 'missing exact from night 5 unknown']));
  const lists = { 'night 5 missing.files': names.map((each) => `/${each}`).sort() };
  const atOnce = house.report(await house.assess(6));
  expect(atOnce).toMatchObject({ window: 'burst', findings: lost, lists });
  const later = await house.assess(9);
  expect(house.report(later)).toMatchObject({ window: 'no burst', findings: lost, lists });
  expect(await comeBack(later.bundle?.directory, 9.1)).toMatchObject({ exit: 0, findings: {}, lists: null });
});

test('the school: 215 losses, of which the newest snapshot shows 110 and hides 105, and ten files that were only renamed', async () => {
  house = Volume.open(catalog, 6);
  const name = (i: number): string => `classes/${i % 6}/pupil${i % 17}-${i}.odt`;
  const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => name(from + i));
  for (let i = 0; i < 400; i++) house.write(name(i), `essay ${i}: ${'words '.repeat(5 + (i % 11))}`);
  for (let night = 1; night <= 5; night++) {
    house.write('office/register', `the register, as of day ${night}`, night);
    if (night > 1 && night < 5) house.remove(name(399 - night), night);
    if (night === 5) house.lose(...range(0, 105));
    house.snapshot(night);
  }
  house.lose(...range(105, 215));
  for (let i = 215; i < 225; i++) house.rename(name(i), `archive/essay-${i}.odt`, 5.5);
  house.write('office/register', 'the register, as of today', 5.5);
  house.write('office/of-today', 'made on the last day, and lost', 5.5);
  house.lose('office/of-today');
  const result = await house.assess(6);
  const report = house.report(result);
  expect({ ...report, findings: Object.keys(report.findings).length, lists: Object.keys(report.lists ?? {}) }).toEqual({
    exit: 1,
    window: 'burst',
    intervals: ['night 4 to night 5', 'night 5 to live'],
    universe: '411 files, 9 directories',
    verdicts: { missing: 215, deleted: 3, moved: 10, new: 10, modified: 1, intact: 172 },
    directories: { intact: 8, new: 1 },
    recovery: { exact: 215 },
    findings: 240,
    lists: ['night 5 missing.files', 'night 4 missing.files'],
    incomplete: [],
  });
  const inBytes = (names: readonly string[]): string[] => names.map((one) => `/${one}`).sort();
  expect(report.lists).toEqual({
    'night 5 missing.files': inBytes(range(105, 215)),
    'night 4 missing.files': inBytes(range(0, 105)),
  });
  for (let i = 215; i < 225; i++) expect(report.findings[name(i)]).toBe(`moved to archive/essay-${i}.odt`);
  expect(await comeBack(result.bundle?.directory, 6.1, '--person-deleted')).toMatchObject({
    verdicts: { deleted: 3, moved: 10, new: 10, modified: 1, 'backup-missing': 105, intact: 282 },
    recovery: {},
    lists: null,
  });
});

const CAN_MOUNT = process.geteuid?.() === 0 && spawnSync('debugfs', ['-V']).status === 0;

test.skipIf(!CAN_MOUNT)(
  'unreadable, and unverified: a medium that fails on names, on a directory, on bytes, and on the copy in the backup (needs root, debugfs, a loop device)',
  async (context) => {
    settle(3);
    const image = join(house.base, 'image');
    const medium = join(house.base, 'medium');
    const run = (command: string, ...args: readonly string[]): boolean => spawnSync(command, args).status === 0;
    mkdirSync(medium);
    writeFileSync(image, '');
    truncateSync(image, 16 << 20);
    // Small blocks without checksums, so that single inodes and block numbers can be spoilt.
    const features = '^has_journal,^extents,^64bit,^metadata_csum';
    expect(run('mkfs.ext4', '-q', '-F', '-b', '1024', '-O', features, image)).toBe(true);
    if (!run('mount', '-o', 'loop', image, medium))
      context.skip('no loop device can be mounted here: run as root where /dev/loop-control is');
    try {
      const long = 'read to its end '.repeat(2000);
      house.write('desk/name', 'its inode is gone');
      house.write('desk/bytes', long);
      house.write('desk/copy', long);
      house.write('cellar/shelf/jar', 'honey');
      house.write('cellar/shelf/tin', 'tea');
      const copy = (target: string): void => {
        mkdirSync(join(medium, target, '..'), { recursive: true });
        expect(run('cp', '-a', house.live, join(medium, target))).toBe(true);
      };
      copy('live');
      for (const night of [1, 2]) copy(join('backup', house.night(night)));
      expect(run('umount', medium)).toBe(true);
      // As long as the loop device is held by somebody, a second mount sees its cache and not what is spoilt.
      await until('the loop device is gone', () => spawnSync('losetup', ['-j', image]).stdout.length === 0);
      for (const spoil of [
        'clri /live/desk/name',
        'clri /live/cellar/shelf',
        'set_inode_field /live/desk/bytes block[IND] 99999999',
        `set_inode_field /backup/${house.night(2)}/desk/copy block[IND] 99999999`,
      ])
        expect(run('debugfs', '-w', '-R', spoil, image)).toBe(true);
      expect(run('mount', '-o', 'loop,errors=continue', image, medium)).toBe(true);
      const result = await house.assess(3, { live: join(medium, 'live'), backups: [join(medium, 'backup', '*')] });
      expect(house.report(result)).toEqual(
        reportOf({
          exit: 3,
          window: 'too few snapshots',
          universe: '17 files, 7 directories',
          verdicts: { unreadable: 4, unverified: 1, intact: 12 },
          directories: { unreadable: 1, intact: 6 },
          recovery: { exact: 4 },
          findings: {
            'cellar/shelf': 'unreadable exact from night 2 EUCLEAN',
            'cellar/shelf/jar': 'unreadable exact from night 2 EUCLEAN below cellar/shelf',
            'cellar/shelf/tin': 'unreadable exact from night 2 EUCLEAN below cellar/shelf',
            'desk/bytes': 'unreadable exact from night 2 EIO',
            'desk/copy': 'unverified',
            'desk/name': 'unreadable exact from night 2 EUCLEAN',
          },
          lists: {
            'night 2 beside.pairs': ['/desk/bytes', '/desk/name'].map((path) => `${path}.rollcall-${house.night(2)}`),
          },
          incomplete: [
            `${join(medium, 'backup', '*')} (${house.night(2)}): desk/copy could not be read (EIO: input/output error: the disk or its connection fails).`,
            'live: cellar/shelf could not be read (EUCLEAN: the file system needs repair).',
            'live: desk/bytes could not be read (EIO: input/output error: the disk or its connection fails).',
            'live: desk/name could not be read (EUCLEAN: the file system needs repair).',
            '1 path is unverified: a copy could not be read.',
          ],
        }),
      );
    } finally {
      run('umount', '-l', medium);
    }
  },
);

test('what a person accepted stays accepted, in the backup too, until another thing happens', async () => {
  settle(2.6);
  house.write('desk/log', TEXT);
  house.write('desk/box/thing', 'a thing in a box');
  snapshots(1, 2);
  house.write('desk/log', '', 2.5);
  house.rename('desk/box', 'crate', 2.5);
  house.symlink('../crate', 'desk/box', 2.5);
  const sinceMs = house.nowMs(2);
  const first = await house.assess(2.6, { sinceMs });
  expect(house.report(first)).toMatchObject({
    exit: 1,
    findings: {
      'desk/box': 'replaced exact from night 2 unknown',
      'desk/log': 'truncated exact from night 2 unknown',
    },
  });
  await inTransaction(catalog.db, async (client) => {
    const found = await listFindings(client, { path: 'desk/log' });
    const box = await listFindings(client, { path: 'desk/box' });
    const ids = [...found, ...box].filter(({ volume }) => volume === house.live).map(({ id }) => id);
    await acceptFinding(client, { ids }, { reason: 'so it should be', actor: 'test', nowMs: house.nowMs(2.7) });
  });
  expect(house.report(await house.assess(2.8, { sinceMs }))).toMatchObject({ exit: 0 });
  house.snapshot(3);
  const accepted = { exit: 0, verdicts: { intact: 15, moved: 1 } };
  expect(house.report(await house.assess(3, { sinceMs }))).toMatchObject(accepted);
  expect(house.report(await house.assess(3.2, { sinceMs }))).toMatchObject(accepted);
  house.snapshot(4);
  expect(house.report(await house.assess(4, { sinceMs }))).toMatchObject(accepted);
  house.write('desk/log', 'begun anew', 4.5);
  expect(house.report(await house.assess(4.5, { sinceMs }))).toMatchObject({
    exit: 0,
    findings: { 'desk/log': 'modified' },
  });
  house.snapshot(5);
  house.write('desk/log', '', 5.5);
  expect(house.report(await house.assess(5.5, { sinceMs }))).toMatchObject({
    exit: 1,
    findings: { 'desk/log': 'truncated exact from night 5 unknown' },
  });
});

test('directories alone come back too, of lists that hold no file', async () => {
  settle(4);
  for (const name of ['kept', 'lost', 'thrown-away']) house.directory(`desk/${name}`);
  snapshots(1, 2);
  house.lose('desk/lost');
  house.snapshot(3);
  house.remove('desk/thrown-away', 3.9);
  const result = await house.assess(4, { sinceMs: house.nowMs(2) });
  expect(house.report(result)).toEqual(
    reportOf({
      window: 'since',
      intervals: ['night 2 to night 3', 'night 3 to live'],
      universe: '12 files, 8 directories',
      verdicts: { intact: 12 },
      directories: { intact: 6, missing: 2 },
      findings: {
        'desk/lost': 'missing exact from night 2 silent',
        'desk/thrown-away': 'missing exact from night 3 person',
      },
      lists: { 'night 2 dirs': ['/desk/lost'], 'night 3 person.dirs': ['/desk/thrown-away'] },
    }),
  );
  expect(await comeBack(result.bundle?.directory, 4.1, '--person-deleted')).toMatchObject({
    directories: { intact: 7, 'backup-missing': 1 },
    lists: null,
  });
});
