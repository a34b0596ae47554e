// When others are told that a drain has all the shards in hands that it can have, and there may be more to do.

/**
 * Whoever is told asks the catalog, which costs a few queries: ever more seldom, down to so.
 */
const FIRST_MS = 100;
const LAST_MS = 4_000;

export class Fullness {
  #isFull = false;
  #toldMs = Number.NEGATIVE_INFINITY;
  #everyMs = FIRST_MS;

  set(isFull: boolean): void {
    this.#isFull = isFull;
  }

  /** Whether it is time to tell. */
  isTold(nowMs: number): boolean {
    if (!this.#isFull || Math.abs(nowMs - this.#toldMs) < this.#everyMs) return false;
    this.#toldMs = nowMs;
    this.#everyMs = Math.min(2 * this.#everyMs, LAST_MS);
    return true;
  }
}
