// XXH64, seed 0. It finds corruption, not tampering. WebAssembly hashes at several GB/s, far above what disks give, so there is no native addon.
import xxhash from 'xxhash-wasm';

/** One hasher per thread. Digests are unsigned. `one` may be called while a stream is open; there is one stream at a time. */
export interface Hasher {
  /** The digest of bytes that are in memory. They are copied into the hasher's memory, which never shrinks: up to some MiB only. */
  one(bytes: Uint8Array): bigint;
  /** Starts a stream, and drops one that was open. */
  begin(): void;
  update(bytes: Uint8Array): void;
  /** The digest of everything since begin(); the stream stays open. */
  digest(): bigint;
}

export async function createHasher(): Promise<Hasher> {
  const api = await xxhash();
  let stream = api.create64();
  return {
    one: (bytes) => api.h64Raw(bytes),
    begin: () => {
      stream = api.create64();
    },
    update: (bytes) => {
      stream.update(bytes);
    },
    digest: () => stream.digest(),
  };
}
