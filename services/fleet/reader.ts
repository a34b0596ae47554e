// The thread of a slot that answers what is asked of the disk of this host. A call that hangs costs the thread, and
// with it the slot, and nothing else of the worker.
import { Worker } from 'node:worker_threads';
import { setTimeout as pause } from 'node:timers/promises';
import { RollcallError, type ExitCode } from '../../domain/exit.ts';
import { answersCall, type CallHost, type CallWord } from '../process/blocking-call.ts';
import { startedPart } from '../process/parts.ts';
import { LEASES } from '../scan/limits.ts';
import { ProgressCounters } from '../scan/progress.ts';

/** What the thread is told: plain data. Questions and answers are texts (services/judge/asks.ts). */
export interface ReaderOrder {
  readonly questions: readonly string[];
  /** Of this host: a question to another is refused. */
  readonly host: string;
  readonly accepted: { readonly notGluster: boolean; readonly bricksRescued: boolean };
  /** Of ProgressCounters: moves with each piece that is read. */
  readonly progress: SharedArrayBuffer;
  /** Of all threads of the process together (services/process/pace.ts); null for no limit. */
  readonly pace: SharedArrayBuffer | null;
}

export type ReaderWord =
  /** It has loaded. */
  | { readonly ready: true }
  | { readonly answers: readonly string[] }
  | { readonly failed: { readonly message: string; readonly next: string | null; readonly exit: ExitCode | null } };

export interface ReaderOptions {
  readonly host: string;
  readonly pace: SharedArrayBuffer | null;
  /** For what it needs of other hosts itself: a volume may lie on several. */
  readonly callHost: CallHost | null;
  /** Without a sign of life for so long it hangs; LEASES.stallMs unless given. */
  readonly stallMs?: number;
  /** It stands in a system call that does not come back. */
  readonly onHang: () => void;
}

type Answer = Exclude<ReaderWord, { readonly ready: true }>;

interface Thread {
  readonly worker: Worker;
  /** It has loaded, or is gone. */
  readonly loaded: Promise<void>;
}

const LOOK_MS = 100;

export class Reader {
  readonly #options: ReaderOptions;
  #thread: Thread | null = null;
  #waiting: { readonly resolve: (word: Answer) => void; readonly reject: (error: Error) => void } | null = null;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /**
   * One answer to each question, in order. One call at a time.
   * @throws RollcallError where the roots may not be looked at (4), or where the storage does not answer (2)
   */
  async answer(
    questions: readonly string[],
    { accepted, signal }: { readonly accepted: ReaderOrder['accepted']; readonly signal: AbortSignal },
  ): Promise<readonly string[]> {
    const { host, pace } = this.#options;
    const progress = new ProgressCounters();
    const thread = (this.#thread ??= this.#start());
    const ended = new AbortController();
    const word = new Promise<Answer>((resolve, reject) => (this.#waiting = { resolve, reject }));
    thread.worker.postMessage({ questions, host, accepted, progress: progress.buffer, pace } satisfies ReaderOrder);
    try {
      const said = await Promise.race([word, this.#watch(progress, AbortSignal.any([signal, ended.signal]))]);
      if ('answers' in said) return said.answers;
      const { message, next, exit } = said.failed;
      if (exit === null) throw new Error(message);
      throw new RollcallError(message, { exit, ...(next === null ? {} : { next }) });
    } catch (error) {
      this.#thread = null;
      // It may sit in a system call that never returns, and then never ends.
      void end(thread);
      throw error;
    } finally {
      this.#waiting = null;
      ended.abort();
    }
  }

  #start(): Thread {
    const worker = new Worker(startedPart('reader'));
    const loaded = new Promise<void>((resolve) => {
      worker.on('message', (word: ReaderWord | CallWord) => {
        if (answersCall(word, this.#options.callHost) || 'call' in word) return;
        if ('ready' in word) resolve();
        else this.#waiting?.resolve(word);
      });
      worker.once('exit', () => resolve());
    });
    worker.on('error', (error: Error) => this.#waiting?.reject(error));
    worker.on('exit', (code) => this.#waiting?.reject(new Error(`the thread that reads has ended with ${code}`)));
    return { worker, loaded };
  }

  /** Rejects when the thread stands still, or the signal fires. */
  async #watch(progress: ProgressCounters, signal: AbortSignal): Promise<never> {
    const { stallMs = LEASES.stallMs, onHang } = this.#options;
    let moved = progress.ticks();
    let stoodMs = 0;
    for (;;) {
      await pause(LOOK_MS, undefined, { signal });
      const now = progress.ticks();
      stoodMs = now === moved ? stoodMs + LOOK_MS : 0;
      moved = now;
      if (stoodMs < stallMs) continue;
      onHang();
      throw new RollcallError('A thread hangs in a system call: the storage does not answer.', {
        next: 'Look at the kernel log and the mounts (dmesg, findmnt).',
      });
    }
  }

  async close(): Promise<void> {
    if (this.#thread !== null) await end(this.#thread);
  }
}

/** Not while it loads: see Threads.close(). */
async function end({ worker, loaded }: Thread): Promise<void> {
  await loaded;
  await worker.terminate();
}
