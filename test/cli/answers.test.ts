// What the commands answer on one small volume: the wall of findings, -q for cron, status after a guard, and after a
// restore that was verified.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installInto } from '../support/install.ts';
import { memoryDirectory } from '../support/memory.ts';

const GONE = 60;

let base: string;
let program: string;

function rollcall(...args: string[]) {
  const env = {
    PATH: process.env['PATH'],
    HOME: base,
    ROLLCALL_STATE_DIR: join(base, 'state'),
    TZ: 'Asia/Kathmandu',
  };
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: base, env });
}

const assess = (...args: string[]) => rollcall('assess', '--live', 'live', '--backup', 's/*', ...args);
const inLive = (...names: string[]): string => join(base, 'live', ...names);

function backup(name: string): void {
  spawnSync('cp', ['-a', join(base, 'live'), join(base, 's', name)]);
}

/** Unlinked, and nobody saw it: the directory's time stands still. */
function lose(directory: string, names: readonly string[]): void {
  // Whole seconds, as they were set: Node keeps no more of a time than a double can.
  const seconds = Math.floor(statSync(inLive(directory)).mtimeMs / 1000);
  for (const name of names) rmSync(inLive(directory, name));
  utimesSync(inLive(directory), seconds, seconds);
}

beforeAll(() => {
  base = memoryDirectory('rollcall-answers-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  program = installInto(join(base, 'program'));
  for (const directory of ['d', 'e']) {
    mkdirSync(inLive(directory), { recursive: true });
    for (let n = 0; n < 100; n++) writeFileSync(inLive(directory, `f${n}`), `${directory} ${n}`);
    const seconds = Math.floor(Date.now() / 1000) - 60;
    utimesSync(inLive(directory), seconds, seconds);
  }
  mkdirSync(join(base, 's'));
  for (let day = 20; day <= 27; day++) backup(`2026-11-${day}`);
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

test('with -q nothing is printed where there is nothing to report', () => {
  for (const args of [
    ['assess', '--live', 'live', '--backup', 's/*', '-q'],
    ['scan', 'live', '--quiet'],
    ['status', '-q'],
    ['findings', '-q'],
    ['findings', '-q', '--json'],
  ])
    expect(rollcall(...args), args.join(' ')).toMatchObject({ status: 0, stdout: '', stderr: '' });
}, 60_000);

test('with -q what there is to report is printed as without it, and findings list the worst first, short of a wall', () => {
  const gone = readdirSync(inLive('d')).slice(0, GONE);
  lose('d', gone);
  backup('2026-11-28');
  writeFileSync(inLive('e', 'odd'), 'x');
  const loud = assess('-q', '--out', 'b');
  expect(loud.status).toBe(1);
  expect(loud.stdout).toMatch(/restorable +60 files/);
  expect(loud.stderr).toContain('2026-11-28');

  const wall = rollcall('findings');
  expect(wall.status).toBe(1);
  const lines = wall.stdout.trimEnd().split('\n');
  expect(lines[0]).toBe(`${inLive()}: 60 findings`);
  expect(lines[1]).toBe('  missing, identical copy: 60 (gone, and something points to a loss)');
  // Local times, with their offset.
  expect(lines[2]).toMatch(/^ +\d+ {2}d\/f\d+ {2}last good 20.*, noticed 20.* \+05:45$/);
  expect(lines.filter((line) => /^ +\d+ {2}d\/f/.test(line))).toHaveLength(50);
  expect(wall.stdout).toContain('… and 10 more\n');
  expect(wall.stdout).toContain('--limit 0 prints all');
  expect(rollcall('findings', '--limit', '0').stdout.match(/ d\/f/g)).toHaveLength(60);
  expect(rollcall('findings', '--limit', '2', '--json', '--verdict', 'missing')).toMatchObject({ status: 1 });
  const json = JSON.parse(rollcall('findings', '--limit', '2', '--json').stdout) as {
    total: number;
    findings: unknown[];
  };
  expect({ total: json.total, shown: json.findings.length }).toEqual({ total: 60, shown: 2 });
}, 60_000);

test('findings of one verdict, and below one path however it is typed', () => {
  const of = (...args: string[]) => rollcall('findings', '--limit', '0', ...args);
  expect(of('--verdict', 'corrupt')).toMatchObject({ status: 0, stdout: 'No open findings that match.\n' });
  expect(of('--path', 'e')).toMatchObject({ status: 0 });
  for (const path of ['d', 'd/', inLive('d'), 'live/d', join(base, 's/2026-11-20/d')])
    expect(of('--path', path).stdout.match(/ d\/f/g), path).toHaveLength(60);
  const typo = of('--verdict', 'mising');
  expect(typo.status).toBe(2);
  expect(typo.stderr).toContain('missing, replaced');
});

test('after a verified restore everything says that the next backup will cover it: exit 0, and no stop line', () => {
  expect(spawnSync('sh', [join(base, 'b/restore.sh'), '--apply', inLive()]).status).toBe(0);
  expect(rollcall('verify', 'b')).toMatchObject({ status: 0 });
  expect(rollcall('verify', 'b', '-q')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  const after = assess();
  expect(after.stdout).toContain('60 files were restored; the next backup will cover them');
  expect(after.stdout).not.toContain('STOP');
  expect(after.status).toBe(0);
  expect(rollcall('status')).toMatchObject({ status: 0 });
  expect(rollcall('findings')).toMatchObject({ status: 0, stdout: 'No open findings.\n' });
  // The next backup lacks one all the same.
  backup('2026-11-29');
  rmSync(join(base, 's/2026-11-29/d', readdirSync(join(base, 's/2026-11-29/d'))[0] ?? ''));
}, 60_000);

test('status says that a guard stopped the last audit, until one goes through, and ends with 3', () => {
  renameSync(inLive(), join(base, 'aside'));
  mkdirSync(inLive());
  const stopped = assess();
  expect(stopped.status).toBe(4);
  const status = rollcall('status', '-q');
  expect(status.status).toBe(3);
  expect(status.stdout).toMatch(/live: the last audit was stopped by a guard, 20.. ?.*\+05:45: .*is empty/);
  expect(status.stdout).toMatch(/next: .*findmnt/);
  const json = JSON.parse(rollcall('status', '--json').stdout) as { exit: number; troubles: unknown[] };
  expect(json).toMatchObject({ exit: 3, troubles: [{ volume: inLive(), role: 'live', exit: 4 }] });
  expect(rollcall('assess', '--live', join(base, 'never/there')).status).not.toBe(0);
  expect((JSON.parse(rollcall('status', '--json').stdout) as { troubles: unknown[] }).troubles).toHaveLength(1);
  rmSync(inLive(), { recursive: true });
  renameSync(join(base, 'aside'), inLive());
  expect(existsSync(inLive('d'))).toBe(true);
  expect(rollcall('scan', 'live')).toMatchObject({ status: 0 });
  expect(rollcall('status')).toMatchObject({ status: 0 });
}, 60_000);
