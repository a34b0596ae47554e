// Commands that are killed, or left by a second Ctrl-C, leave no server behind: real commands, real signals, to
// processes that the tests started.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { serverIsSeen } from '../../services/embedded/postmaster.ts';
import { installInto } from '../support/install.ts';
import { until } from '../support/poll.ts';
import { CLI, REPOSITORY } from '../support/programs.ts';
import { hold } from './hold.ts';
import { memoryDirectory } from '../support/memory.ts';

// Each test starts several commands, one after the other.
vi.setConfig({ testTimeout: 180_000 });

let base: string;
let state: string;
let commands: ChildProcess[];

beforeEach(() => {
  base = memoryDirectory('rollcall-guard-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  state = join(base, 'state');
  mkdirSync(join(base, 'program'));
  installInto(join(base, 'program'));
  commands = [];
});

afterEach(async () => {
  for (const { pid } of commands) kill(-(pid ?? 0));
  await until('nothing of the test runs any more', () => !serverIsSeen(state) && guards() === 0);
  rmSync(base, { recursive: true, force: true });
});

function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const start = (...args: string[]) => run(process.execPath, CLI, ...args);
/** With the shell above it that outlives it. */
const launch = (...args: string[]) => run(join(base, 'program/rollcall'), ...args);

/** A command in a process group of its own. */
function run(program: string, ...args: string[]) {
  const child = spawn(program, args, {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], HOME: base, ROLLCALL_STATE_DIR: state },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  commands.push(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return { pid: child.pid ?? 0, ended, hasEnded, said: () => said };
}

/** Guards of the state directory, waiting or at work. */
function guards(): number {
  return readdirSync('/proc').filter((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
      return /guard(-process\.ts|\.cjs)/.test(words) && words.includes(`\0${state}\0`);
    } catch {
      return false;
    }
  }).length;
}

const gone = () => until('the server is gone', () => !serverIsSeen(state), 40_000);

test('a worker whose launcher is killed gives back its work, and its server goes', async () => {
  const worker = launch('worker');
  await until('it works', () => worker.said().includes('worker on'), 60_000);
  kill(worker.pid);
  await gone();
  expect(worker.said()).toContain('stopping: no new work');
  expect(existsSync(join(state, 'data/postmaster.pid'))).toBe(false);
});

test('a command that ends in order, or fails, leaves neither a server nor a guard', async () => {
  expect(await start('status').ended).toBe(0);
  expect(await start('volumes', 'forget', 'unknown', '--reason', 'none').ended).toBe(2);
  expect(serverIsSeen(state)).toBe(false);
  await until('no guard waits', () => guards() === 0);
});

test.each([
  ['a command', ['status']],
  ['a command with threads', ['scan', '/usr/include']],
])('two Ctrl-C to %s while its server starts leave none', async (_what, words) => {
  // The set-up is no part of it.
  await start('status').ended;
  await gone();
  const command = start(...words);
  await until('a server starts', () => serverIsSeen(state));
  // Two that come at once are one to a process.
  await until('it has ended', () => {
    kill(-command.pid, 'SIGINT');
    return command.hasEnded();
  });
  expect(await command.ended).toBe(130);
  await gone();
});

test('a command that is killed together with its launcher leaves no server', async () => {
  const command = launch('scan', mkdtempSync(join(base, 'volume-')));
  await until('a server starts', () => serverIsSeen(state), 60_000);
  kill(-command.pid);
  await command.ended;
  await gone();
});

test('the guard of a command that was killed leaves a server that others use', async () => {
  const other = hold(state);
  expect((await other.answer).ready).toBeDefined();
  const killed = hold(state);
  await killed.answer;
  kill(killed.child.pid ?? 0);
  await killed.release();
  await until('its guard has looked', () => guards() === 1);
  expect(serverIsSeen(state)).toBe(true);
  await other.release();
  await gone();
});
