// The threads that do shards: one pool per process, each thread with a connection of its own.
import { availableParallelism, freemem } from 'node:os';
import type { DatabaseAddress } from '../catalog/database.ts';
import type { Place, Shard } from '../catalog/shards.ts';
import { LinkDigests } from './link-digests.ts';
import { ProgressCounters } from './progress.ts';
import type { ShardAnswer, ShardTask } from './task.ts';
import { LANES_PER_THREAD, THREADS_MAX } from './limits.ts';
import type { CallHost } from '../process/blocking-call.ts';
import { within } from '../process/within.ts';
import { Threads } from './threads.ts';
import { Whereabouts } from './whereabouts.ts';

export interface RunningShard {
  readonly shard: Shard;
  readonly progress: ProgressCounters;
  /** The name at which the thread is in a call to the file system; null where it is in none. */
  readonly place: () => Place | null;
  /** The thread that has taken it up; 0 for none yet. What else is in its hands stands still with it. */
  readonly thread: () => number;
  readonly answer: Promise<ShardAnswer>;
  /**
   * Writes the thread off, and another is started for the next shard. hangs: it stands in a system call, which cannot
   * be ended, only left alone. given up: nobody needs the shard from here any more (a lost connection, a storage that
   * was unmounted).
   */
  readonly abandon: (why: 'hangs' | 'given up') => void;
}

export interface ThreadPool {
  /** Shards that are in hands at once: a thread that waits for the database does another one meanwhile. */
  readonly lanes: number;
  readonly threads: number;
  /**
   * Allows as many threads again as there may be, where nobody has said how many.
   * @returns false where there are enough
   */
  widen(): boolean;
  /** What its threads need of other hosts is asked so; null where nobody can be asked. */
  readonly callHost?: CallHost | null;
  /** Its threads cannot run any more: another pool may. */
  isBroken(): boolean;
  run(scanId: bigint, shard: Shard): RunningShard;
  close(): Promise<void>;
}

/** What a thread takes (2026-11-23, Node 20). */
const THREAD_BYTES = 60 * 1024 * 1024;

/** Beyond this many that were not asked for, a storage that is slow is not read much faster. */
const WIDENED_MAX = 16;

const CLOSE_MS = 2_000;

/**
 * How many threads a process may have at this moment of those that are wanted: one per core unless told, no more than
 * memory allows, one at least.
 */
export function threadsAllowed(wanted: number = availableParallelism()): number {
  return Math.max(1, Math.min(wanted, THREADS_MAX, Math.floor(freemem() / 2 / THREAD_BYTES)));
}

export interface Pacing {
  /** This host, by the name that roots have it under. */
  readonly host?: string;
  /** For what threads need of other hosts; null where nobody can be asked. */
  readonly callHost?: CallHost | null;
  /** Of limitReading(): what all threads of the process may read in a second; null for no limit. */
  readonly pace?: SharedArrayBuffer | null;
  /** Of newHostBudget(): how many workers share what the host may read for the scrub; null where nobody has to. */
  readonly budget?: SharedArrayBuffer | null;
  /** For tests without root (services/files/brick-attributes.ts). */
  readonly attributePrefix?: string;
}

/**
 * @param address of the catalog; a function where it is known only later, so that the threads start while the database
 *   does
 */
export function openThreads(
  address: DatabaseAddress | (() => DatabaseAddress),
  threadsWanted?: number,
  { pace = null, budget = null, attributePrefix = '', host = '', callHost = null }: Pacing = {},
): ThreadPool {
  const threads = new Threads(threadsAllowed(threadsWanted), callHost);
  let read: { readonly scanId: bigint; readonly links: LinkDigests } | null = null;
  return {
    get lanes() {
      return threads.max * LANES_PER_THREAD;
    },
    get threads() {
      return threads.max;
    },
    widen() {
      const more = Math.min(threads.max, WIDENED_MAX - threads.max, threadsAllowed(THREADS_MAX));
      if (threadsWanted !== undefined || more <= 0) return false;
      threads.max += more;
      return true;
    },
    callHost,
    isBroken: () => threads.isBroken(),
    run(scanId, shard) {
      const progress = new ProgressCounters();
      const whereabouts = new Whereabouts();
      if (read?.scanId !== scanId) read = { scanId, links: new LinkDigests() };
      const abort = new AbortController();
      const task: ShardTask = {
        address: typeof address === 'function' ? address() : address,
        host,
        scanId,
        shard,
        progress: progress.buffer,
        pace,
        budget,
        links: read.links.buffer,
        whereabouts: whereabouts.buffer,
        attributePrefix,
      };
      const answer = threads.run(task, abort.signal);
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
      await within(CLOSE_MS, threads.close());
    },
  };
}
