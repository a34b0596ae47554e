// Reading a small file by addresses: no text and no object for what is as it should be. Everything else is left to
// read.ts, which says what is the matter.
import { hashSmall, RACY_MS, type Reader } from './read.ts';
import { INPUT_BYTES } from './hash.ts';
import { FORMAT_FILE, formatAt, sizeAt, STATX } from './stat.ts';
import * as sys from './sys.ts';

/** struct statx of the file that was just read. */
const afterwards = sys.memory(sys.STATX_BYTES);
const view = new DataView(afterwards.bytes.buffer);

/** What readAt found, beside its answer; overwritten by the next call. */
export const found = { digest: 0n, zeroFrom: 0, bytes: 0, racy: false };

/** A small file that was looked up just now, by addresses: no text and no object for what is as it should be. */
export interface LookedUp {
  readonly directory: number;
  /** Address of its name. */
  readonly name: number;
  /** Its struct statx. */
  readonly view: DataView;
  readonly at: number;
}

/**
 * Reads a file below 1 MiB once. @returns whether `found` holds its digest; else it moved, failed or is otherwise
 * special, and readContent says what is the matter
 */
export function readAt(reader: Reader, looked: LookedUp): boolean {
  const startedMs = Math.floor(reader.nowMs());
  const size = sizeAt(looked.view, looked.at);
  if (size >= INPUT_BYTES) return false;
  const fd = sys.openQuietlyAt(looked.directory, looked.name, sys.FILE_FLAGS);
  if (fd < 0) return false;
  const read = hashSmall(reader, { fd, size, device: deviceOf(looked), isFromMedium: false });
  const result = sys.statOpen(fd, afterwards.address);
  sys.close(fd);
  if (read.failed < 0 || read.bytes !== size || result < 0 || !isUnmoved(looked)) return false;
  found.digest = read.digest;
  found.zeroFrom = read.zeroFrom;
  found.bytes = read.bytes;
  found.racy = isRecent(STATX.mtime, startedMs) || isRecent(STATX.ctime, startedMs);
  return true;
}

/** Minors have 20 bits. */
function deviceOf({ view: seen, at }: LookedUp): number {
  return seen.getUint32(at + STATX.device, true) * 2 ** 20 + seen.getUint32(at + STATX.device + 4, true);
}

/** Whether the file is the one that was looked up, unchanged: size, mtime, ctime, inode, device, kind. */
function isUnmoved({ view: seen, at }: LookedUp): boolean {
  if (formatAt(view, 0) !== FORMAT_FILE) return false;
  for (const [offset, words] of COMPARED) {
    for (let word = 0; word < words; word++) {
      const place = offset + word * 4;
      if (seen.getUint32(at + place, true) !== view.getUint32(place, true)) return false;
    }
  }
  return true;
}

/** Offset and 32-bit words of what must not move. */
const COMPARED: readonly (readonly [number, number])[] = [
  [STATX.inode, 2],
  [STATX.size, 2],
  [STATX.ctime, 3],
  [STATX.mtime, 3],
  [STATX.device, 2],
];

function isRecent(at: number, startedMs: number): boolean {
  const seconds = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  return seconds * 1000 + Math.floor(view.getUint32(at + 8, true) / 1e6) >= startedMs - RACY_MS;
}
