// What is printed arrives, whole, however slowly it is read: a megabyte through pipes of 64 KiB. (launcher.test.ts has
// the same of the launcher.)
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installInto } from '../support/install.ts';
import { memoryDirectory } from '../support/memory.ts';

/** Long names, so that the list of them is more than a megabyte. */
const FILES = 6_000;

let base: string;
let rollcall: readonly string[];

beforeAll(() => {
  base = memoryDirectory('rollcall-pipes-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  rollcall = [process.execPath, installInto(join(base, 'program'))];
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
