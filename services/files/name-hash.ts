// A hash of names for tables in memory.

/** FNV-1a of bytes, begun with a seed that nobody knows: who does could choose names of one hash. */
export function hashOf(bytes: Uint8Array, from: number, length: number, seed: number): number {
  let hash = seed;
  for (let i = from; i < from + length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x0100_0193);
  return hash;
}
