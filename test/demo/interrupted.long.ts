// The demo as a process that is interrupted: what it made, and the server that it started, go with it.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/poll.ts';
import { startDemo } from './start.ts';

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'rollcall-demo-interrupted-'));
  // The database's own user passes through here.
  chmodSync(base, 0o755);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** Whether a program of that name runs in a process group. */
function runsIn(group: number, program: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      const stat = /^\d+ \((.*)\) \S+ \d+ (\d+) /.exec(readFileSync(`/proc/${name}/stat`, 'latin1'));
      return stat?.[1] === program && Number(stat[2]) === group;
    } catch {
      return false;
    }
  });
}

/** Whether a process has a path below this directory among its words: the demo's server. */
function runsBelow(directory: string): boolean {
  return readdirSync('/proc').some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(`${directory}/`);
    } catch {
      return false;
    }
  });
}

test('Ctrl-C while the database is made, which ends its program too, is 130 and no failure', async () => {
  const demo = startDemo(base, join(base, 'fresh'));
  const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
  let said = '';
  demo.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await until('initdb runs', () => runsIn(demo.pid ?? 0, 'initdb'), 60_000);
    process.kill(-(demo.pid ?? 0), 'SIGINT');
    expect(await ended).toBe(130);
    expect(said).toMatch(/^rollcall: interrupted$/m);
  } finally {
    demo.kill('SIGKILL');
  }
});

test.each([
  ['the process', 1],
  ['the foreground group', -1],
] as const)('Ctrl-C to %s while a command runs is 130 and leaves no tree and no server', async (_who, sign) => {
  const demo = startDemo(base, join(base, 'state'));
  const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
  demo.stderr.resume();
  let said = '';
  demo.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  try {
    await until('the first assessment is asked for', () => said.includes('$ '), 60_000);
    process.kill(sign * (demo.pid ?? 0), 'SIGINT');
    expect(await ended).toBe(130);
    expect(readdirSync(base).filter((name) => name.startsWith('rollcall-demo-'))).toEqual([]);
    // Neither its catalog, which lay in there, nor one in the user's own place.
    expect(existsSync(join(base, 'state'))).toBe(false);
    await until('no process of it runs', () => !runsBelow(base));
  } finally {
    demo.kill('SIGKILL');
  }
});
