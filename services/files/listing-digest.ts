// Two digests of one directory that do not depend on the order of its names: the hash of every entry, added modulo 2^64. An equal stat digest
// tells the next scan of this root that nothing moved; an equal content digest tells judging that live and backup hold the same.
import { type Kind, KINDS } from '../../domain/version.ts';
import type { Hasher } from './hash.ts';
import type { Stat } from './stat.ts';

/** What of a Stat counts in the stat digest. */
export type StatEntry = Pick<Stat, 'kind' | 'mode' | 'uid' | 'gid' | 'size' | 'mtimeNs' | 'rdev' | 'inode' | 'ctimeNs'>;

export interface ContentEntry {
  readonly kind: Kind;
  readonly size: number | null;
  readonly rdev: bigint | null;
  /** Unsigned; null means unread. */
  readonly digest: bigint | null;
}

const KIND_CODE: Readonly<Record<Kind, number>> = {
  file: KINDS.indexOf('file'),
  directory: KINDS.indexOf('directory'),
  symlink: KINDS.indexOf('symlink'),
  fifo: KINDS.indexOf('fifo'),
  socket: KINDS.indexOf('socket'),
  'char-device': KINDS.indexOf('char-device'),
  'block-device': KINDS.indexOf('block-device'),
};

/** Bits of the first byte, beside the kind: a null is not a 0. */
const HAS_SIZE = 0x10;
const HAS_RDEV = 0x20;
const HAS_TARGET = 0x40;

/** A printable name has at most 4 units a byte (`\xhh`), a target of 4,095 bytes as well: 255 × 4 + 4,095 × 4 and the fixed part. */
const BUFFER_BYTES = 32 * 1024;

/** One per thread; reset() before each directory. */
export class ListingDigest {
  readonly #hasher: Hasher;
  readonly #bytes = Buffer.alloc(BUFFER_BYTES);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, BUFFER_BYTES);
  #stat = 0n;
  #content = 0n;
  #unread = false;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  reset(): void {
    this.#stat = 0n;
    this.#content = 0n;
    this.#unread = false;
  }

  /** Adds an entry to the stat digest. Name and target are printable; target is null for anything but a symlink. */
  addStat(name: string, entry: StatEntry, target: string | null): void {
    const view = this.#view;
    view.setUint8(0, this.#head(entry.kind, entry.size, entry.rdev, target));
    view.setUint16(1, entry.mode);
    view.setUint32(3, entry.uid);
    view.setUint32(7, entry.gid);
    view.setFloat64(11, entry.size ?? 0);
    view.setBigInt64(19, entry.mtimeNs);
    view.setBigInt64(27, entry.ctimeNs);
    view.setBigInt64(35, entry.inode);
    view.setBigInt64(43, entry.rdev ?? 0n);
    this.#stat = BigInt.asUintN(64, this.#stat + this.#hash(51, name, target));
  }

  /** Adds an entry to the content digest, which is null from the first file on that is unread. Owner, mode and times do not count. */
  addContent(name: string, entry: ContentEntry, target: string | null): void {
    if (this.#unread) return;
    if (entry.kind === 'file' && entry.digest === null) {
      this.#unread = true;
      return;
    }
    const view = this.#view;
    view.setUint8(0, this.#head(entry.kind, entry.size, entry.rdev, target));
    view.setFloat64(1, entry.size ?? 0);
    view.setBigInt64(9, entry.rdev ?? 0n);
    view.setBigUint64(17, entry.digest ?? 0n);
    this.#content = BigInt.asUintN(64, this.#content + this.#hash(25, name, target));
  }

  /** Signed, as Postgres keeps it; 0n for an empty directory. */
  statDigest(): bigint {
    return BigInt.asIntN(64, this.#stat);
  }

  /** Signed, as Postgres keeps it; null when a file was unread. */
  contentDigest(): bigint | null {
    return this.#unread ? null : BigInt.asIntN(64, this.#content);
  }

  #head(kind: Kind, size: number | null, rdev: bigint | null, target: string | null): number {
    return (
      KIND_CODE[kind] |
      (size === null ? 0 : HAS_SIZE) |
      (rdev === null ? 0 : HAS_RDEV) |
      (target === null ? 0 : HAS_TARGET)
    );
  }

  #hash(fixed: number, name: string, target: string | null): bigint {
    let end = this.#write(fixed, name);
    if (target !== null) {
      // Printable text holds no NUL, so name and target cannot run into one another.
      this.#bytes[end] = 0;
      end = this.#write(end + 1, target);
    }
    return this.#hasher.one(this.#bytes.subarray(0, end));
  }

  /** Short ASCII is copied here: for most names that is faster than the call into the runtime. */
  #write(at: number, text: string): number {
    const bytes = this.#bytes;
    if (text.length <= 32) {
      let i = 0;
      for (; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        bytes[at + i] = unit;
      }
      if (i === text.length) return at + i;
    }
    return at + bytes.write(text, at, 'utf8');
  }
}
