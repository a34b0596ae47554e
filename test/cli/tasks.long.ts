// Following and steering what was queued for workers: wait, cancel, retry and --wait, as processes.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
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

function rollcall(...args: string[]) {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: base, env: environment() });
}

function start(...args: string[]) {
  const child = spawn(process.execPath, [program, ...args], { cwd: base, env: environment() });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, said: () => said, ended };
}

beforeAll(() => {
  base = memoryDirectory('rollcall-tasks-');
  // The database's own user passes through here.
  chmodSync(base, 0o755);
  mkdirSync(join(base, 'program'));
  program = installInto(join(base, 'program'));
  mkdirSync(join(base, 'live'));
  for (let n = 0; n < 10; n++) writeFileSync(join(base, 'live', `f${n}`), `text ${n}`);
}, 60_000);

afterAll(() => rmSync(base, { recursive: true, force: true }));

test('a task is cancelled, queued again, followed, interrupted, and its answer printed with its exit code', async () => {
  expect(JSON.parse(rollcall('scan', 'live', '--detach', '--json').stdout)).toEqual({ task: 1, host: 'files' });
  expect(rollcall('retry', '1')).toMatchObject({ status: 2, stderr: expect.stringContaining('has not ended') });
  expect(JSON.parse(rollcall('cancel', '1', '--json').stdout)).toEqual({ task: 1, cancelled: 1, was_running: false });
  expect(rollcall('cancel', '1')).toMatchObject({ status: 2, stderr: expect.stringContaining('has ended already') });
  expect(rollcall('wait', '1')).toMatchObject({ status: 130, stderr: expect.stringContaining('was cancelled') });
  for (const verb of ['wait', 'cancel', 'retry']) {
    expect(rollcall(verb, '99')).toMatchObject({ status: 2, stderr: expect.stringContaining('There is no task 99') });
    expect(rollcall(verb, 'x')).toMatchObject({ status: 2, stderr: expect.stringContaining('number of a task') });
  }
  expect(rollcall('retry', '1')).toMatchObject({ status: 0, stdout: expect.stringContaining('wait 1') });

  const follower = start('scan', 'live', '--wait');
  await until('it is queued', () => follower.said().includes('Queued as task 2'));
  follower.child.kill('SIGINT');
  expect(await follower.ended).toBe(130);
  expect(follower.said()).toMatch(/Task 2 goes on without you\..* wait 2 follows it again/);

  const worker = start('worker');
  try {
    expect(JSON.parse(rollcall('wait', '2', '--json').stdout)).toMatchObject({ task: 2, exit: 0, next: null });
    expect(rollcall('scan', 'live', '--wait')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Task 3 ended with exit code 0'),
    });
    expect(rollcall('retry', '2')).toMatchObject({ status: 2, stderr: expect.stringContaining('has its answer') });
  } finally {
    worker.child.kill('SIGTERM');
    await worker.ended;
  }
});
