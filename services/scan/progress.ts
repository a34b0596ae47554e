// What a thread tells the main thread while a shard is in its hands: that it moves, and how far it is. Shared memory,
// because the thread's event loop stands still meanwhile.

/** Written by one thread, read by the main thread. */
export class ProgressCounters {
  readonly buffer: SharedArrayBuffer;
  readonly #ticks: Int32Array;
  readonly #sums: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(24)) {
    this.buffer = buffer;
    this.#ticks = new Int32Array(buffer, 0, 1);
    this.#sums = new Float64Array(buffer, 8, 2);
  }

  /**
   * Any progress: a name looked at, a piece read. (32 bits that may wrap around: asked only whether they moved. A
   * bigint here costs an allocation a name.)
   */
  tick(): void {
    Atomics.add(this.#ticks, 0, 1);
  }

  add(files: number, bytes: number): void {
    Atomics.add(this.#ticks, 0, 1);
    this.#sums[0] = (this.#sums[0] ?? 0) + files;
    this.#sums[1] = (this.#sums[1] ?? 0) + bytes;
  }

  /** 0 until a thread has taken the shard up. */
  ticks(): number {
    return Atomics.load(this.#ticks, 0);
  }

  files(): number {
    return this.#sums[0] ?? 0;
  }

  bytes(): number {
    return this.#sums[1] ?? 0;
  }
}
