// XXH64, seed 0. It finds corruption, not tampering. The WebAssembly of xxhash-wasm hashes at some 12 GB/s, far above
// what disks give. It is instantiated here, not by the package, because the package hides its memory: so the kernel
// reads a file's content to where it is hashed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Memory, memoryOf } from './sys.ts';

/** Bytes of a file that are hashed in one piece. */
export const INPUT_BYTES = 1024 * 1024;
/** For records that are put together to be hashed: a name, a target, and what goes with them. */
const SCRATCH_BYTES = 16 * 1024;
/** What the stream keeps between two pieces. */
const STATE_BYTES = 88;
const PAGE_BYTES = 64 * 1024;
const SCRATCH = INPUT_BYTES;
const STATE = SCRATCH + SCRATCH_BYTES;
const COPY = STATE + STATE_BYTES;
const COPY_BYTES = 64 * 1024;

/**
 * One hasher per thread. Digests are unsigned. `one` may be called while a stream is open; there is one stream at a
 * time.
 */
export interface Hasher {
  /** Where the content of a file goes that is to be hashed; the kernel may write there. */
  readonly input: Memory;
  /** The digest of what begins at `input`. */
  ofInput(bytes: number): bigint;
  /** Adds what begins at `input` to the stream. */
  updateInput(bytes: number): void;
  /** Where a record is put together. */
  readonly scratch: Buffer;
  ofScratch(bytes: number): bigint;
  /** The digest of bytes that are elsewhere in memory. */
  one(bytes: Uint8Array): bigint;
  /** Starts a stream, and drops one that was open. */
  begin(): void;
  update(bytes: Uint8Array): void;
  /** The digest of everything since begin(); the stream stays open. */
  digest(): bigint;
}

/** Of the platform: TypeScript knows it from browsers only. */
const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;

interface Wasm {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

interface Exports {
  readonly mem: { readonly buffer: ArrayBuffer; grow(pages: number): void };
  xxh64(at: number, bytes: number, seed: bigint): bigint;
  init64(state: number, seed: bigint): void;
  update64(state: number, at: number, bytes: number): void;
  digest64(state: number): bigint;
}

let compiled: object | null = null;

/** The package keeps its binary as a file for a bundler of its own, too. Its version is pinned. */
function compile(): object {
  const entry = createRequire(import.meta.url).resolve('xxhash-wasm');
  compiled ??= new wasm.Module(readFileSync(join(dirname(entry), '../workerd/xxhash.wasm')));
  return compiled;
}

/** Throws where xxhash-wasm is not installed. */
export function createHasher(): Promise<Hasher> {
  const instance = new wasm.Instance(compile());
  const xxhash = instance.exports as Exports;
  const { mem } = xxhash;
  // Once: memory that grows moves, and every view of it is dead.
  mem.grow(Math.ceil((COPY + COPY_BYTES - mem.buffer.byteLength) / PAGE_BYTES));
  const all = Buffer.from(mem.buffer);
  const unsigned = (digest: bigint): bigint => BigInt.asUintN(64, digest);
  const hashed = (at: number, bytes: number): bigint => unsigned(xxhash.xxh64(at, bytes, 0n));
  const begin = (): void => {
    // The binary does not clear what an earlier stream has left there.
    all.fill(0, STATE, STATE + STATE_BYTES);
    xxhash.init64(STATE, 0n);
  };
  const update = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at += COPY_BYTES) {
      const piece = bytes.subarray(at, at + COPY_BYTES);
      all.set(piece, COPY);
      xxhash.update64(STATE, COPY, piece.length);
    }
  };
  return Promise.resolve({
    input: memoryOf(all.subarray(0, INPUT_BYTES)),
    ofInput: (bytes) => hashed(0, bytes),
    updateInput: (bytes) => xxhash.update64(STATE, 0, bytes),
    scratch: all.subarray(SCRATCH, STATE),
    ofScratch: (bytes) => hashed(SCRATCH, bytes),
    one(bytes) {
      if (bytes.length <= COPY_BYTES) {
        all.set(bytes, COPY);
        return hashed(COPY, bytes.length);
      }
      // A stream may be open: what it keeps is put aside.
      const aside = Buffer.from(all.subarray(STATE, COPY));
      begin();
      update(bytes);
      const digest = unsigned(xxhash.digest64(STATE));
      all.set(aside, STATE);
      return digest;
    },
    begin,
    update,
    digest: () => unsigned(xxhash.digest64(STATE)),
  });
}
