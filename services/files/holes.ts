// Sparse files. A hole is zeros that need no reading: where a file has at least a gibibyte of holes, SEEK_DATA tells
// where they are, and zeros are hashed from memory at several GB/s. Holes of terabytes take too long even so: such a
// file is left unread, and named.
import type { Stat } from './stat.ts';
import * as sys from './sys.ts';

const GIB = 1024 ** 3;
/** Holes up to here are hashed: about a minute. */
const HOLES_MAX_BYTES = 256 * GIB;
/**
 * A file that holds a larger part of its size is read whatever its size is: much of it is content (or compressed
 * content, as ZFS counts it).
 */
const PART_HELD_MAX = 1 / 16;
/**
 * Fewer holes are read: it takes a second, and reading does not depend on what a file system says of holes. (OpenZFS
 * called fresh data holes, issue 15526 of 2023; its lseek is never asked.)
 */
const HOLES_ASKED_MIN_BYTES = GIB;
const BLOCK_BYTES = 512;

/**
 * File systems whose blocks are the server's to tell, or are not told: FUSE, NFS, SMB (two numbers), Ceph, 9P. Source:
 * linux/magic.h.
 */
const NOT_LOCAL: ReadonlySet<number> = new Set([
  0x6573_5546, 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x0102_1997,
]);
const ZFS = 0x2fc1_2fc1;

type Sized = Pick<Stat, 'size' | 'blocks'>;

function holesIn({ size, blocks }: Sized): number {
  return (size ?? 0) - blocks * BLOCK_BYTES;
}

/** Why the file is left unread; null for nearly all. */
export function tooManyHoles(fd: number, stat: Sized): string | null {
  const { size, blocks } = stat;
  if (size === null || size <= HOLES_MAX_BYTES) return null;
  const held = blocks * BLOCK_BYTES;
  if (holesIn(stat) <= HOLES_MAX_BYTES || held > size * PART_HELD_MAX) return null;
  if (NOT_LOCAL.has(sys.fileSystemType(fd))) return null;
  return `left unread: of its ${inGib(size)} GiB only ${inGib(held)} hold anything, and hashing the holes would take too long`;
}

function inGib(bytes: number): string {
  const gib = bytes / GIB;
  return gib < 10 ? gib.toFixed(1) : String(Math.round(gib));
}

/** Where the holes of one open file are. Its offset moves: whoever reads seeks to where it was. */
export interface HoleMap {
  /** Bytes of the hole at the offset; 0 where data is, or the end of the file. */
  lengthAt(offset: number): number;
  /** Bytes of data from the offset on. */
  untilHole(offset: number): number;
}

/** Null where the file is read as it is. */
export function holesOf(fd: number, stat: Sized): HoleMap | null {
  const { size } = stat;
  if (size === null || holesIn(stat) < HOLES_ASKED_MIN_BYTES) return null;
  const type = sys.fileSystemType(fd);
  if (NOT_LOCAL.has(type) || type === ZFS) return null;
  let dataEnd = -1;
  const at = (offset: number, answer: number): number => {
    sys.seekTo(fd, offset);
    return answer;
  };
  return {
    lengthAt(offset) {
      if (offset < dataEnd || offset >= size) return 0;
      const data = sys.seekData(fd, offset);
      if (data === NO_DATA) return at(offset, size - offset);
      // What else it says (EINVAL) is of a file system that knows no holes.
      if (data < 0) dataEnd = size;
      if (data <= offset) {
        const hole = data < 0 ? -1 : sys.seekHole(fd, offset);
        dataEnd = hole < 0 ? size : hole;
        return at(offset, 0);
      }
      return at(offset, data - offset);
    },
    untilHole: (offset) => Math.max(1, dataEnd - offset),
  };
}

/** ENXIO. */
const NO_DATA = -6;
