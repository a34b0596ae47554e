// Which of the names of one directory is called so: open addressing, used again and again.
import { randomBytes } from 'node:crypto';
import { hashOf } from './name-hash.ts';

const SLOTS_MIN = 256;
const SLOTS_KEPT = 16_384;
/**
 * Of the hash (FNV-1a). Nobody knows it: whoever names files so that all hashes are one made a listing of 20,000 names
 * take 14 s instead of 0.01 (2026-11-30).
 */
const SEED = randomBytes(4).readInt32LE();

/** Where the names themselves are. */
interface Names {
  isNamed(index: number, bytes: Buffer, name: number, length: number): boolean;
}

export class NameTable {
  /** Index + 1, or 0. */
  #indices = new Int32Array(SLOTS_KEPT);
  #hashes = new Int32Array(SLOTS_KEPT);
  /** How much of it is in use: most directories are short. */
  #slots = SLOTS_MIN;
  #size = 0;
  /** Of the name that was looked for last and is not here. */
  #free = 0;
  #hash = 0;

  /** Nothing is in it any more. */
  begin(): void {
    this.#slots = SLOTS_MIN;
    this.#size = 0;
    this.#indices.fill(0, 0, SLOTS_MIN);
  }

  /** begin(), and what a long directory has taken is given back. */
  shrink(): void {
    this.#indices = new Int32Array(SLOTS_KEPT);
    this.#hashes = new Int32Array(SLOTS_KEPT);
    this.begin();
  }

  /** @returns its index; -1 where it is not here */
  find(names: Names, bytes: Buffer, name: number, length: number): number {
    const hash = hashOf(bytes, name, length, SEED);
    const mask = this.#slots - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let index = this.#indices[slot] ?? 0; index !== 0; index = this.#indices[slot] ?? 0) {
      if (this.#hashes[slot] === hash && names.isNamed(index - 1, bytes, name, length)) return index - 1;
      slot = (slot + 1) & mask;
    }
    this.#free = slot;
    this.#hash = hash;
    return -1;
  }

  /** Adds the name that find() has just not found. */
  add(index: number): void {
    this.#indices[this.#free] = index + 1;
    this.#hashes[this.#free] = this.#hash;
    if (2 * ++this.#size > this.#slots) this.#grow();
  }

  #grow(): void {
    const indices = this.#indices.slice(0, this.#slots);
    const hashes = this.#hashes.slice(0, this.#slots);
    this.#slots *= 2;
    if (this.#slots > this.#indices.length) {
      this.#indices = new Int32Array(this.#slots);
      this.#hashes = new Int32Array(this.#slots);
    } else this.#indices.fill(0, 0, this.#slots);
    const mask = this.#slots - 1;
    for (let at = 0; at < indices.length; at++) {
      if (indices[at] === 0) continue;
      const hash = hashes[at] ?? 0;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (this.#indices[slot] !== 0) slot = (slot + 1) & mask;
      this.#indices[slot] = indices[at] ?? 0;
      this.#hashes[slot] = hash;
    }
  }
}
