// The digests of a directory's listing. The stat digest tells, without asking the catalog for a row, whether anything
// that a later scan must notice moved; the link digest does so for files of which a snapshot has made another hard
// link, which changes the ctime of each; the content digest tells whether live and backup hold the same. All add up a
// hash per entry, so the order of a listing does not count, and a part of it is told from the whole and the rest.
import { decodeTarget } from '../../domain/path.ts';
import type { Kind, Metadata, Proof } from '../../domain/version.ts';
import type { Columns } from './columns.ts';
import type { Hasher } from './hash.ts';
import { deviceAt, FORMAT_FILE, formatAt, formatOf, kindAt, setTime, sizeAt, STATX } from './stat.ts';

/** What both sides can share. */
export interface ContentEntry {
  readonly kind: Kind;
  readonly size: number | null;
  readonly rdev: bigint | null;
  /** Unsigned; null for an unread file, and for anything else. */
  readonly digest: bigint | null;
}

const KIND_CODE: Readonly<Record<Kind, number>> = {
  file: 1,
  directory: 2,
  symlink: 3,
  fifo: 4,
  socket: 5,
  'char-device': 6,
  'block-device': 7,
};
const HAS_TARGET = 0x80;

/**
 * Words of struct statx that the stat digest is made of, by their 32-bit index: owner, mode; inode, size; ctime; mtime;
 * device number.
 */
const WORDS = [
  STATX.uid,
  STATX.gid,
  STATX.mode,
  STATX.inode,
  STATX.inode + 4,
  STATX.size,
  STATX.size + 4,
  STATX.ctime,
  STATX.ctime + 4,
  STATX.ctime + 8,
  STATX.mtime,
  STATX.mtime + 4,
  STATX.mtime + 8,
  STATX.rdev,
  STATX.rdev + 4,
];
const STAT_BYTES = WORDS.length * 4 + 1;
/** Where a field of struct statx lies in what is hashed. */
const offsetOf = (field: number): number => WORDS.indexOf(field) * 4;
const AT = {
  uid: offsetOf(STATX.uid),
  gid: offsetOf(STATX.gid),
  mode: offsetOf(STATX.mode),
  inode: offsetOf(STATX.inode),
  size: offsetOf(STATX.size),
  ctime: offsetOf(STATX.ctime),
  mtime: offsetOf(STATX.mtime),
  target: STAT_BYTES - 1,
} as const;
const CTIME = [AT.ctime, AT.ctime + 4, AT.ctime + 8];
/** Only a file's counts, because a directory's is its file system's business. */
const SIZE = [AT.size, AT.size + 4];
const CONTENT_BYTES = 25;

