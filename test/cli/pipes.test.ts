// What is printed arrives, whole, however slowly it is read: a megabyte through pipes of 64 KiB, and into files.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildInto } from '../support/build.ts';
import { until } from '../support/poll.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
const TSX = ['--import', join(REPOSITORY, 'node_modules/tsx/dist/loader.mjs')];
const SUPERVISED = [process.execPath, ...TSX, fileURLToPath(new URL('supervised.ts', import.meta.url))];
/** Long names, so that the list of them is more than a megabyte. */
const FILES = 6_000;

let base: string;
let rollcall: readonly string[];

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-pipes-'));
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  rollcall = [process.execPath, buildInto(join(base, 'program'))];
  mkdirSync(join(base, 'live'));
  for (let n = 0; n < FILES; n++) writeFileSync(join(base, 'live', `${'n'.repeat(190)}${n}`), '');
  const scanned = shell('"$@"', rollcall, 'scan', 'live');
  expect(scanned).toMatchObject({ status: 0 });
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

function environment() {
  return { PATH: process.env['PATH'], HOME: base, ROLLCALL_STATE_DIR: join(base, 'state') };
}

/** `script` runs the program as "$@". */
function shell(script: string, program: readonly string[], ...args: string[]) {
  return spawnSync('bash', ['-c', script, 'sh', ...program, ...args], {
    encoding: 'utf8',
    cwd: base,
    env: environment(),
    maxBuffer: 1 << 26,
  });
}

/** A reader that takes one byte at a time. */
const SLOWLY = 'dd ibs=1 obs=1M status=none';

const whole = (text: string): void => {
  expect(text.length).toBeGreaterThan(1_048_000);
  expect(text.endsWith('the last word\n')).toBe(true);
};

test('a megabyte of a supervised command reaches a slow reader of standard output, and one of standard error', () => {
  const out = shell(`"$@" 2>/dev/null | ${SLOWLY}; exit "\${PIPESTATUS[0]}"`, SUPERVISED, 'a megabyte on both');
  whole(out.stdout);
  expect(out.status).toBe(1);
  const error = shell(
    `{ "$@" 2>&1 >/dev/null; } | ${SLOWLY}; exit "\${PIPESTATUS[0]}"`,
    SUPERVISED,
    'a megabyte on both',
  );
  whole(error.stdout);
  expect(error.status).toBe(1);
});

test('a megabyte into files is whole, too', () => {
  const { status } = shell('"$@" >out 2>err', SUPERVISED, 'a megabyte on both');
  expect(status).toBe(1);
  for (const name of ['out', 'err']) whole(readFileSync(join(base, name), 'utf8'));
});

test('an answer of a megabyte leaves a command without threads whole: as text and as JSON', () => {
  const list = shell(
    `"$@" | ${SLOWLY}; exit "\${PIPESTATUS[0]}"`,
    rollcall,
    'export',
    join(base, 'live'),
    '--format',
    'jsonl',
  );
  expect(list.stderr).not.toContain('should not have happened');
  const lines = list.stdout.trimEnd().split('\n');
  expect(list.stdout.length).toBeGreaterThan(1_048_576);
  expect(lines.filter((line) => line.includes('nnnn'))).toHaveLength(FILES);
  for (const line of lines) JSON.parse(line);
});

test('a reader who stops early changes no exit code, and ends nothing badly', () => {
  const early = shell('"$@" 2>err | head -c 10 >/dev/null; exit "${PIPESTATUS[0]}"', SUPERVISED, 'a megabyte on both');
  expect(early.status).toBe(1);
});

test('whoever interrupts does not have to read the rest first', async () => {
  const child = spawn(SUPERVISED[0] ?? '', [...SUPERVISED.slice(1), 'a megabyte on both'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  // Nobody reads on, and the pipe is full.
  child.stdout.once('readable', () => {});
  await until('it has begun to write', () => child.stdout.readableLength > 0);
  child.kill('SIGINT');
  expect(await ended).toBe(1);
  child.stdout.destroy();
  child.stderr.destroy();
});
