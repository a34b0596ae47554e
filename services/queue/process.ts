// The process of a worker, seen from the one that starts it. Threads live in a child of their own: one that sits in a system call on dead
// storage survives process.exit, so the parent ends the child and keeps the exit code that it told.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { QueueAddress } from './backend.ts';

/** What a worker's process is told, as JSON on its standard input: it holds a password. */
export interface WorkerSettings {
  /** Of the catalog; a queue without redisUrl lies beside it. */
  readonly address: NonNullable<QueueAddress['address']>;
  readonly redisUrl?: string;
  readonly host: string;
  readonly slots: number;
  readonly lookEveryMs?: number;
}

/** The last message of a worker's process: what it would have exited with. */
export interface WorkerFarewell {
  readonly exit: number;
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** The exit code: the one that the process told, or 128 + the signal that ended it, as shells say it. */
  readonly ended: Promise<number>;
  /** Asks it to end in order (SIGTERM); a second time: at once. */
  stop(): void;
}

const FAREWELL_MS = 2_000;
const SOURCES = import.meta.url.endsWith('.ts');
const PROGRAM = fileURLToPath(new URL(`../../workers/process.${SOURCES ? 'ts' : 'js'}`, import.meta.url));

/** Standard error is where it speaks: 'inherit' for the operator's terminal. It gets a process group of its own only where asked. */
export function startWorkerProcess(settings: WorkerSettings, stderr: 'inherit' | 'pipe'): WorkerProcess {
  const child = spawn(process.execPath, [...(SOURCES ? ['--import', 'tsx'] : []), PROGRAM], {
    stdio: ['pipe', 'ignore', stderr, 'ipc'],
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
  return { child, ended, stop: () => void child.kill('SIGTERM') };
}
