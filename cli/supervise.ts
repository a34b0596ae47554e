// Commands with worker threads run in a child process. A thread in a blocked system call (a dead NFS server) survives process.exit, so the
// one who holds the threads must be one whom another can kill; the other keeps the exit code that was announced.
import { fork } from 'node:child_process';
import { EXIT, type ExitCode } from '../domain/exit.ts';

/** First argument of a child; no command is called so. */
export const CHILD_MARK = '--supervised-child';

/** After its announcement a child has this long to go by itself. */
const GRACE_MS = 2_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Announcement = { readonly exit: ExitCode };
type Order = { readonly interrupt: true };

const CODES: ReadonlySet<unknown> = new Set(Object.values(EXIT));

function isAnnouncement(message: unknown): message is Announcement {
  return typeof message === 'object' && message !== null && 'exit' in message && CODES.has(message.exit);
}

/**
 * Runs this program again with the same arguments as a child, its terminal and pipes inherited. The first signal asks the child to end in
 * order, the second kills it.
 * @returns the code that the child announced; 130 after an interruption; 2 for a child that died
 */
export function supervise(
  argv: readonly string[],
  { module = process.argv[1] ?? '', note }: { readonly module?: string; readonly note: (line: string) => void },
): Promise<ExitCode> {
  return new Promise((resolve) => {
    const child = fork(module, [CHILD_MARK, ...argv], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    let announced: ExitCode | null = null;
    let signals = 0;
    let grace: NodeJS.Timeout | null = null;

    const onSignal = (): void => {
      signals += 1;
      if (signals === 1 && child.connected) {
        const order: Order = { interrupt: true };
        child.send(order, () => {});
        note('rollcall: ending in order; press Ctrl-C again to end at once');
      } else child.kill('SIGKILL');
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);

    child.on('message', (message) => {
      if (!isAnnouncement(message)) return;
      announced = message.exit;
      grace = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    });
    const settle = (code: number | null, died: NodeJS.Signals | null, why: string | null): void => {
      if (grace !== null) clearTimeout(grace);
      for (const signal of SIGNALS) process.off(signal, onSignal);
      if (announced !== null) return resolve(announced);
      if (signals > 0) return resolve(EXIT.interrupted);
      note(
        `rollcall: the working process ${why ?? (died === null ? `ended with code ${code}` : `was killed by ${died}`)}`,
      );
      note(
        died === 'SIGKILL'
          ? '  next: look for the OOM killer (dmesg), then run the same command again: it continues'
          : '  next: run the same command again: it continues',
      );
      return resolve(EXIT.failure);
    };
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
  process.on('message', abort);
  process.on('disconnect', abort);
  return controller.signal;
}

/** In the child: tells the parent the exit code and ends. Does not return. */
export function announceAndExit(exit: ExitCode): void {
  const end = (): void => {
    // Nobody is left who could kill this process if one of its threads hangs.
    if (!process.connected) process.kill(process.pid, 'SIGKILL');
    process.exit(exit);
  };
  if (process.send === undefined || !process.connected) return end();
  const announcement: Announcement = { exit };
  process.send(announcement, end);
}
