// A limit on bytes read in a second, for all threads of this process together: whoever would read too fast waits.
// Nothing where no limit is given. The process is what a person has told to be gentle, so the pace is held once for
// each thread and not handed through every call.

/**
 * Bytes a second, and the instant (ns of the monotonic clock) up to which reading is paid for. Shared by the threads of
 * a process.
 */
const RATE = 0;
const PAID_UNTIL = 1;
const SECOND_NS = 1_000_000_000n;

/** What may be read at once after a pause: this long at the full rate. */
const BURST_NS = SECOND_NS / 4n;
/** Nobody waits longer than this without a sign of life: a thread that stands still for minutes is written off. */
const SLICE_MS = 500;

let pace: BigInt64Array | null = null;
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/**
 * Sets the limit of this thread; null for none.
 * @returns what other threads must keep to share it: plain shared memory
 */
export function limitReading(bytesPerSecond: number | null): SharedArrayBuffer | null {
  const shared = bytesPerSecond === null ? null : new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  if (shared !== null && bytesPerSecond !== null) new BigInt64Array(shared)[RATE] = BigInt(bytesPerSecond);
  keepPace(shared);
  return shared;
}

/** From here on this thread keeps a limit that another has set; null for none. */
export function keepPace(shared: SharedArrayBuffer | null): void {
  pace = shared === null ? null : new BigInt64Array(shared);
}

/**
 * Told of bytes that were read; waits as long as they were read too early. `onProgress` is told of no bytes twice a
 * second meanwhile.
 */
export function paced(bytes: number, onProgress: (bytes: number) => void = () => undefined): void {
  if (pace === null || bytes <= 0) return;
  pay(pace, (BigInt(bytes) * SECOND_NS) / Atomics.load(pace, RATE), onProgress);
}

/** The budget of a host that its workers share: how many they are, and as above. */
const SHARERS = 0;

/** Of one process; to be handed to its threads. */
export function newHostBudget(): SharedArrayBuffer {
  const budget = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  shareHostBudget(budget, 1);
  return budget;
}

/** Told at each heartbeat how many workers of the host live. */
export function shareHostBudget(budget: SharedArrayBuffer, workers: number): void {
  Atomics.store(new BigInt64Array(budget), SHARERS, BigInt(Math.max(1, workers)));
}

/** As paced(), for bytes that count towards what the whole host may read in a second. */
export function pacedByHost(
  budget: BigInt64Array,
  bytesPerSecond: number,
  bytes: number,
  onProgress: (bytes: number) => void,
): void {
  if (bytes <= 0) return;
  const cost =
    (BigInt(bytes) * SECOND_NS * Atomics.load(budget, SHARERS)) / BigInt(Math.max(1, Math.floor(bytesPerSecond)));
  pay(budget, cost, onProgress);
}

/** Waits until what was read is paid for. */
function pay(account: BigInt64Array, cost: bigint, onProgress: (bytes: number) => void): void {
  let until: bigint;
  for (;;) {
    const before = Atomics.load(account, PAID_UNTIL);
    const earliest = process.hrtime.bigint() - BURST_NS;
    until = (before > earliest ? before : earliest) + cost;
    if (Atomics.compareExchange(account, PAID_UNTIL, before, until) === before) break;
  }
  for (;;) {
    const waitMs = Number(until - process.hrtime.bigint()) / 1e6;
    if (waitMs <= 0) return;
    onProgress(0);
    Atomics.wait(sleeper, 0, 0, Math.min(waitMs, SLICE_MS));
  }
}
