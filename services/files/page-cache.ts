// An audit reads everything once, and must not push out of the page cache what others have there: what was not in
// memory before it was read is given back.
import * as sys from './sys.ts';

/** File systems (by a number made of their device) that do not say what is in the page cache: tmpfs, and FUSE. */
const silent = new Set<number>();

const firstByte = sys.memory(1);

/**
 * Reads one file, and gives back the pages that were not in memory before: what others have there is not pushed out by
 * an audit. From the first piece that was not there on, the rest counts as not there, since reading ahead brings it.
 */
export class CacheOf {
  readonly #fd: number;
  readonly #device: number;
  readonly #isWanted: boolean;
  #drops = false;

  /**
   * @param device a number of the file system's own
   * @param isFromMedium what is in memory says nothing of the medium: it is given back first, and the medium read. What
   * was there before then stays there. (Pages that wait to be written, or are mapped, the kernel keeps.)
   */
  constructor(fd: number, device: number, isFromMedium = false) {
    this.#fd = fd;
    this.#device = device;
    this.#isWanted = isFromMedium && isInMemory(fd);
    // To ask has begun to bring it in.
    this.#drops = isFromMedium && !this.#isWanted;
    if (isFromMedium) sys.dropPages(fd, 0, 0);
  }

  /** @returns bytes, 0 at the end, or -errno */
  read(address: number, bytes: number, at: number): number {
    if (!this.#drops && !this.#isWanted && !silent.has(this.#device)) {
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

/** Whether the beginning of a file that nobody has read from is in memory, or its file system does not tell. */
function isInMemory(fd: number): boolean {
  const got = sys.readCached(fd, firstByte.address, 1);
  if (got > 0) sys.seekTo(fd, 0);
  return got !== sys.NOT_CACHED;
}
