// The door: arguments in, one command run, one exit code out.
import { type Command, CommanderError } from 'commander';
import { EXIT, worstExit, type ExitCode } from '../domain/exit.ts';
import { drained } from '../services/process/drained.ts';
import { endWithThreads } from '../services/process/end.ts';
import { openLauncher } from '../services/process/launcher.ts';
import { within } from '../services/process/within.ts';
import { inertJson } from '../services/report/wording.ts';
import type { Body, Context, RunOptions } from './command.ts';
import { readConfig, takeLauncher } from './config.ts';
import { failureLines, failureOf, interrupted, type Failure } from './failure.ts';
import { openOutput } from './output.ts';
import { buildProgram } from './program.ts';
import type { Session } from '../services/session.ts';

/** A session that cannot be given up in this time is left to the next command. */
const CLOSE_MAX_MS = 5_000;
/** After an interruption nobody waits longer than this for whoever reads the rest. */
const LAST_WORDS_MS = 2_000;

// What Rollcall writes (state, bundles, exports) tells the names of everybody's files.
process.umask(0o077);

const argv = process.argv.slice(2);
/** Ends the command in order. */
const stop = new AbortController();
const launcherPid = takeLauncher(process.env);
const launcher = launcherPid === null ? null : openLauncher(launcherPid, () => stop.abort());
const write = (line: string): void => void process.stderr.write(`${line}\n`);

// `rollcall … | head` is no failure of Rollcall's, nor is a terminal that was closed (EIO): what nobody reads is
// dropped, the work goes on or is ended in order by the hang-up that came with it.
const STREAMS = [process.stdout, process.stderr];
/** The failed write that was told of already. */
let told: Error | null = null;
const isHarmless = (error: NodeJS.ErrnoException): boolean => error.code === 'EPIPE' || error.code === 'EIO';
for (const stream of STREAMS) {
  stream.on('error', (error) => {
    if (error !== told && !isHarmless(error)) throw error;
  });
}

async function describe(error: unknown): Promise<Failure> {
  const { databaseAdvice } = await import('../services/session.ts');
  return failureOf(error, databaseAdvice);
}

function report(failure: Failure, json: boolean): void {
  for (const line of failureLines(failure)) write(line);
  if (json) print(failure);
}

function print({ message, next, exit }: Pick<Failure, 'message' | 'next' | 'exit'>): void {
  process.stdout.write(`${inertJson(JSON.stringify({ error: { message, next, exit } }, null, 2))}\n`);
}

/** The signals of the command that runs: who interrupts does not want the rest of an answer that nobody reads. */
let interruption: AbortSignal | null = null;

/** An answer leaves whole, however slowly it is read; one that could not be written is never a 0. */
async function finish(exit: ExitCode): Promise<void> {
  const wasInterrupted = interruption?.aborted === true;
  await drained(wasInterrupted ? AbortSignal.timeout(LAST_WORDS_MS) : interruption);
  if (!wasInterrupted && interruption?.aborted === true) return leave(EXIT.interrupted);
  const lost = STREAMS.map(({ errored }) => errored).find((error) => error !== null && !isHarmless(error));
  if (lost === undefined || lost === null) return leave(exit);
  // Its event has told of it, and ends this process.
  if (lost === told) return;
  told = lost;
  await leaveWith(failureOf(lost));
}

/** The body that runs, or ran, has threads. */
let hasThreads = false;

function leave(exit: ExitCode): void {
  launcher?.ends(exit);
  if (hasThreads) void endWithThreads(exit);
  else process.exit(exit);
}

async function leaveWith(failure: Failure): Promise<void> {
  report(failure, false);
  await drained(interruption);
  leave(failure.exit);
}

for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    if (error instanceof Error) told = error;
    void leaveWith(failureOf(error));
  });
}

/** What the first one makes a command say that has to be waited for. Only a terminal has a Ctrl-C. */
const STOPPING = {
  SIGINT: 'rollcall: shutting down cleanly; press Ctrl-C again to stop now',
  SIGTERM: 'rollcall: shutting down cleanly',
  SIGHUP: 'rollcall: shutting down cleanly',
} as const;

/** As in the launcher: timeout sends its signal to the process and to its group. Ctrl-C is pressed by a person. */
const SAME_SIGNAL_MS = 1_000;

/**
 * The first signal aborts. The second ends at once: the launcher sees to that, who hears of each, also where this
 * thread hangs in a system call; without a launcher this process does.
 */
