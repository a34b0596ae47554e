// An audit reads everything once, and must not push out of the page cache what others have there: what was not in
// memory before it was read is given back.
import { INPUT_BYTES } from './hash.ts';
import * as sys from './sys.ts';

/** File systems (by a number made of their device) that do not say what is in the page cache: tmpfs, and FUSE. */
const silent = new Set<number>();

/**
 * Reads one file, and gives back the pages that were not in memory before: what others have there is not pushed out by
 * an audit. From the first piece that was not there on, the rest counts as not there, since reading ahead brings it.
 */
export class CacheOf {
  readonly #fd: number;
  readonly #device: number;
  #drops = false;

  constructor(fd: number, device: bigint) {
    this.#fd = fd;
    this.#device = Number(device);
  }

  /** @returns bytes, 0 at the end, or -errno */
  read(address: number, bytes: number, at: number): number {
    if (!this.#drops && !silent.has(this.#device)) {
      const got = sys.readCached(this.#fd, address, bytes);
      if (got === sys.CANNOT_TELL) silent.add(this.#device);
      else if (got === sys.NOT_CACHED) this.#drops = true;
      else return got;
    }
    const got = sys.read(this.#fd, address, bytes);
    if (this.#drops && got > 0) sys.dropPages(this.#fd, at, got);
    return got;
  }
}

/** One call; a short answer is left to readContent. */
export function readWhole(
  fd: number,
  address: number,
  { device, size }: { readonly device: number; readonly size: number },
): number {
  if (!silent.has(device)) {
    const got = sys.readCached(fd, address, INPUT_BYTES);
    if (got === size) return got;
    if (got === sys.CANNOT_TELL) silent.add(device);
    else if (got === sys.NOT_CACHED) {
      const read = sys.read(fd, address, INPUT_BYTES);
      sys.dropPages(fd, 0, 0);
      return read;
    } else return -1;
  }
  return sys.read(fd, address, INPUT_BYTES);
}
