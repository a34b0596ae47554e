// Commands with worker threads run in a child process. A thread in a blocked system call (a dead NFS server) survives process.exit, so the
// one who holds the threads must be one whom another can kill; the other keeps the exit code that was announced.
import { fork } from 'node:child_process';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { drained } from './drained.ts';
import { idleStart } from './idle.ts';

/** First argument of a child; no command is called so. */
export const CHILD_MARK = '--supervised-child';

/** After its announcement a child has this long to go by itself. */
const GRACE_MS = 2_000;
/** A child that works says at once that it has heard the first signal; one whose main thread hangs in a system call never does. */
const HEARS_MS = 5_000;
/** A killed process whose thread waits for dead storage in the kernel stays until that answers. Nobody waits with it. */
const DIES_MS = 1_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the first one makes the parent say. Only a terminal has a Ctrl-C. */
const STOPPING: Readonly<Record<(typeof SIGNALS)[number], string>> = {
  SIGINT: 'rollcall: shutting down cleanly; press Ctrl-C again to stop now',
  SIGTERM: 'rollcall: shutting down cleanly',
  SIGHUP: 'rollcall: shutting down cleanly',
};

type Announcement = { readonly exit: ExitCode };
type Order = { readonly interrupt: true };
type Heard = { readonly heard: true };

const CODES: ReadonlySet<unknown> = new Set(Object.values(EXIT));

function isHeard(message: unknown): message is Heard {
  return typeof message === 'object' && message !== null && 'heard' in message;
}

function isAnnouncement(message: unknown): message is Announcement {
  return typeof message === 'object' && message !== null && 'exit' in message && CODES.has(message.exit);
}

/**
 * Runs this program again with the same arguments as a child, its terminal and pipes inherited. The first signal asks the child to end in
 * order; the second kills it, and so does silence after the first.
 * @returns the code that the child announced; 130 after an interruption; 2 for a child that died
 */
export function supervise(
  argv: readonly string[],
  {
    module = process.argv[1] ?? '',
    note,
    idle = false,
    onDied = () => Promise.resolve(),
    hearsMs = HEARS_MS,
  }: {
    readonly module?: string;
    readonly note: (line: string) => void;
    /** Everybody else comes first. */
    readonly idle?: boolean;
    /** Tidies up after a child that ended without a word; awaited, its failure does not matter. */
    readonly onDied?: () => Promise<void>;
    readonly hearsMs?: number;
  },
): Promise<ExitCode> {
  return new Promise((resolve) => {
    const { words, lacks } = idle ? idleStart() : { words: [], lacks: null };
    if (lacks !== null) note(`rollcall: ${lacks}`);
    const [execPath = process.execPath, ...before] = words;
    const execArgv = words.length === 0 ? process.execArgv : [...before, process.execPath, ...process.execArgv];
    const stdio = ['inherit', 'inherit', 'inherit', 'ipc'] as const;
    const child = fork(module, [CHILD_MARK, ...argv], { stdio: [...stdio], execPath, execArgv });
    let announced: ExitCode | null = null;
    let signals = 0;
    let settled = false;
    const timers: NodeJS.Timeout[] = [];
    const after = (ms: number, act: () => void): void => void timers.push(setTimeout(act, ms));

    const settle = (code: number | null, died: NodeJS.Signals | null, why: string | null): void => {
      if (settled) return;
      settled = true;
      for (const timer of timers) clearTimeout(timer);
      if (announced !== null) return resolve(announced);
      const leave = (code: ExitCode): void =>
        void onDied()
          .catch(() => {})
          .then(() => resolve(code));
      if (signals > 0) {
        note('rollcall: stopped\n  next: run the same command again: it continues');
        return leave(EXIT.interrupted);
      }
      note(
        `rollcall: the working process ${why ?? (died === null ? `ended with code ${code}` : `was killed by ${died}`)}`,
      );
      note(
        died === 'SIGKILL'
          ? '  next: look for the OOM killer (dmesg), then run the same command again: it continues'
          : '  next: run the same command again: it continues',
      );
      return leave(EXIT.failure);
    };
    const kill = (): void => {
      child.kill('SIGKILL');
      after(DIES_MS, () => {
        note(
          `rollcall: process ${child.pid} hangs in the kernel and stays until its storage answers; look at dmesg and findmnt`,
        );
        settle(null, 'SIGKILL', null);
      });
    };
    const onSignal = (signal: (typeof SIGNALS)[number]): void => {
      // While it is tidied up after a child that died: a guard does that, too.
      if (settled) return resolve(EXIT.interrupted);
      signals += 1;
      if (signals > 1 || !child.connected) return kill();
      const order: Order = { interrupt: true };
      child.send(order, () => {});
      note(STOPPING[signal]);
      after(hearsMs, kill);
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);

    child.on('message', (message) => {
      if (isHeard(message)) for (const timer of timers.splice(0)) clearTimeout(timer);
      if (!isAnnouncement(message)) return;
      announced = message.exit;
      after(GRACE_MS, kill);
    });
    child.on('error', (error) => {
      if (child.pid === undefined) settle(null, null, `could not be started: ${error.message}`);
    });
    child.on('exit', (code, died) => settle(code, died, null));
  });
}

/** In the child: an AbortSignal for the first signal, from the parent or straight from the terminal. A parent that is gone counts as one. */
export function superviseSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const signal of SIGNALS) process.on(signal, abort);
  process.on('message', () => {
    abort();
    const heard: Heard = { heard: true };
    process.send?.(heard, () => {});
  });
  process.on('disconnect', abort);
  // It may have gone while this process was loading, when nobody listened.
  if (!process.connected) abort();
  return controller.signal;
}

/**
 * In the child: waits until what it said was read (giveUp ends the wait), tells the parent the exit code, and ends. The parent's patience
 * begins with that message, so a slow reader loses nothing.
 */
export async function announceAndExit(exit: ExitCode, giveUp: AbortSignal | null = null): Promise<void> {
  await drained(giveUp);
  const end = (): void => {
    // Nobody is left who could kill this process if one of its threads hangs.
    if (!process.connected) process.kill(process.pid, 'SIGKILL');
    process.exit(exit);
  };
  if (process.send === undefined || !process.connected) return end();
  const announcement: Announcement = { exit };
  process.send(announcement, end);
}
