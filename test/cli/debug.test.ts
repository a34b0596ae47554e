// ROLLCALL_DEBUG: what scan and judge do, on standard error, and nothing of it in the answer.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../../cli/config.ts';
import { installInto } from '../support/install.ts';

let base: string;
let program: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-debug-'));
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  program = installInto(join(base, 'program'));
  mkdirSync(join(base, 'live/d'), { recursive: true });
  for (const name of ['lost', 'kept']) writeFileSync(join(base, 'live/d', name), name);
  const seconds = Math.floor(Date.now() / 1000) - 60;
  utimesSync(join(base, 'live/d'), seconds, seconds);
  mkdirSync(join(base, 's'));
  spawnSync('cp', ['-a', join(base, 'live'), join(base, 's/2026-11-20')]);
  rmSync(join(base, 'live/d/lost'));
  utimesSync(join(base, 'live/d'), seconds, seconds);
  expect(statSync(join(base, 'live/d')).mtimeMs).toBe(seconds * 1000);
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

function assess(debug: string) {
  const env = {
    PATH: process.env['PATH'],
    HOME: base,
    ROLLCALL_STATE_DIR: join(base, 'state'),
    ROLLCALL_DEBUG: debug,
  };
  const args = ['assess', '--live', 'live', '--backup', 's/*', '--json'];
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: base, env });
}

test('says what the rooms that were named do', () => {
  const { stdout, stderr, status } = assess('scan,judge');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^scan: shard \d+ \(list, 1 directories\) begins, attempt 1$/m);
  expect(stderr).toMatch(/^scan: shard \d+ \(list, 1 directories\) ends: done, /m);
  expect(stderr).toMatch(/^scan: scan \d+ on .*\/live: complete$/m);
  expect(stderr).toMatch(/^judge: d\/lost: missing, exact, silent/m);
  expect(JSON.parse(stdout)).toMatchObject({ verdicts: { missing: { files: 1 } } });
  expect(assess('judge').stderr).not.toMatch(/^scan: /m);
});

test('a word that names no room is refused, with those that there are', () => {
  const config = (debug: string) => () => readConfig({ HOME: '/h', ROLLCALL_DEBUG: debug }, undefined).debug;
  expect(config('')()).toEqual([]);
  expect(config('judge,scan')()).toEqual(['judge', 'scan']);
  expect(config('scan,jugde')).toThrow('ROLLCALL_DEBUG knows no "jugde"');
});
