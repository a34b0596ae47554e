// What the file system of the target says of itself: the identity of the volume's root, and the room that is left.
import { statfsSync, statSync } from 'node:fs';
import { errnoOf } from '../files/errors.ts';
import { bytesOf } from '../files/location.ts';

/** Of a block, where the file system does not say. */
export const BLOCK_BYTES = 4096;

/**
 * By what restore.sh tells the volume from the empty directory below its mount point: as `stat -f -c %t` and
 * `stat -c %i` print them.
 */
export interface RootFacts {
  readonly fsType: string;
  readonly rootInode: string;
}

export function rootFacts(path: string): RootFacts | null {
  try {
    return {
      fsType: statfsSync(bytesOf(path), { bigint: true }).type.toString(16),
      rootInode: String(statSync(bytesOf(path), { bigint: true }).ino),
    };
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

/**
 * Bytes, inodes (null where the file system does not count them) and the size of a block; null when it cannot be asked.
 */
export function freeAt(
  path: string,
): { readonly bytes: number; readonly inodes: number | null; readonly block: number } | null {
  try {
    const { bavail, bsize, files, ffree } = statfsSync(bytesOf(path));
    return { bytes: bavail * bsize, inodes: files === 0 ? null : ffree, block: bsize };
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}
