// Threads that do shards, started when there is work for them: a tree of a few files needs one, and each costs a
// fifteenth of a second.
import { Worker } from 'node:worker_threads';
import { RollcallError } from '../../domain/exit.ts';
import { answersCall, type CallHost } from '../process/blocking-call.ts';
import { startedPart } from '../process/parts.ts';
import { LANES_PER_THREAD } from './limits.ts';
import type { ShardAnswer, ShardTask, ThreadOrder, ThreadWord } from './task.ts';

interface Waiting {
  readonly task: ShardTask;
  readonly resolve: (answer: ShardAnswer) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  /** It has loaded, and takes shards. */
  isReady: boolean;
  /** What it has in hands, by the number of the order. */
  readonly inHands: Map<number, Waiting>;
}

/**
 * What a thread makes is columns and buffers, which are not of the young generation: what V8 would let it grow to is
 * memory for nothing (a million files: 481 MB of all processes without this, 413 MB with it, 2026-11-30). Half of it
 * saves 17 MB more, and a first scan of 100,000 files takes 6 % longer.
 */
const YOUNG_MB = 16;

export class Threads {
  max: number;
  readonly #threads = new Set<Thread>();
  readonly #waiting = new Set<Waiting>();
  #orders = 0;
  /** A thread could not start, or broke while it was idle: what waits then waits for nothing. */
  #broken: RollcallError | null = null;
  readonly #callHost: CallHost | null;

  /**
   * @param max how many there may be; one is started at once
   * @param callHost for what they ask of other hosts; null where nobody can be asked
   */
  constructor(max: number, callHost: CallHost | null) {
    this.max = max;
    this.#callHost = callHost;
    this.#start();
  }

  isBroken(): boolean {
    return this.#broken !== null;
  }

  /** @param signal writes the thread that has the shard off */
  run(task: ShardTask, signal: AbortSignal): Promise<ShardAnswer> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { task, resolve, reject };
      if (this.#broken !== null) return reject(this.#broken);
      signal.addEventListener('abort', () => this.#abandon(waiting), { once: true });
      this.#waiting.add(waiting);
      this.#handOut();
    });
  }

  /**
   * Threads that have nothing in hands end by themselves, also one that is still loading; the others are ended. koffi
   * (3.3.4) ends the whole process where a thread is ended while it loads: one of a hundred.
   */
  async close(): Promise<void> {
    const threads = [...this.#threads];
    this.#threads.clear();
    await Promise.all(
      threads.map(({ worker, inHands }) => {
        if (inHands.size > 0) return worker.terminate();
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage({ end: true } satisfies ThreadOrder);
        return ended;
      }),
    );
  }

  #start(): void {
    const worker = new Worker(startedPart('thread'), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } });
    const thread: Thread = { worker, isReady: false, inHands: new Map() };
    this.#threads.add(thread);
    worker.on('message', (word: ThreadWord) => {
      if (answersCall(word, this.#callHost) || 'call' in word) return;
      if ('ready' in word) thread.isReady = true;
      else {
        thread.inHands.get(word.order)?.resolve(word.answer);
        thread.inHands.delete(word.order);
      }
      this.#handOut();
    });
    worker.on('error', (error: Error) => this.#lost(thread, error));
    worker.on('exit', (code) => this.#lost(thread, new Error(`a thread has ended with ${code}`)));
  }

  /** To those who have least in hands; one more is started where none is idle. */
  #handOut(): void {
    for (const waiting of this.#waiting) {
      const ready = [...this.#threads].filter(({ isReady, inHands }) => isReady && inHands.size < LANES_PER_THREAD);
      const thread = ready.sort((a, b) => a.inHands.size - b.inHands.size)[0];
      const isIdle = thread?.inHands.size === 0;
      const isStarting = (): boolean => [...this.#threads].some(({ isReady }) => !isReady);
      if (!isIdle && !isStarting() && this.#threads.size < this.max) this.#start();
      if (thread === undefined) return;
      // Large files keep a thread busy for long: the one that is starting begins sooner than the other would end.
      if (!isIdle && waiting.task.shard.kind === 'read' && isStarting()) continue;
      this.#waiting.delete(waiting);
      const order = ++this.#orders;
      thread.inHands.set(order, waiting);
      thread.worker.postMessage({ order, task: waiting.task } satisfies ThreadOrder);
    }
  }

  #abandon(waiting: Waiting): void {
    const given = new Error('the shard was abandoned');
    if (this.#waiting.delete(waiting)) return waiting.reject(given);
    for (const thread of this.#threads)
      if ([...thread.inHands.values()].includes(waiting)) {
        this.#lost(thread, given);
        // It may sit in a system call that never returns, and then never ends.
        void thread.worker.terminate();
      }
  }

  #lost(thread: Thread, error: Error): void {
    if (!this.#threads.delete(thread)) return;
    for (const { reject } of thread.inHands.values()) reject(error);
    if (thread.inHands.size === 0) {
      this.#broken = new RollcallError(`the threads that read files cannot run: ${String(error)}`, {
        next: 'rollcall doctor says what is missing; with little memory, use fewer threads',
        cause: error,
      });
      for (const { reject } of this.#waiting) reject(this.#broken);
      this.#waiting.clear();
    }
    thread.inHands.clear();
    this.#handOut();
  }
}
