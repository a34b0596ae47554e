// The process of a worker, seen from the one that starts it. Threads live in a child of their own: one that sits in a system call on dead
// storage survives process.exit, so the parent ends the child and keeps the exit code that it told.
import { spawn, type ChildProcess } from 'node:child_process';
import { startedPart } from '../process/parts.ts';
import type { QueueAddress } from './backend.ts';

/** What a worker's process is told, as JSON on its standard input: it holds a password. */
export interface WorkerSettings {
  /** Of the catalog; a queue without redisUrl lies beside it. */
  readonly address: NonNullable<QueueAddress['address']>;
  readonly redisUrl?: string;
  /** Whose roots are read: the name that the scans of this machine were begun with. */
  readonly host: string;
  /** Shards that are done at once; one thread each. */
  readonly slots: number;
  /** Bytes that are read in a second, over all slots; no limit unless given. */
  readonly bytesPerSecond?: number;
  /** How often the catalog is looked into; WAKE_EVERY_MS unless given. */
  readonly lookEveryMs?: number;
  /** End when nothing is left to do. */
  readonly once?: boolean;
  /** Say what happens on standard output, one JSON object a line, instead of on standard error. */
  readonly json?: boolean;
}

/** The last message of a worker's process: what it would have exited with. */
export interface WorkerFarewell {
  readonly exit: number;
}

/** Asks it to end in order; unlike a signal it may come after the terminal's own. */
export interface WorkerOrder {
  readonly stop: true;
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** The exit code: the one that the process told, or 128 + the signal that ended it, as shells say it. */
  readonly ended: Promise<number>;
  /** Asks it to end in order. Asking twice is the same. */
  stop(): void;
}

const FAREWELL_MS = 2_000;

/** `before`: words that start the process otherwise, such as ionice. inherit: it speaks on the streams of this process; pipe: the caller reads them. */
export function startWorkerProcess(
  settings: WorkerSettings,
  streams: 'inherit' | 'pipe',
  before: readonly string[] = [],
): WorkerProcess {
  const [program = process.execPath, ...words] = before;
  const { file, execArgv } = startedPart('worker');
  const node = [...(program === process.execPath ? [] : [process.execPath]), ...execArgv];
  const child = spawn(program, [...words, ...node, file], {
    stdio: ['pipe', streams, streams, 'ipc'],
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(`${JSON.stringify(settings)}\n`);
  let told: number | null = null;
  let timer: NodeJS.Timeout | undefined;
  child.on('message', (message: Partial<WorkerFarewell>) => {
    if (typeof message.exit !== 'number') return;
    told = message.exit;
    timer = setTimeout(() => child.kill('SIGKILL'), FAREWELL_MS);
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(told ?? code ?? (signal === 'SIGKILL' ? 137 : 143));
    });
  });
  return {
    child,
    ended,
    stop() {
      const order: WorkerOrder = { stop: true };
      if (child.connected) child.send(order, () => undefined);
      else child.kill('SIGTERM');
    },
  };
}
