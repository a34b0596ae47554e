// The threads that do shards: one pool per process, each thread with a connection of its own.
import { availableParallelism, freemem } from 'node:os';
import { Piscina } from 'piscina';
import { RollcallError } from '../../domain/exit.ts';
import type { DatabaseAddress } from '../catalog/database.ts';
import type { Place, Shard } from '../catalog/shards.ts';
import { startedPart } from '../process/parts.ts';
import { LinkDigests } from './link-digests.ts';
import { ProgressCounters } from './progress.ts';
import type { ShardAnswer, ShardTask } from './shard-thread.ts';
import { Whereabouts } from './whereabouts.ts';

export interface RunningShard {
  readonly shard: Shard;
  readonly progress: ProgressCounters;
  /** The name at which the thread is in a call to the file system; null where it is in none. */
  readonly place: () => Place | null;
  /** The thread that has taken it up; 0 for none yet. What else is in its hands stands still with it. */
  readonly thread: () => number;
  readonly answer: Promise<ShardAnswer>;
  /** Writes the thread off: a system call on a dead server cannot be ended, only left alone. */
  readonly abandon: () => void;
}

export interface ThreadPool {
  /** Shards that are in hands at once: a thread that waits for the database does another one meanwhile. */
  readonly lanes: number;
  readonly threads: number;
  /** Starts as many threads again as there are, where nobody has said how many there should be. @returns false where there are enough */
  widen(): boolean;
  run(scanId: bigint, shard: Shard): RunningShard;
  close(): Promise<void>;
}

/**
 * A thread takes some 60 MB (2026-11-23, Node 20); beyond this many, a storage that is slow is not read faster. The most that one process of
 * so many threads connects to Postgres, a worker whose every slot answers a request (three each, and some twenty besides), fits into the 120
 * that the embedded server allows.
 */
const THREADS_MAX = 32;
const THREAD_BYTES = 60 * 1024 * 1024;

/** Beyond this many that were not asked for, a storage that is slow is not read much faster. */
const WIDENED_MAX = 16;

/** Shards that one thread has in its hands: while one waits for the database, the files of the other are read. */
const LANES_PER_THREAD = 2;
const CLOSE_MS = 2_000;

/** How many threads a process may have at this moment of those that are wanted: one per core unless told, no more than memory allows, one at least. */
export function threadsAllowed(wanted: number = availableParallelism()): number {
  return Math.max(1, Math.min(wanted, THREADS_MAX, Math.floor(freemem() / 2 / THREAD_BYTES)));
}

/**
 * @param pace of limitReading(): what all threads of the process may read in a second; null for no limit
 * @param address of the catalog; a function where it is known only later, so that the threads start while the database does
 */
export function openThreads(
  address: DatabaseAddress | (() => DatabaseAddress),
  threadsWanted?: number,
  pace: SharedArrayBuffer | null = null,
): ThreadPool {
  const groups = [openGroup(threadsAllowed(threadsWanted))];
  const threads = (): number => groups.reduce((sum, group) => sum + group.threads, 0);
  let read: { readonly scanId: bigint; readonly links: LinkDigests } | null = null;
  return {
    get lanes() {
      return threads() * LANES_PER_THREAD;
    },
    get threads() {
      return threads();
    },
    widen() {
      const more = Math.min(threads(), WIDENED_MAX - threads(), threadsAllowed(THREADS_MAX));
      if (threadsWanted !== undefined || more <= 0) return false;
      groups.push(openGroup(more));
      return true;
    },
    run(scanId, shard) {
      const progress = new ProgressCounters();
      const whereabouts = new Whereabouts();
      if (read?.scanId !== scanId) read = { scanId, links: new LinkDigests() };
      const abort = new AbortController();
      const task: ShardTask = {
        address: typeof address === 'function' ? address() : address,
        scanId,
        shard,
        progress: progress.buffer,
        pace,
        links: read.links.buffer,
        whereabouts: whereabouts.buffer,
      };
      const answer = freest(groups).run(task, abort.signal);
      return {
        shard,
        progress,
        place: () => whereabouts.place(),
        thread: () => whereabouts.thread(),
        answer,
        abandon: () => abort.abort(),
      };
    },
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([Promise.all(groups.map((group) => group.close())), late]);
      clearTimeout(timer);
    },
  };
}

/** Threads that were started together. */
interface Group {
  readonly threads: number;
  /** Shards that are in their hands or wait for them, for each thread. */
  readonly load: () => number;
  run(task: ShardTask, signal: AbortSignal): Promise<ShardAnswer>;
  close(): Promise<void>;
}

function openGroup(threads: number): Group {
  const pool = new Piscina({
    filename: startedPart('thread'),
    name: 'runShard',
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: LANES_PER_THREAD,
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  // An error that no shard was waiting for: a thread could not start, or broke while it was idle. What waits then waits for nothing.
  const broken = new Promise<never>((_, reject) => {
    pool.on('error', (cause) => {
      reject(
        new RollcallError(`the threads that read files cannot run: ${String(cause)}`, {
          next: 'rollcall doctor says what is missing; with little memory, use fewer threads',
          cause,
        }),
      );
    });
  });
  broken.catch(() => undefined);
  let running = 0;
  return {
    threads,
    load: () => running / threads,
    async run(task, signal) {
      running++;
      try {
        return await Promise.race([pool.run(task, { signal }) as Promise<ShardAnswer>, broken]);
      } finally {
        running--;
      }
    },
    close: () => pool.destroy(),
  };
}

function freest(groups: readonly Group[]): Group {
  return groups.reduce((best, group) => (group.load() < best.load() ? group : best));
}
