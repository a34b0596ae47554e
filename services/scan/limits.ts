// The bounds of a scan, in one place. Figures without a date are chosen, not measured.
import { LEASE_MS } from '../catalog/shards.ts';

/**
 * Entries that a list shard looks at before the rest becomes shards of its own: small at first, so that every thread
 * soon has work.
 */
export const SHARD_ENTRIES_BY_GENERATION: readonly number[] = [64, 4_096, 32_768];
/** Bytes that a list shard reads before the rest becomes shards of its own. */
export const SHARD_BYTES_READ = 512 * 1024 * 1024;
/** Rows that a shard buffers (about 8 MB) before it splits. */
export const SHARD_ROWS = 40_000;
/** Entries of directories that are held against the catalog in one round trip. */
export const BATCH_ENTRIES = 4_096;
/** Directories that are open at once in one batch. */
export const BATCH_DIRECTORIES = 128;
/** Fewer where the process may not open so many files, but no fewer than these. */
export const BATCH_DIRECTORIES_MIN = 8;
/**
 * Beyond this many, a storage that is slow is not read faster. The
 * most that one process of so many threads connects to Postgres, a worker whose every slot answers a request (three
 * each, and some twenty besides), fits into the 120 that the embedded server allows.
 */
export const THREADS_MAX = 32;
/** Shards that one thread has in its hands: while one waits for the database, the files of the other are read. */
export const LANES_PER_THREAD = 2;
/** Shards that the threads of a process have in their hands at once, at most. */
export const LANES_MAX = THREADS_MAX * LANES_PER_THREAD;
/** What a process has open beside the directories that it lists: connections, threads, one file each. */
export const OTHER_FILES_MAX = 400;
/** A listing longer than this is streamed in chunks, in bounded memory. */
export const HUGE_ENTRIES = 50_000;
export const HUGE_CHUNK = 50_000;
/** A directory that moves is listed again in memory, huge or not, up to here: some 200 MB. */
export const RELIST_ENTRIES = 400_000;
/** Shards that what is left of a shard is divided into. */
export const CHILD_SHARDS = 4;
/** Files from this size on are read by shards of their own. */
export const LARGE_FILE_BYTES = 16 * 1024 * 1024;
/** Bytes of one read shard; a larger file is a shard by itself. */
export const READ_SHARD_BYTES = 1024 * 1024 * 1024;
/** Reading a file that moves is tried this often; large ones once. */
export const READ_ATTEMPTS = 3;
export const READ_ATTEMPTS_LARGE = 1;
export const READ_ONCE_FROM_BYTES = 1024 * 1024 * 1024;
/** Directories are listed again at most this often while the tree moves. */
export const RELIST_ROUNDS = 3;
/** What moved this close before a scan began may have moved within the same tick of a coarse clock as its listing. */
export const RACY_MS = 2_000n;
/** A tick of a file system's clock: a jiffy with room; and of file systems that keep whole seconds. */
export const TICK_MS = 25;
export const COARSE_TICK_MS = 2_000;
/** A shard that was tried more often is split into single directories; a single one becomes a gap `failed`. */
export const SHARD_ATTEMPTS = 3;
/** A live scan is continued within this time of its last progress. */
export const RESUME_WITHIN_MS = 12 * 60 * 60 * 1000;
/** A scan without open shards is being ended by somebody for as long as this after its last progress. */
export const ENDS_WITHIN_MS = 60_000;
export interface Leases {
  /** A lease that was not renewed for this long is over. */
  readonly leaseMs: number;
  /** Leases are renewed this often, and only while the thread's counter moves. */
  readonly renewEveryMs: number;
  /** A thread whose counter stands still for this long is written off. */
  readonly stallMs: number;
}
export const LEASES: Leases = { leaseMs: LEASE_MS, renewEveryMs: 15_000, stallMs: 5 * 60 * 1000 };
/**
 * Time in which the process that looks at its threads did not run itself (stopped, suspended, a clock that jumped)
 * counts no more than this.
 */
export const UNWATCHED_MS = 1_000;
/** When all threads hang at once, and at least so many, the storage does not answer. */
export const HANGS_MIN = 2;
/** Threads that one run leaves hanging: each keeps its memory. */
export const WRITTEN_OFF_MAX = 12;
/** A database that is restarted is waited for: this often, this long each time. */
export const RECONNECT_TRIES = 150;
export const RECONNECT_PAUSE_MS = 200;
