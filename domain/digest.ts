// How a digest is written: XXH64 in 16 hex digits, big-endian, lower case, as xxhsum prints it.

export function hex(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

/** The reverse of hex(); throws on anything but 16 lower-case hex digits. */
export function parseHex(text: string): bigint {
  if (!/^[0-9a-f]{16}$/.test(text))
    throw new Error(`${JSON.stringify(text)} is not an XXH64 digest: 16 lower-case hex digits`);
  return BigInt(`0x${text}`);
}
