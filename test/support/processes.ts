// Processes that tests start beside themselves: workers that are heard while they work, and commands that are waited
// for. Not spawnSync: what others say is read meanwhile.
import { type ChildProcess, spawn } from 'node:child_process';
import type { WorkerSettings } from '../queue/worker-child.ts';
import type { ServeSettings } from '../watch/serve-child.ts';
import { program } from './programs.ts';

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** Its exit code, or 137 where it was killed. */
  readonly ended: Promise<number>;
  /** What it has said so far. */
  readonly said: () => string;
  readonly hasEnded: () => boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @param input what it reads from standard input; null for nothing */
export function startProcess(
  [first = '', ...rest]: readonly string[],
  { input = null, env = process.env }: { readonly input?: string | null; readonly env?: Environment } = {},
): WorkerProcess {
  const child = spawn(first, rest, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.end(input ?? '');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  let hasEnded = false;
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => {
      hasEnded = true;
      resolve(code ?? 137);
    });
  });
  return { child, ended, said: () => said, hasEnded: () => hasEnded };
}

/**
 * A worker of one slot of the host `here` unless told, which looks into the catalog often.
 * @param enter what runs it, such as a command that enters a namespace first
 */
export function startWorkerProcess(
  settings: Partial<WorkerSettings> & Pick<WorkerSettings, 'address'>,
  enter: readonly string[] = [],
): WorkerProcess {
  const whole: WorkerSettings = {
    redisUrl: null,
    host: 'here',
    slots: 1,
    bytesPerSecond: null,
    lookEveryMs: 200,
    once: false,
    ...settings,
  };
  return startProcess([...enter, process.execPath, program('queue/worker-child')], { input: JSON.stringify(whole) });
}

/** The same of a serve, which looks at what is due often; without a clock of its own. */
export function startServeProcess(
  settings: Partial<ServeSettings> & Pick<ServeSettings, 'address'>,
  enter: readonly string[] = [],
): WorkerProcess {
  const whole: ServeSettings = {
    redisUrl: null,
    host: 'here',
    slots: 1,
    bytesPerSecond: null,
    lookEveryMs: 200,
    tickEveryMs: 100,
    stateDir: null,
    program: 'rollcall',
    clockFile: null,
    ...settings,
  };
  return startProcess([...enter, process.execPath, program('watch/serve-child')], { input: JSON.stringify(whole) });
}

export async function stopWorkers(workers: readonly WorkerProcess[]): Promise<void> {
  for (const { child } of workers) child.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
}

/** Runs a command to its end. */
export async function runs(
  [first = '', ...rest]: readonly string[],
  { env = process.env, cwd }: { readonly env?: Environment; readonly cwd?: string } = {},
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(first, rest, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, stdout, stderr };
}
