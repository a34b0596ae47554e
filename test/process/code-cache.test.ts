// What V8 made of the bundle: loaded only where nobody else could have written it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCodeCache } from '../../services/process/code-cache.ts';
import { installInto } from '../support/install.ts';

const IS_ROOT = process.getuid?.() === 0;
const DATA = Buffer.from('what V8 made');

/** Below the home directory: everybody can write to the one for temporary files. */
let base: string;
let state: string;

beforeEach(() => {
  base = mkdtempSync(join(homedir(), '.rollcall-code-'));
  state = join(base, 'state');
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(join(state, 'VERSION'), '1\n');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const load = (name = 'cli-0-help'): Buffer | null => openCodeCache(state, name)?.data ?? null;
const keep = (name = 'cli-0-help'): void => openCodeCache(state, name)?.keep(DATA);
const kept = (): string[] => readdirSync(join(state, 'code'));
const file = (): string => join(state, 'code', kept()[0] ?? '');

test('what was kept is loaded, under its name alone, and nothing lies beside it', () => {
  expect(load()).toBeNull();
  keep();
  expect(load()).toEqual(DATA);
  expect(load('cli-1-help')).toBeNull();
  expect(kept()).toHaveLength(1);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test('what others can write, or could have put there, is not loaded; nor is a byte that has changed', () => {
  keep();
  for (const path of [file(), join(state, 'code'), state, base]) {
    const { mode } = statSync(path);
    for (const open of [0o020, 0o002]) {
      chmodSync(path, mode | open);
      expect(load(), path).toBeNull();
    }
    chmodSync(path, mode);
    expect(load(), path).toEqual(DATA);
    if (!IS_ROOT) continue;
    chownSync(path, 65_534, 65_534);
    expect(load(), path).toBeNull();
    chownSync(path, 0, 0);
  }
  const content = readFileSync(file());
  content[7] = (content[7] ?? 0) ^ 1;
  writeFileSync(file(), content);
  expect(load()).toBeNull();
  const elsewhere = join(base, 'elsewhere');
  rmSync(file());
  writeFileSync(elsewhere, content, { mode: 0o600 });
  keep();
  const path = file();
  rmSync(path);
  symlinkSync(elsewhere, path);
  expect(load()).toBeNull();
});

test('above it a sticky directory will do, as /tmp: there nobody else can put another one in its place', () => {
  chmodSync(base, 0o1777);
  keep();
  expect(load()).toEqual(DATA);
  chmodSync(join(state, 'code'), 0o1777);
  expect(load()).toBeNull();
});

test('nothing is kept where others can write, or where there is no state', () => {
  chmodSync(base, 0o777);
  keep();
  expect(existsSync(join(state, 'code'))).toBe(false);
  chmodSync(base, 0o700);
  rmSync(join(state, 'VERSION'));
  keep();
  expect(existsSync(join(state, 'code'))).toBe(false);
});

test('a command keeps what was compiled for it once, makes it anew where it was spoilt, and answers alike', () => {
  mkdirSync(join(base, 'program'));
  const program = installInto(join(base, 'program'));
  const help = (...flags: string[]) => {
    const env = { PATH: process.env['PATH'], HOME: base, ROLLCALL_STATE_DIR: state };
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, program, 'help'], {
      encoding: 'utf8',
      env,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };
  const answer = help();
  expect(answer).toContain('Usage: rollcall');
  const { ino, size } = statSync(file());
  expect(size).toBeGreaterThan(100_000);
  expect(help()).toBe(answer);
  expect(statSync(file()).ino).toBe(ino);
  // Code that V8 rejects: of the right form, and not its own.
  openCodeCache(state, kept()[0]?.replace(/-v\d+.*/, '') ?? '')?.keep(Buffer.alloc(1_000, 7));
  expect(size).not.toBe(statSync(file()).size);
  expect(help()).toBe(answer);
  expect(statSync(file()).size).toBeGreaterThan(100_000);
  // Another set of V8's flags has a cache of its own.
  expect(help('--no-opt')).toBe(answer);
  expect(kept()).toHaveLength(2);
});
