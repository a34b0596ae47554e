// Copies of one file on several bricks that are to be the same: which they are, how they show that one of them has
// changed, and what each of them holds.
import { createHash } from 'node:crypto';
import type { BrickEntry } from '../../domain/gluster/brick.ts';
import type { Topology } from '../../domain/gluster/topology.ts';
import { attributeAt } from './brick-attributes.ts';
import type { Part } from './brick-parts.ts';
import type { Directory } from './directory.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { FileError, systemError } from './errors.ts';
import { setTime, STATX, timeAt } from './stat.ts';
import * as sys from './sys.ts';

const SECOND_NS = 1_000_000_000n;

/** A directory on one of the bricks of a volume. */
export interface OnBrick {
  readonly brick: number;
  readonly directory: Directory;
}

const NONE: readonly OnBrick[] = [];

/** The other bricks of the holder's replica set that have a file there, in order. */
export function otherReplicas(
  { subvolumes }: Topology,
  entries: ReadonlyMap<number, Pick<BrickEntry, 'kind'>>,
  holder: number,
  parts: readonly Part[],
): readonly OnBrick[] {
  if (entries.size < 2) return NONE;
  const set = subvolumes.find(({ bricks }) => bricks.includes(holder))?.bricks ?? [];
  return set.flatMap((brick) => {
    const part = parts[brick];
    if (brick === holder || part?.state !== 'open' || entries.get(brick)?.kind !== 'file') return [];
    return [{ brick, directory: part.directory }];
  });
}

const other = sys.memory(sys.STATX_BYTES);
const words = new DataView(other.bytes.buffer);
/** Inode, size, mtime and ctime, in words. */
const TOLD = [
  ...[STATX.inode, STATX.size, STATX.mtime, STATX.ctime].flatMap((at) => [at, at + 4]),
  STATX.mtime + 8,
  STATX.ctime + 8,
];

/**
 * When a file that has replicas was changed, in ns: the second is that of the replica that was changed last, and below
 * the second stands a digest of what all their inodes say. So a digest is carried only while every replica is the copy
 * that was read, and one time speaks for all of them.
 */
export function changeOfAll(own: bigint, others: readonly OnBrick[], name: string): bigint {
  const ownNs = ((own % SECOND_NS) + SECOND_NS) % SECOND_NS;
  let seconds = Number((own - ownNs) / SECOND_NS);
  let hash = mixed(0, Number(ownNs));
  for (const { directory } of others) {
    const result = told(directory, name);
    if (result !== 0) {
      hash = mixed(hash, result);
      continue;
    }
    for (const at of TOLD) hash = mixed(hash, words.getUint32(at, true));
    const its = words.getInt32(STATX.ctime + 4, true) * 2 ** 32 + words.getUint32(STATX.ctime, true);
    if (its > seconds) seconds = its;
  }
  // Whole seconds would look like a file system that keeps no others.
  return BigInt(seconds) * SECOND_NS + BigInt(1 + ((hash >>> 0) % 999_999_999));
}

/** The same, where struct statx of the own one is. */
export function showChangeOfAll(view: DataView, at: number, others: readonly OnBrick[], name: string): void {
  if (others.length > 0) setTime(view, at + STATX.ctime, changeOfAll(timeAt(view, at + STATX.ctime), others, name));
}

/** Into `other`. @returns 0, or what hinders it */
function told(directory: Directory, name: string): number {
  try {
    return directory.rawStat(name, other, 0);
  } catch (error) {
    if (error instanceof FileError) return -1;
    throw error;
  }
}

/** The steps of MurmurHash3's finalizer. */
function mixed(hash: number, word: number): number {
  let to = Math.imul(hash ^ word, 0x85ebca6b);
  to = Math.imul(to ^ (to >>> 13), 0xc2b2ae35);
  return to ^ (to >>> 16);
}

const SHA256 = 1;
const SIGNATURE_BYTES = 41;
const PIECE_BYTES = 1024 * 1024;

/**
 * Whether a copy is what GlusterFS has signed (bit rot detection); undefined where it has signed nothing, or the file
 * was written since. `trusted.bit-rot.signature` is a byte for the type, the version that was signed, and the file's
 * SHA-256; `trusted.bit-rot.version` begins with the version that it has now.
 */
export function heldAgainstSignature(
  directory: Directory,
  name: string,
  onProgress: (bytes: number) => void,
): 'fits' | 'broken' | undefined {
  if (directory instanceof DirectoryElsewhere) return directory.heldAgainstSignature(name);
  try {
    const signed = attributeAt(directory, name, 'trusted.bit-rot.signature');
    const version = attributeAt(directory, name, 'trusted.bit-rot.version');
    if (signed === null || version === null || signed.length < SIGNATURE_BYTES || version.length < 8) return undefined;
    if (signed[0] !== SHA256 || !signed.subarray(1, 9).equals(version.subarray(0, 8))) return undefined;
    return sha256(directory, name, onProgress).equals(signed.subarray(9, SIGNATURE_BYTES)) ? 'fits' : 'broken';
  } catch (error) {
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

function sha256(directory: Directory, name: string, onProgress: (bytes: number) => void): Buffer {
  const hash = createHash('sha256');
  const piece = sys.memory(PIECE_BYTES);
  const fd = directory.openFile(name);
  try {
    for (;;) {
      const got = sys.read(fd, piece.address, PIECE_BYTES);
      if (got < 0) throw systemError(got, 'read', name);
      if (got === 0) return hash.digest();
      hash.update(piece.bytes.subarray(0, got));
      onProgress(got);
    }
  } finally {
    sys.close(fd);
  }
}
