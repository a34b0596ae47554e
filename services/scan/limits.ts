// The bounds of a scan, in one place. Figures without a date are chosen, not measured.

/** Entries that a list shard looks at before the rest becomes shards of its own: small at first, so that every thread soon has work. */
export const SHARD_ENTRIES_BY_GENERATION: readonly number[] = [64, 1_024, 16_384];
/** Bytes that a list shard reads before the rest becomes shards of its own. */
export const SHARD_BYTES_READ = 512 * 1024 * 1024;
/** Rows that a shard buffers (about 8 MB) before it splits. */
export const SHARD_ROWS = 40_000;
/** Entries of directories that are held against the catalog in one round trip. */
export const BATCH_ENTRIES = 4_096;
/** Directories that are open at once in one batch. */
export const BATCH_DIRECTORIES = 128;
/** A listing longer than this is streamed in chunks, in bounded memory. */
export const HUGE_ENTRIES = 50_000;
export const HUGE_CHUNK = 50_000;
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
/** Digests of hard-linked inodes that a thread remembers. */
export const LINKS_REMEMBERED = 200_000;
/** Directories are listed again at most this often while the tree moves. */
export const RELIST_ROUNDS = 3;
/** What moved this close before a scan began may have moved within the same tick of a coarse clock as its listing. */
export const RACY_MS = 2_000n;
/** The kernel stamps with a clock that is at most this late. */
export const JIFFY_MS = 10;
/** A tick of a file system's clock: a jiffy with room; and of file systems that keep whole seconds. */
export const TICK_MS = 25;
export const COARSE_TICK_MS = 2_000;
/** A shard that was tried more often is split into single directories; a single one becomes a gap `failed`. */
export const SHARD_ATTEMPTS = 3;
/** A live scan is taken up again within this time of its last progress. */
export const RESUME_WITHIN_MS = 12 * 60 * 60 * 1000;
/** Leases are renewed this often, and only while the thread's counter moves. */
export const RENEW_EVERY_MS = 15_000;
/** A thread whose counter stands still for this long is written off. */
export const STALL_MS = 5 * 60 * 1000;
/** A database that is restarted is waited for: this often, this long each time. */
export const RECONNECT_TRIES = 150;
export const RECONNECT_PAUSE_MS = 200;
