// by-owner/ of a bundle: lists that a principal can send on, whatever users and files are called.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Finding } from '../../domain/assessment.ts';
import { EVERYTHING } from '../../domain/restore/selection.ts';
import { World } from './world.ts';

let world: World;

beforeEach(() => {
  world = new World();
});
afterEach(() => world.remove());

function lost(path: string, uid: number, changes: Partial<Finding> = {}): void {
  world.write(world.snapshot('s1'), path, `content of ${path}`);
  world.wrong(path, { verdict: 'missing', from: 's1' });
  const made = world.findings.pop();
  if (!made?.expected) throw new Error('a missing file is expected to be something');
  world.findings.push({ ...made, expected: { ...made.expected, uid }, ...changes });
}

const file = (name: string): string => readFileSync(join(world.bundle, 'by-owner', name), 'utf8');

test('each owner has a text and a spreadsheet of what is lost, comes back, or only in an older version', async () => {
  lost('home/anna/gone', 1001, { recovery: 'none', source: null });
  lost('home/anna/back', 1001);
  lost('home/anna/tidied', 1001, { cause: { cause: 'person', signals: [] } });
  lost('home/ben/old', 1002, { recovery: 'older' });
  lost('home/ben/rotten', 1002);
  lost('nobody', 1003, { verdict: 'modified', recovery: null });
  rmSync(join(world.base, 'backup/s1/home/ben/rotten'));
  await world.writeBundle({ owners: new Map([[1001, 'anna']]) });
  expect(readdirSync(join(world.bundle, 'by-owner')).sort()).toEqual([
    '1001.csv',
    '1001.txt',
    '1002.csv',
    '1002.txt',
    'owners.csv',
  ]);
  const anna = file('1001.txt');
  expect(anna).toMatch(/^Files of anna \(uid 1001\) on /);
  const order = [
    'LOST FOR GOOD: 1 file',
    'home/anna/gone',
    'COMES BACK: 1 file',
    'home/anna/back',
    'ON REQUEST: 1 file',
  ];
  expect(order.map((each) => anna.indexOf(each)).every((at, i, all) => at > (all[i - 1] ?? 0))).toBe(true);
  expect(anna).not.toContain('ben');
  const ben = file('1002.csv').split('\r\n');
  expect(ben[1]).toMatch(/^"home\/ben\/old","older version only",\d+,"2/);
  expect(ben[2]).toMatch(/^"home\/ben\/rotten","not decided",.*"in no list: its source is not there any more"$/);
  expect(file('owners.csv').split('\r\n')[1]).toMatch(/^1001,"anna",1,\d+,0,0,1,\d+,1,\d+,0,0,"1001.csv"$/);
  // The lists are sealed with the rest of the bundle.
  expect(readFileSync(join(world.bundle, 'SHA256SUMS'), 'utf8')).toContain('  by-owner/1001.csv\n');
});

test('no name of a user or a file becomes a formula, a path or an escape sequence', async () => {
  const names = [
    "=cmd|' /C calc'!A0",
    '+1',
    '-1',
    '@x',
    '\t=1',
    '＝1',
    '"quoted",=2',
    'a;=3',
    '\u001b[2J\u202e',
    'ok\n=4',
  ];
  for (const name of names) lost(`d/${name}`, 7);
  for (const name of names) lost(name, 7);
  await world.writeBundle({ owners: new Map([[7, '../../=evil\u001b]0;x\u0007\n']]) });
  expect(readdirSync(join(world.bundle, 'by-owner')).sort()).toEqual(['7.csv', '7.txt', 'owners.csv']);
  for (const name of ['7.csv', 'owners.csv', '7.txt']) {
    expect(file(name).replaceAll(/[\r\n]/g, '')).not.toMatch(/[\p{Cc}\u202e]/u);
  }
  const cells = [...file('7.csv').split('\r\n'), ...file('owners.csv').split('\r\n')].flatMap(
    (line) => line.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [],
  );
  expect(cells.length).toBeGreaterThan(names.length * 2 * 5);
  for (const cell of cells) expect(cell).toMatch(/^(?:\d+|"(?!\s*[=+\-@＝]).*")$/u);
});

test('a part holds the lists of those whom it was asked for, whatever a limit leaves for later', async () => {
  for (const name of ['a', 'b', 'c']) lost(name, 1001);
  lost('x', 1002);
  await world.writeBundle({ selection: { ...EVERYTHING, owners: [1001], filesMax: 1 } });
  expect(readdirSync(join(world.bundle, 'by-owner')).sort()).toEqual(['1001.csv', '1001.txt', 'owners.csv']);
  expect(file('1001.csv').trimEnd().split('\r\n')).toHaveLength(4);
});
