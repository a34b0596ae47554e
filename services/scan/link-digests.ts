// Digests of hard-linked inodes, in memory that all threads of a process share: what one has read through one name, no
// other reads again through another one. (Two names that are read at the same moment are both read.)

/** Digest of one inode, as read in this scan. */
export interface LinkDigest {
  /** Bytes. */
  readonly size: number;
  readonly mtimeNs: bigint;
  /** Unsigned. */
  readonly digest: bigint;
  /** As Proof.zeroFrom. */
  readonly zeroFrom: number | null;
  readonly racy: boolean;
}

/**
 * Inodes that are remembered, at most; of a power of two slots, so that a search is short. 56 bytes a slot, taken as
 * they are used.
 */
const REMEMBERED_MAX = 200_000;
const SLOTS = 2 ** 18;
const WORDS = 7;
const WORD_BYTES = BigInt64Array.BYTES_PER_ELEMENT;

/** Stands for null among the offsets, none of which is negative. */
const UNKNOWN = -1n;
/** First word of a slot. It goes from empty to being written to written, and stays so. */
const [EMPTY, WRITING, WRITTEN, WRITTEN_RACY] = [0n, 1n, 2n, 3n];

export class LinkDigests {
  readonly buffer: SharedArrayBuffer;
  readonly #slots: BigInt64Array;
  readonly #count: Int32Array;

  /** @param buffer of another thread's LinkDigests */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer((SLOTS * WORDS + 1) * WORD_BYTES)) {
    this.buffer = buffer;
    this.#slots = new BigInt64Array(buffer, 0, SLOTS * WORDS);
    this.#count = new Int32Array(buffer, SLOTS * WORDS * WORD_BYTES, 1);
  }

  remember(device: bigint, inode: bigint, { size, mtimeNs, digest, zeroFrom, racy }: LinkDigest): void {
    if (Atomics.add(this.#count, 0, 1) >= REMEMBERED_MAX) {
      Atomics.sub(this.#count, 0, 1);
      return;
    }
    let at = firstSlot(device, inode);
    while (Atomics.compareExchange(this.#slots, at, EMPTY, WRITING) !== EMPTY) at = nextSlot(at);
    this.#slots[at + 1] = device;
    this.#slots[at + 2] = inode;
    this.#slots[at + 3] = BigInt(size);
    this.#slots[at + 4] = mtimeNs;
    this.#slots[at + 5] = BigInt.asIntN(64, digest);
    this.#slots[at + 6] = zeroFrom === null ? UNKNOWN : BigInt(zeroFrom);
    Atomics.store(this.#slots, at, racy ? WRITTEN_RACY : WRITTEN);
  }

  /** Undefined where the inode was not read. */
  recall(device: bigint, inode: bigint): LinkDigest | undefined {
    for (let at = firstSlot(device, inode); ; at = nextSlot(at)) {
      const state = Atomics.load(this.#slots, at);
      if (state === EMPTY) return undefined;
      const [, slotDevice, slotInode, size = 0n, mtimeNs = 0n, digest = 0n, zeroFrom = UNKNOWN] = this.#slots.subarray(
        at,
        at + WORDS,
      );
      if (state === WRITING || slotDevice !== BigInt.asIntN(64, device) || slotInode !== BigInt.asIntN(64, inode))
        continue;
      return {
        size: Number(size),
        mtimeNs,
        digest: BigInt.asUintN(64, digest),
        zeroFrom: zeroFrom === UNKNOWN ? null : Number(zeroFrom),
        racy: state === WRITTEN_RACY,
      };
    }
  }
}

/** Index of its first word. Inodes are counted up: multiplied (Knuth's multiplicative hashing), they spread. */
function firstSlot(device: bigint, inode: bigint): number {
  const mixed = Number(BigInt.asUintN(32, inode ^ (inode >> 32n) ^ (device << 7n)));
  return (Math.imul(mixed, 0x9e37_79b1) >>> (32 - Math.log2(SLOTS))) * WORDS;
}

function nextSlot(at: number): number {
  return (at + WORDS) % (SLOTS * WORDS);
}