function onSignals(controller: AbortController, says: boolean): void {
  let heardMs = 0;
  for (const [signal, stopping] of Object.entries(STOPPING)) {
    process.on(signal, () => {
      if (controller.signal.aborted) {
        const isSecond = signal === 'SIGINT' || performance.now() - heardMs > SAME_SIGNAL_MS;
        if (launcher === null && isSecond) leave(EXIT.interrupted);
        return;
      }
      heardMs = performance.now();
      launcher?.heard();
      if (says) write(stopping);
      controller.abort();
    });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * A program that was waited for synchronously (initdb) may have been ended by the very Ctrl-C that this process has not
 * heard of yet: it is told of signals once in each round of the event loop.
 */
function signalsHeard(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

async function perform(body: Body, stateDir: string | undefined, options: RunOptions): Promise<ExitCode> {
  const now = Date.now;
  const { signal } = stop;
  interruption = signal;
  // A body with threads ends in order by itself, because the shard in its hands is to be given back, and one that
  // tidies because nobody else would; any other is simply left.
  const waits = options.threads === true || options.service === true || options.tidies === true;
  onSignals(stop, options.threads === true && options.service !== true);
  let session: Promise<Session> | null = null;
  let release = (): void => {};
  try {
    const config = readConfig(process.env, stateDir);
    const output = openOutput({
      stdout: process.stdout,
      stderr: process.stderr,
      color: config.color,
      progress: options.progress !== false && options.quiet !== true && config.moves,
      holds: options.quiet === true,
      now,
    });
    release = output.release;
    const context: Context = {
      config,
      output,
      now,
      signal,
      session() {
        session ??= import('../services/session.ts').then(({ openSession }) =>
          openSession(config, {
            now,
            log: output.note,
            applicationName: `rollcall ${argv[0] ?? ''}`.slice(0, 63),
            // A container ends with the process that it was started with, and so would its server, in the middle of its
            // last writes.
            waits: launcher === null,
          }),
        );
        return session;
      },
    };
    if (options.idle === true) await becomeIdle();
    hasThreads = options.threads === true;
    const work = body(context);
    const exit = await (waits ? work : Promise.race([work, aborted(signal)])).finally(output.done);
    if (exit !== EXIT.nothing || signal.aborted) release();
    if (!signal.aborted || options.service === true) return exit;
    report(interrupted(), options.json === true);
    return worstExit([exit, EXIT.interrupted]);
  } catch (error) {
    release();
    await signalsHeard();
    const failure = signal.aborted ? interrupted() : await describe((await troubleOf(session)) ?? error);
    report(failure, options.json === true);
    return failure.exit;
  } finally {
    const opened: Promise<Session> | null = session;
    if (opened !== null) await within(CLOSE_MAX_MS, closeQuietly(opened));
  }
}

/** A connection that is lost tells less than why the server does not come back. */
async function troubleOf(session: Promise<Session> | null): Promise<Error | null> {
  return session === null
    ? null
    : session.then(
        (opened) => opened.db.trouble(),
        () => null,
      );
}

async function closeQuietly(session: Promise<Session>): Promise<void> {
  // A session that did not open has told why already; one that does not close in order is given up with the process.
  await session.then((opened) => opened.close()).catch(() => {});
}

async function becomeIdle(): Promise<void> {
  const { giveWay } = await import('../services/process/idle.ts');
  const lacks = giveWay();
  if (lacks !== null) write(`rollcall: ${lacks}`);
}

/** As far as the words name one: `rollcall findings accept`. */
function commandMeant(program: Command): string {
  let command = program;
  const names = [program.name()];
  for (const word of argv) {
    const child = command.commands.find((each) => each.name() === word);
    if (child === undefined) continue;
    command = child;
    names.push(word);
  }
  return names.join(' ');
}

async function main(): Promise<ExitCode> {
  let exit: ExitCode = EXIT.nothing;
  const program = buildProgram(async (body, options = {}) => {
    const { stateDir } = program.opts<{ stateDir?: string }>();
    exit = await perform(body, stateDir, options);
  });
  try {
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.nothing;
    const next = `${commandMeant(program)} --help`;
    if (argv.length > 0) write(`  next: ${next}`);
    // commander has told it on standard error already; a program that reads standard output gets its object all the
    // same.
    if (argv.includes('--json')) print({ message: error.message, next, exit: EXIT.failure });
    return EXIT.failure;
  }
}

void main().then(finish);
