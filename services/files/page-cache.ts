// An audit reads everything once, and must not push out of the page cache what others have there: what was not in
// memory before it was read is given back.
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

  /** @param device a number of the file system's own */
  constructor(fd: number, device: number) {
    this.#fd = fd;
    this.#device = device;
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
