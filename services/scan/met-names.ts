// Which names of a listing were there before, for a directory of more names than a look holds in memory: 16 bytes a
// name, and room to grow.
import type { Columns } from '../files/columns.ts';
import type { Hasher } from '../files/hash.ts';

const CAPACITY_MIN = 1 << 17;
/** Entries of a slot: both halves of what a name comes to. */
const WORDS = 2;

/** Names are told apart by 128 bits: two of a million are taken for one in no listing that anybody will ever make. */
export class MetNames {
  readonly #hasher: Hasher;
  #slots = new BigUint64Array(CAPACITY_MIN * WORDS);
  size = 0;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  /** @returns false for a name that was added before */
  add(columns: Columns, index: number): boolean {
    const first = this.#half(columns, index, 1);
    const second = this.#half(columns, index, 2);
    if (!put(this.#slots, first, second)) return false;
    this.size++;
    if (this.size * 2 * WORDS > this.#slots.length) this.#grow();
    return true;
  }

  /** 0 is a slot that is free. */
  #half(columns: Columns, index: number, salt: number): bigint {
    const { scratch } = this.#hasher;
    scratch[0] = salt;
    return this.#hasher.ofScratch(columns.copyName(index, scratch, 1)) || 1n;
  }

  #grow(): void {
    const wider = new BigUint64Array(this.#slots.length * 2);
    for (let at = 0; at < this.#slots.length; at += WORDS) {
      const first = this.#slots[at] ?? 0n;
      if (first !== 0n) put(wider, first, this.#slots[at + 1] ?? 0n);
    }
    this.#slots = wider;
  }
}

/** @returns false where it is there already */
function put(slots: BigUint64Array, first: bigint, second: bigint): boolean {
  for (let at = Number(BigInt.asUintN(32, first)) * WORDS; ; at += WORDS) {
    at %= slots.length;
    if (slots[at] === 0n) {
      slots[at] = first;
      slots[at + 1] = second;
      return true;
    }
    if (slots[at] === first && slots[at + 1] === second) return false;
  }
}