/** One per thread; reset() before each directory. */
export class ListingDigest {
  readonly #hasher: Hasher;
  /** Where an entry is put together: a fixed part, a name, and a target, which may be as long as a path. */
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #stat = 0n;
  #link = 0n;
  #content = 0n;
  #unread = false;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
    this.#bytes = hasher.scratch;
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  }

  reset(): void {
    this.#stat = 0n;
    this.#link = 0n;
    this.#content = 0n;
    this.#unread = false;
  }

  /** Adds an entry that was looked up to the stat digest. */
  addStat(columns: Columns, index: number): void {
    this.#fill(columns, index);
    const target = columns.target(index);
    this.#stat = BigInt.asUintN(64, this.#stat + this.#hash(columns.copyName(index, this.#bytes, STAT_BYTES), target));
  }

  /**
   * Adds an entry to the link digest: of a file all but its ctime, of anything else only that it is there. A snapshot
   * has directories of its own, and a row of each is asked for in any case.
   */
  addLink(columns: Columns, index: number): void {
    this.#fill(columns, index);
    if (formatAt(columns.view, columns.statAt(index)) === FORMAT_FILE)
      for (const at of CTIME) this.#view.setUint32(at, 0, true);
    else this.#onlyThere(formatAt(columns.view, columns.statAt(index)));
    this.#addLink(columns.copyName(index, this.#bytes, STAT_BYTES));
  }

  /** As addLink(), of what a row says of a name. */
  addLinkOf(name: string, version: Metadata & Pick<Proof, 'inode'>): void {
    const format = formatOf(version.kind);
    this.#onlyThere(format);
    if (format === FORMAT_FILE) {
      const view = this.#view;
      view.setUint32(AT.uid, version.uid, true);
      view.setUint32(AT.gid, version.gid, true);
      view.setUint32(AT.mode, format | version.mode, true);
      view.setBigInt64(AT.inode, version.inode, true);
      view.setBigInt64(AT.size, BigInt(version.size ?? 0), true);
      setTime(view, AT.mtime, version.mtimeNs);
    }
    this.#addLink(this.#write(STAT_BYTES, name));
  }

  #addLink(end: number): void {
    this.#link = BigInt.asUintN(64, this.#link + this.#hash(end, null));
  }

  #onlyThere(format: number): void {
    this.#bytes.fill(0, 0, STAT_BYTES);
    this.#view.setUint32(AT.mode, format, true);
  }

  #fill(columns: Columns, index: number): void {
    const view = this.#view;
    const from = columns.view;
    const at = columns.statAt(index);
    for (let word = 0; word < WORDS.length; word++)
      view.setUint32(word * 4, from.getUint32(at + (WORDS[word] ?? 0), true), true);
    // The mode is 16 bits wide.
    view.setUint32(AT.mode, from.getUint16(at + STATX.mode, true), true);
    if (formatAt(from, at) !== FORMAT_FILE) for (const byte of SIZE) view.setUint32(byte, 0, true);
    view.setUint8(AT.target, columns.target(index) === null ? 0 : HAS_TARGET);
  }

  /**
   * Adds an entry to the content digest, which is null from the first file on that is unread. Owner, mode and times do
   * not count.
   */
  addContent(columns: Columns, index: number): void {
    if (this.#unread) return;
    const from = columns.view;
    const at = columns.statAt(index);
    const kind = kindAt(from, at);
    const digest = columns.digest(index);
    const isDevice = kind === 'char-device' || kind === 'block-device';
    const target = columns.target(index);
    const size = kind === 'file' ? sizeAt(from, at) : null;
    if (!this.#head({ kind, size, rdev: isDevice ? deviceAt(from, at + STATX.rdev) : null, digest }, target)) return;
    this.#addContent(columns.copyName(index, this.#bytes, CONTENT_BYTES), target);
  }

  /** As addContent, of an entry that another host looked at. Name and target are printable. */
  addContentOf(name: string, entry: ContentEntry, target: string | null): void {
    if (this.#unread || !this.#head(entry, target)) return;
    this.#addContent(this.#write(CONTENT_BYTES, name), target);
  }

  #addContent(end: number, target: string | null): void {
    this.#content = BigInt.asUintN(64, this.#content + this.#hash(end, target));
  }

  /** @returns false for an unread file, after which there is nothing to add */
  #head({ kind, size, rdev, digest }: ContentEntry, target: string | null): boolean {
    if (kind === 'file' && digest === null) {
      this.#unread = true;
      return false;
    }
    const view = this.#view;
    view.setUint8(0, KIND_CODE[kind] | (target === null ? 0 : HAS_TARGET));
    view.setFloat64(1, size ?? 0);
    view.setBigUint64(9, rdev ?? 0n);
    view.setBigInt64(17, digest ?? 0n);
    return true;
  }

  /** Signed, as Postgres keeps it; 0n for an empty directory. */
  statDigest(): bigint {
    return BigInt.asIntN(64, this.#stat);
  }

  /** Signed, as Postgres keeps it. */
  linkDigest(): bigint {
    return BigInt.asIntN(64, this.#link);
  }

  /** Signed, as Postgres keeps it; null when a file was unread. */
  contentDigest(): bigint | null {
    return this.#unread ? null : BigInt.asIntN(64, this.#content);
  }

  /** @param end behind the name */
  #hash(end: number, target: string | null): bigint {
    let behind = end;
    if (target !== null) {
      // A name holds no NUL, so name and target cannot run into one another.
      this.#bytes[end] = 0;
      behind = this.#write(end + 1, target);
    }
    return this.#hasher.ofScratch(behind);
  }

  /** The bytes of a printable text. */
  #write(at: number, text: string): number {
    if (!text.includes('\\')) return at + this.#bytes.write(text, at, 'utf8');
    const bytes = decodeTarget(text);
    this.#bytes.set(bytes, at);
    return at + bytes.length;
  }
}
