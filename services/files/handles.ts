// The handles below `.glusterfs` of a brick that no name leads to: regular files with one link. Every file of a volume
// has a handle, so nothing is made of one but what the kernel writes: names and struct statx stay where they are.
import { isAbsent } from '../../domain/errno.ts';
import { joinPath } from '../../domain/path.ts';
import { DENT, isDots, nameEnd } from './dents.ts';
import type { Directory } from './directory.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { errnoName, FileError } from './errors.ts';
import { openDirectory } from './open-directory.ts';
import { FORMAT_FILE, formatAt, STATX, sizeAt } from './stat.ts';
import * as sys from './sys.ts';

/** Below the brick's root. */
export const HANDLES = '.glusterfs';
export const UNLINKED = '.glusterfs/unlink';

/** What lay there when it was looked at. */
export interface Handles {
  /** Below the brick's root, printable. */
  readonly orphans: readonly string[];
  /** By errno: handles, or directories of them, that could not be looked at. */
  readonly unread: ReadonlyMap<string, readonly string[]>;
}

const TYPE_UNKNOWN = 0;
const TYPE_FILE = 8;
const CALL_BYTES = 32 * 1024;
/** Places that are named of those that could not be looked at. */
const UNREAD_NAMED_MAX = 1_000;

/** Listings of the three levels, and one look. */
const [outer, middle, inner] = [sys.memory(CALL_BYTES), sys.memory(CALL_BYTES), sys.memory(CALL_BYTES)];
const stat = sys.memory(sys.STATX_BYTES);
const statView = new DataView(stat.bytes.buffer);

/** @param onHandle called for each, so that whoever waits sees that it moves */
export function handlesWithoutName(root: Directory, onHandle: () => void): Handles {
  if (root instanceof DirectoryElsewhere) return root.handlesWithoutName();
  const search = new Search(onHandle);
  for (const [path, depth] of [
    [HANDLES, 2],
    [UNLINKED, 0],
  ] as const) {
    let directory: Directory;
    try {
      directory = openDirectory(root, path);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (!isAbsent(error.errno)) search.cannot(path, error.errno);
      continue;
    }
    try {
      search.below(directory.fd, path, depth);
    } finally {
      directory.close();
    }
  }
  return search;
}

class Search implements Handles {
  readonly orphans: string[] = [];
  readonly unread = new Map<string, string[]>();
  readonly #onHandle: () => void;

  constructor(onHandle: () => void) {
    this.#onHandle = onHandle;
  }

  /** @param depth of the directories of two hex digits below it */
  below(fd: number, path: string, depth: number): void {
    const listing = depth === 2 ? outer : depth === 1 ? middle : inner;
    const { bytes, address } = listing;
    for (;;) {
      this.#onHandle();
      const got = sys.getdents64(fd, address, CALL_BYTES);
      if (got < 0) this.#failed(got, path);
      if (got <= 0) return;
      for (let at = 0; at < got; ) {
        const length = bytes.readUInt16LE(at + DENT.length);
        const name = at + DENT.name;
        const end = nameEnd(bytes, name, at + length);
        if (depth === 0) this.#handle(fd, path, { at, name, end });
        else if (end - name === 2 && isHex(bytes, name) && isHex(bytes, name + 1))
          this.#directory(fd, joinPath(path, bytes.toString('latin1', name, end)), address + name, depth - 1);
        at += length;
      }
    }
  }

  #directory(parent: number, path: string, name: number, depth: number): void {
    const fd = sys.openQuietlyAt(parent, name, sys.DIRECTORY_FLAGS);
    if (fd < 0) return this.#failed(fd, path);
    try {
      this.below(fd, path, depth);
    } finally {
      sys.close(fd);
    }
  }

  #handle(fd: number, path: string, dent: { readonly at: number; readonly name: number; readonly end: number }): void {
    const { bytes, address } = inner;
    const type = bytes[dent.at + DENT.type] ?? TYPE_UNKNOWN;
    // Handles of directories and of symlinks are symlinks: they are never followed.
    if ((type !== TYPE_FILE && type !== TYPE_UNKNOWN) || isDots(bytes, dent.name)) return;
    this.#onHandle();
    const result = sys.statAt(fd, address + dent.name, stat.address);
    const handle = (): string => joinPath(path, bytes.toString('latin1', dent.name, dent.end));
    if (result < 0) return this.#failed(result, handle());
    if (formatAt(statView, 0) !== FORMAT_FILE || statView.getUint32(STATX.nlink, true) !== 1) return;
    // An empty one is a pointer that has lost its name, or nothing.
    if (sizeAt(statView, 0) > 0) this.orphans.push(handle());
  }

  #failed(result: number, path: string): void {
    const errno = errnoName(-result);
    // It went while the directory was listed, as handles do on a volume that is used.
    if (!isAbsent(errno)) this.cannot(path, errno);
  }

  cannot(path: string, errno: string): void {
    const paths = this.unread.get(errno);
    if (paths === undefined) this.unread.set(errno, [path]);
    else if (paths.length < UNREAD_NAMED_MAX) paths.push(path);
  }
}

function isHex(bytes: Buffer, at: number): boolean {
  const byte = bytes[at] ?? 0;
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66);
}
