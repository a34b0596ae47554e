// Reading a small file by addresses: no text and no object for what is as it should be. Everything else is left to
// read.ts, which says what is the matter.
import { paced } from '../process/pace.ts';
import { readWhole } from './page-cache.ts';
import { RACY_MS, type Reader } from './read.ts';
import { INPUT_BYTES } from './hash.ts';
import { FORMAT_FILE, formatAt, sizeAt, STATX } from './stat.ts';
import * as sys from './sys.ts';
import { zeroFromAfter } from './zeros.ts';

/** struct statx of the file that was just read. */
const afterwards = sys.memory(sys.STATX_BYTES);
const view = new DataView(afterwards.bytes.buffer);

/** What readAt found, beside its answer; overwritten by the next call. */
export const found = { digest: 0n, zeroFrom: 0, bytes: 0, racy: false };

/** A small file that was looked up just now, by addresses: no text and no object for what is as it should be. */
export interface Looked {
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
export function readAt(reader: Reader, looked: Looked): boolean {
  const startedMs = Math.floor(reader.nowMs());
  const size = sizeAt(looked.view, looked.at);
  if (size >= INPUT_BYTES) return false;
  const fd = sys.openQuietlyAt(looked.directory, looked.name, sys.FILE_FLAGS);
  if (fd < 0) return false;
  const read = hashSmallAt(reader, fd, looked, size);
  const result = read ? sys.statOpen(fd, afterwards.address) : -1;
  sys.close(fd);
  if (result < 0 || !isUnmoved(looked)) return false;
  found.racy = isRecent(STATX.mtime, startedMs) || isRecent(STATX.ctime, startedMs);
  return true;
}

function hashSmallAt(reader: Reader, fd: number, looked: Looked, size: number): boolean {
  const device =
    looked.view.getUint32(looked.at + STATX.device, true) * 2 ** 20 +
    looked.view.getUint32(looked.at + STATX.device + 4, true);
  const { input } = reader.hasher;
  const got = readWhole(fd, input.address, { device, size });
  if (got !== size) return false;
  reader.onProgress(got);
  paced(got, reader.onProgress);
  found.digest = reader.hasher.ofInput(got);
  found.bytes = got;
  const endsInZero = got > 0 && input.bytes[got - 1] === 0;
  found.zeroFrom = endsInZero ? zeroFromAfter(0, 0, input.bytes.subarray(0, got)) : got;
  return true;
}

/** Whether the file is the one that was looked up, unchanged: size, mtime, ctime, inode, device, kind. */
function isUnmoved({ view: seen, at }: Looked): boolean {
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
