// Where the arguments of one system call are put, and its answer is found: one call at a time in a thread.
import * as sys from './sys.ts';

/** Linux's PATH_MAX, with the NUL. */
export const PATH_BYTES = 4_096;
/** A target may be as long as a path. */
export const TARGET = PATH_BYTES;
export const STAT = 2 * PATH_BYTES;
/** One call at a time is prepared here: a name or path, a symlink's target, a struct statx. */
export const scratch = sys.memory(2 * PATH_BYTES + sys.STATX_BYTES);
export const view = new DataView(scratch.bytes.buffer);

/** Writes printable text as bytes with a NUL. @returns false where it is longer than any path */
export function put(text: string, decode: (text: string) => Uint8Array): boolean {
  const { bytes } = scratch;
  // A UTF-16 unit is at most 3 bytes.
  if (!text.includes('\\') && text.length * 3 < PATH_BYTES) {
    bytes[bytes.write(text, 0, 'utf8')] = 0;
    return true;
  }
  const decoded = decode(text);
  if (decoded.length >= PATH_BYTES) return false;
  bytes.set(decoded, 0);
  bytes[decoded.length] = 0;
  return true;
}
