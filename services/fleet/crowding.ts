// What a worker does when Postgres has no connection left: fewer of its slots work at once, so that those that do come
// to an end, and their connections are for the others. Trying with all of them again and again would let none.

const MORE_EVERY_MS = 5_000;

export class Crowding {
  readonly #nowMs: () => number;
  #limit = Number.POSITIVE_INFINITY;
  #changedMs = Number.NEGATIVE_INFINITY;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Slots that may work at once: one at least, and one more with each while in which all went well. */
  limit(): number {
    if (Number.isFinite(this.#limit) && this.#nowMs() - this.#changedMs > MORE_EVERY_MS) {
      this.#limit += 1;
      this.#changedMs = this.#nowMs();
    }
    return this.#limit;
  }

  /** @param busy slots that work, the one that found no connection among them */
  met(busy: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, busy - 1));
    this.#changedMs = this.#nowMs();
  }
}
