// Sparse files that take too long. A hole is read as zeros, at about 1 GB/s: a `lastlog` of 1 TiB without one block takes half an hour, and 8 EiB
// never end. Where the holes lie is not known without SEEK_DATA, which Node does not offer; how much there is of them, the blocks tell.
import { statfsSync } from 'node:fs';
import type { Stat } from './stat.ts';

const GIB = 1024 ** 3;
/** Holes up to here are read: a few minutes. */
const HOLES_MAX_BYTES = 256 * GIB;
/** A file that holds a larger part of its size is read whatever its size is: much of it is content (or compressed content, as ZFS counts it). */
const PART_HELD_MAX = 1 / 16;
const BLOCK_BYTES = 512;

/** File systems whose blocks are the server's to tell, or are not told: FUSE, NFS, SMB (two numbers), Ceph, 9P. Source: linux/magic.h. */
const NOT_LOCAL: ReadonlySet<number> = new Set([
  0x6573_5546, 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x0102_1997,
]);

/** Why the file is left unread; null for nearly all. */
export function tooManyHoles(fd: number, { size, blocks }: Pick<Stat, 'size' | 'blocks'>): string | null {
  if (size === null || size <= HOLES_MAX_BYTES) return null;
  const held = blocks * BLOCK_BYTES;
  if (size - held <= HOLES_MAX_BYTES || held > size * PART_HELD_MAX) return null;
  if (NOT_LOCAL.has(statfsSync(`/proc/self/fd/${fd}`).type)) return null;
  return `left unread: of its ${inGib(size)} GiB only ${inGib(held)} hold anything, and reading the holes would take too long`;
}

function inGib(bytes: number): string {
  const gib = bytes / GIB;
  return gib < 10 ? gib.toFixed(1) : String(Math.round(gib));
}
