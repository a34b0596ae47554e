// The launcher as the parent of what it runs: exit codes, signals, streams, in a shell that may be /bin/sh.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { textIfThere } from '../support/gone.ts';
import { until } from '../support/poll.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');
/** A reader that takes one byte at a time. */
const SLOWLY = 'dd ibs=1 obs=1M status=none';

let home: string;
let launcher: string;
const children: ChildProcess[] = [];
const nodes: number[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'rollcall-launcher-'));
  launcher = join(home, 'rollcall');
  mkdirSync(join(home, 'dist'));
  cpSync(join(REPOSITORY, 'rollcall'), launcher);
  symlinkSync(join(REPOSITORY, 'node_modules'), join(home, 'node_modules'));
  buildSync({
    entryPoints: [fileURLToPath(new URL('supervised.ts', import.meta.url))],
    outfile: join(home, 'dist/cli.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
  });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const pid of nodes.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
});

function isRunning(pid: number): boolean {
  const status = textIfThere(`/proc/${pid}/status`);
  return status !== null && !/^State:\s+Z/m.test(status);
}

/** A process that is to be scheduled takes a lesser signal that came after this one first: it is waited for. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until('it has stopped', () => /^State:\s+T/m.test(textIfThere(`/proc/${pid}/status`) ?? ''));
}

/** In a process group of its own, as a terminal would have it. */
function start([shell = '', ...words]: readonly string[], behaviour: string) {
  const child = spawn(shell, [...words, launcher, behaviour], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  return {
    child,
    exit: new Promise<number | null>((resolve) => child.once('exit', resolve)),
    said: () => said,
    async node(): Promise<number> {
      await until('it has begun', () => /node \d+/.test(said));
      const pid = Number(/node (\d+)/.exec(said)?.[1]);
      nodes.push(pid);
      return pid;
    },
  };
}

/** `script` runs the program as "$@". */
function piped(shell: readonly string[], script: string, behaviour: string, input = '') {
  return spawnSync('bash', ['-c', script, 'bash', ...shell, launcher, behaviour], {
    encoding: 'utf8',
    cwd: home,
    input,
    maxBuffer: 1 << 26,
  });
}

const whole = (text: string): void => {
  expect(text.length).toBeGreaterThan(1_048_000);
  expect(text.endsWith('the last word\n')).toBe(true);
};

/**
 * @param shell the words that start it
 * @param times that it is sent two signals at once: some shells lose one now and then
 */
export function launcherUnder(shell: readonly string[], times: number): void {
  test('the exit code is the one that was told, also when a thread does not let the process end', async () => {
    expect(await start(shell, 'end').exit).toBe(1);
    expect(await start(shell, 'a thread hangs').exit).toBe(3);
  });

  test('a shell that is late still gets the exit code: some lose that of a process which is gone', async () => {
    const run = start(shell, 'end when asked');
    const pid = await run.node();
    await stop(run.child.pid ?? 0);
    process.kill(pid, 'SIGUSR2');
    await until('it has told the code', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'exit 1\n');
    await expect(until('it does not wait for the shell', () => !isRunning(pid), 300)).rejects.toThrow(/in vain/);
    run.child.kill('SIGCONT');
    expect(await run.exit).toBe(1);
    await until('nothing is left', () => !isRunning(pid));
  });

  test('a code that was not told is a failure with advice: nothing is found where nothing was looked at', async () => {
    const run = start(shell, 'fall over');
    expect(await run.exit).toBe(2);
    expect(run.said()).toMatch(/ended with code 1\n {2}next: /);
  });

  test('Ctrl-C, SIGTERM and SIGHUP let it shut down: 130, whether the launcher alone hears of it or both', async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      for (const both of [false, true]) {
        const run = start(shell, 'shut down');
        const pid = await run.node();
        const { pid: group = 0 } = run.child;
        process.kill(both ? -group : group, signal);
        expect(await run.exit).toBe(130);
        await until('nothing is left', () => !isRunning(pid));
      }
  });

  test('a SIGTERM that comes twice before Node has heard of it, as from timeout, is one', async () => {
    for (let n = 0; n < times; n++) {
      const run = start(shell, 'shut down');
      const pid = await run.node();
      const { pid: launcherPid = 0 } = run.child;
      await stop(pid);
      run.child.kill('SIGTERM');
      // From 0 to 0.4 ms later, less than a timer can wait: bash breaks off the trap that it has begun.
      const since = performance.now();
      while (performance.now() - since < (0.4 * n) / times);
      run.child.kill('SIGTERM');
      // Bit 14. Bash leaves SIGCHLD pending, that Node has stopped.
      await until('the launcher has taken it', () =>
        /^ShdPnd:\s+[0-9a-f]{12}[0-389ab]/m.test(readFileSync(`/proc/${launcherPid}/status`, 'utf8')),
      );
      process.kill(pid, 'SIGCONT');
      expect(await run.exit).toBe(130);
      expect(run.said()).not.toContain('rollcall: stopped');
      await until('nothing is left', () => !isRunning(pid));
    }
  });

  test('a second Ctrl-C ends one that does not heed the first', async () => {
    const run = start(shell, 'ignore');
    const pid = await run.node();
    run.child.kill('SIGINT');
    await until('it has heard the first', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'heard\n');
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(130);
    expect(isRunning(pid)).toBe(false);
    expect(run.said()).toMatch(/rollcall: stopped\n {2}next: /);
  });

  test('one Ctrl-C ends one whose main thread hangs in a system call', async () => {
    const run = start(shell, 'hang');
    const pid = await run.node();
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(130);
    expect(isRunning(pid)).toBe(false);
  });

  test('one that is killed is a failure with advice, never 0', async () => {
    const run = start(shell, 'ignore');
    process.kill(await run.node(), 'SIGKILL');
    expect(await run.exit).toBe(2);
    expect(run.said()).toMatch(/killed by SIGKILL\n {2}next: .*OOM/);
  });

  test('one whose launcher is killed shuts down by itself', async () => {
    const run = start(shell, 'shut down');
    const pid = await run.node();
    run.child.kill('SIGKILL');
    await until('it is gone', () => !isRunning(pid));
  });

  test('a megabyte reaches a slow reader of standard output, one of standard error, and files', () => {
    const out = piped(shell, `"$@" 2>/dev/null | ${SLOWLY}; exit "\${PIPESTATUS[0]}"`, 'a megabyte on both');
    whole(out.stdout);
    expect(out.status).toBe(1);
    const error = piped(shell, `{ "$@" 2>&1 >/dev/null; } | ${SLOWLY}; exit "\${PIPESTATUS[0]}"`, 'a megabyte on both');
    whole(error.stdout);
    expect(error.status).toBe(1);
    expect(piped(shell, '"$@" >out 2>err', 'a megabyte on both').status).toBe(1);
    for (const name of ['out', 'err']) whole(readFileSync(join(home, name), 'utf8'));
  });

  test('a reader who stops early changes no exit code', () => {
    const script = '"$@" 2>err | head -c 10 >/dev/null; exit "${PIPESTATUS[0]}"';
    expect(piped(shell, script, 'a megabyte on both').status).toBe(1);
  });

  test('standard input is that of the launcher', () => {
    expect(piped(shell, '"$@"', 'read', 'what was given')).toMatchObject({ status: 0, stdout: 'what was given' });
  });

  test('a standard input that is closed is an empty one', () => {
    expect(piped(shell, '"$@" <&-', 'read')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  test('whoever interrupts does not have to read the rest first', async () => {
    const [program = '', ...words] = shell;
    const child = spawn(program, [...words, launcher, 'a megabyte on both'], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // Nobody reads on, and the pipe is full.
    child.stdout.once('readable', () => {});
    await until('it has begun to write', () => child.stdout.readableLength > 0);
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    child.stdout.destroy();
    child.stderr.destroy();
  });
}
