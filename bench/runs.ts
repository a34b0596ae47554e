// One program run and timed, and several in turns: Rollcall, its peers, Rollcall again. What fails is said instead of a
// time.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Ground } from './ground.ts';
import { treeBytes } from './memory.ts';

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Exit codes that are an answer; any other is trouble. */
  readonly exits: readonly number[];
  /** Further processes whose memory counts, which are no descendants of this one: an embedded server. */
  readonly alsoRuns?: () => readonly number[];
}

/** One of those that take turns. */
export interface Subject {
  readonly name: string;
  /** Why it cannot be run at all. */
  readonly missing?: string;
  /** What comes before and after each run; untimed. */
  readonly before?: () => Promise<void>;
  readonly command: () => Command;
  readonly after?: () => Promise<void>;
  /** What is wrong with its standard output, which is dropped unless somebody asks for it. */
  readonly check?: (output: string) => string | null;
  /** Where the program times itself better than a clock from outside: the seconds, from its standard output. */
  readonly timed?: (output: string) => number;
}

export interface Row {
  readonly name: string;
  /** Of each run; empty where there is trouble. */
  readonly seconds: readonly number[];
  /** The most that all its processes held together, in a run of its own that is not timed. */
  readonly peakBytes: number | null;
  readonly trouble: string | null;
}

export interface Measurement {
  readonly what: string;
  /** Rollcall first. */
  readonly rows: readonly Row[];
}

const SAMPLE_MS = 20;
const STOP_MAX_MS = 30_000;
const SAYS_MAX = 300;

/**
 * Runs all of them once to warm up, with their memory sampled, and then in turns, so that what else the machine does
 * hits all alike.
 */
export async function alternate(
  ground: Ground,
  what: string,
  subjects: readonly Subject[],
  rounds: number = ground.rounds,
): Promise<Measurement> {
  const states = subjects.map((subject) => ({
    subject,
    seconds: [] as number[],
    peakBytes: null as number | null,
    trouble: subject.missing ?? null,
  }));
  for (let round = 0; round <= rounds; round++) {
    // With little time left one round has to do.
    if (round > 1 && ground.isLate()) break;
    for (const state of states) {
      if (state.trouble !== null) continue;
      const ran = await runSubject(ground, state.subject, round === 0);
      state.trouble = ran.trouble;
      if (round === 0) state.peakBytes = ran.peakBytes;
      else state.seconds.push(ran.seconds);
    }
    ground.say(`  ${what}, ${round === 0 ? 'warmed up' : `round ${round} of ${rounds}`}`);
  }
  const rows = states.map(({ subject, seconds, peakBytes, trouble }) =>
    trouble === null
      ? { name: subject.name, seconds, peakBytes, trouble }
      : { name: subject.name, seconds: [], peakBytes: null, trouble },
  );
  for (const row of rows) if (row.trouble !== null) ground.say(`  ${row.name}: ${row.trouble}`);
  return { what, rows };
}

async function runSubject(ground: Ground, subject: Subject, sampled: boolean): Promise<Ran> {
  await subject.before?.();
  const drops = subject.check === undefined && subject.timed === undefined;
  const outputFile = drops ? null : join(ground.dir, 'output');
  const ran = await run(ground, subject.command(), { sampled, outputFile });
  await subject.after?.();
  if (ran.trouble !== null || outputFile === null) return ran;
  const output = readFileSync(outputFile, 'utf8');
  return {
    ...ran,
    seconds: subject.timed?.(output) ?? ran.seconds,
    trouble: subject.check?.(output) ?? null,
  };
}

interface Ran {
  readonly seconds: number;
  readonly peakBytes: number | null;
  readonly trouble: string | null;
}

/**
 * Runs a program in a session of its own, so that a Ctrl-C reaches it once, and from here. Rejects when the benchmark
 * is stopped.
 */
export async function run(
  ground: Ground,
  command: Command,
  { sampled = false, outputFile = null }: { readonly sampled?: boolean; readonly outputFile?: string | null } = {},
): Promise<Ran> {
  ground.signal.throwIfAborted();
  const errorsFile = join(ground.dir, 'errors');
  const errors = openSync(errorsFile, 'w');
  const output = openSync(outputFile ?? '/dev/null', 'w');
  try {
    const [program, ...args] = command.argv;
    const begun = performance.now();
    const child = spawn(program, args, {
      cwd: command.cwd ?? ground.dir,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...command.environment },
      stdio: ['ignore', output, errors],
      detached: true,
    });
    const ended = new Promise<{ code: number | null; why: string }>((resolve) => {
      child.once('error', (error) => resolve({ code: null, why: error.message }));
      child.once('exit', (code, signal) => resolve({ code, why: signal ?? `exit code ${code}` }));
    }).then((end) => ({ ...end, seconds: (performance.now() - begun) / 1000 }));
    const stop = stopsWith(ground.signal, child.pid);
    const watch = sampled && child.pid !== undefined ? sample(child.pid, command.alsoRuns ?? (() => [])) : null;
    const { code, why, seconds } = await ended;
    const peakBytes = watch?.end() ?? null;
    stop.dismiss();
    ground.signal.throwIfAborted();
    const isAnswer = code !== null && command.exits.includes(code);
    return { seconds, peakBytes, trouble: isAnswer ? null : `${why}: ${lastWords(errorsFile)}` };
  } finally {
    closeSync(errors);
    closeSync(output);
  }
}

/**
 * Passes an interruption on to the group that was started here, and ends that by force if it does not end by itself.
 */
function stopsWith(signal: AbortSignal, pid: number | undefined): { dismiss(): void } {
  if (pid === undefined) return { dismiss: () => {} };
  let timer: NodeJS.Timeout | undefined;
  const send = (name: NodeJS.Signals): void => {
    try {
      process.kill(-pid, name);
    } catch {
      // It has just ended.
    }
  };
  const stop = (): void => {
    send('SIGINT');
    timer = setTimeout(() => send('SIGKILL'), STOP_MAX_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  return {
    dismiss() {
      signal.removeEventListener('abort', stop);
      clearTimeout(timer);
    },
  };
}

function sample(pid: number, alsoRuns: () => readonly number[]): { end(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, treeBytes([pid, ...alsoRuns()]));
  }, SAMPLE_MS);
  return {
    end() {
      clearInterval(timer);
      return peak;
    },
  };
}

function lastWords(file: string): string {
  const text = readFileSync(file, 'utf8').trim().replaceAll(/\s+/g, ' ');
  if (text === '') return 'it says nothing';
  return text.length > SAYS_MAX ? `… ${text.slice(-SAYS_MAX)}` : text;
}
