// From nothing to the first audit, as a person does it: serve says what is missing, init and apply give it, and a
// signal ends it in order.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { installInto } from '../support/install.ts';
import { memoryDirectory } from '../support/memory.ts';
import { until } from '../support/poll.ts';

vi.setConfig({ testTimeout: 120_000 });

let base: string;
let program: string;
const environment = () => ({
  PATH: process.env['PATH'],
  HOME: base,
  ROLLCALL_STATE_DIR: join(base, 'state'),
  ROLLCALL_HOST: 'files',
});

beforeAll(() => {
  base = memoryDirectory('rollcall-serve-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  program = installInto(join(base, 'program'));
  const live = join(base, 'live');
  mkdirSync(live);
  const old = new Date('2026-01-01T12:00:00Z');
  for (let n = 0; n < 10; n++) {
    writeFileSync(join(live, `f${n}`), `text ${n}`);
    utimesSync(join(live, `f${n}`), old, old);
  }
  cpSync(live, join(base, 'nights', '2026-11-29'), { recursive: true, preserveTimestamps: true });
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

function rollcall(...args: string[]) {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: base, env: environment() });
}

test('serve without a configuration says what to do, begins when one is applied, and ends in order', async () => {
  const serve = spawn(process.execPath, [program, 'serve', '--threads', '1'], { cwd: base, env: environment() });
  let said = '';
  serve.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) => serve.once('exit', resolve));
  const hears = (pattern: RegExp): Promise<void> =>
    until(String(pattern), () => pattern.test(said) || serve.exitCode !== null, 60_000).finally(() =>
      expect(said).toMatch(pattern),
    );
  try {
    await hears(/Nothing is watched yet: .* Next: .* init LIVE BACKUP/);
    const file = join(base, 'rollcall.yaml');
    expect(rollcall('init', 'live', 'nights/*', '--out', file)).toMatchObject({ status: 0 });
    expect(rollcall('apply', '-f', file)).toMatchObject({ status: 0 });
    await hears(/watching 1 volume and 1 backup/);
    await hears(/\(assess(-hosts)?\) ended with exit code 0: .*live: not intact: 0/);
    expect(rollcall('findings')).toMatchObject({ status: 0 });
    serve.kill('SIGHUP');
    expect(await ended).toBe(0);
    expect(said).toContain('stopping: no new work; running work returns to the queue');
  } finally {
    serve.kill('SIGKILL');
  }
});
