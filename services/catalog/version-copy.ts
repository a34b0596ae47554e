// Version rows on their way into `packed_version` by binary COPY: fields are appended to one buffer in the order of the
// columns, and what is usual becomes null, as the view `version` gives it back (migrations/0001_catalog.sql). Nobody
// else knows the packing.
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { EndReason, Version } from '../../domain/version.ts';
import { type AttributeIds, REASON_LETTERS } from './rows.ts';

const COPY_VERSIONS = `copy packed_version (first_seq, mtime_ns, digest, end_seq, size, inode, ctime_ns, btime_ns, zero_from, read_seq, rdev,
  root, directory, attribute, small_size, small_inode, born_before_ns, nlink, end_reason, suspect, racy, name, target) from stdin with (format binary)`;
const COLUMNS = 23;
/** What an int4 holds. */
const SMALL_MAX = 2 ** 31 - 1;

/** A shard divides before its rows come to more. */
export const COPY_BYTES_MAX = 8 << 20;
/** Room for one row: the widest fields, the longest name as printable text, and the longest target. */
const ROW_BYTES_MAX = 256 + 4 * 255 + 4 * 4096;
const FIRST_BYTES = 256 << 10;
const CHUNK_BYTES = 256 << 10;

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const TRAILER = Buffer.from([0xff, 0xff]);
/** zero_from of a content that was read by somebody who did not record it. */
const LOOKS_UNKNOWN = -1;

/** Fields of binary COPY, big-endian, each with its length before it, in one buffer that grows. */
export class CopyFields {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** Of the same memory: Buffer's own writers of 64 bits are ten times slower (2026-11-30). */
  #view = new DataView(this.#buffer.buffer);
  #at = SIGNATURE.copy(this.#buffer);
  #rows = 0;

  /** So far, with the header. */
  get bytes(): number {
    return this.#at;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Begins a row; as many fields must follow. */
  row(fields: number): void {
    this.reserve(ROW_BYTES_MAX);
    this.#view.setInt16(this.#at, fields);
    this.#at += 2;
    this.#rows++;
  }

  null(): void {
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }

  /** From −2^63 to 2^64 − 1: an unsigned digest becomes the signed number of the same bits. */
  int8(value: bigint): void {
    this.#view.setInt32(this.#at, 8);
    this.#view.setBigUint64(this.#at + 4, value);
    this.#at += 12;
  }

  /** An integer that a Number holds exactly. */
  int8Number(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.int8Words(high, value - high * 0x1_0000_0000);
  }

  /** The two halves of 64 bits, as statx leaves them in memory; signs do not matter. */
  int8Words(high: number, low: number): void {
    this.#view.setInt32(this.#at, 8);
    this.#view.setUint32(this.#at + 4, high);
    this.#view.setUint32(this.#at + 8, low);
    this.#at += 12;
  }

  int4(value: number): void {
    this.#view.setInt32(this.#at, 4);
    this.#view.setInt32(this.#at + 4, value);
    this.#at += 8;
  }

  /** A boolean, or a "char" by its code. */
  byte(value: number): void {
    this.#view.setInt32(this.#at, 1);
    this.#view.setUint8(this.#at + 4, value);
    this.#at += 5;
  }

  /** Text, or its UTF-8 bytes. */
  text(value: string | Uint8Array): void {
    const lengthAt = this.#at;
    this.reserve(4 + (typeof value === 'string' ? 3 * value.length : value.length) + ROW_BYTES_MAX);
    if (typeof value === 'string') this.#at += 4 + this.#buffer.write(value, lengthAt + 4, 'utf8');
    else {
      this.#buffer.set(value, lengthAt + 4);
      this.#at += 4 + value.length;
    }
    this.#view.setInt32(lengthAt, this.#at - lengthAt - 4);
  }

  /** Everything, for one COPY. The buffer must not be written to before that has ended. */
  *chunks(): Generator<Uint8Array> {
    for (let start = 0; start < this.#at; start += CHUNK_BYTES)
      yield this.#buffer.subarray(start, Math.min(start + CHUNK_BYTES, this.#at));
    yield TRAILER;
  }

  /** Begins anew in the same memory. */
  clear(): void {
    this.#at = SIGNATURE.length;
    this.#rows = 0;
  }

  private reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Where a row belongs. Directory and attribute are ids; name is printable text, or the UTF-8 bytes of it. */
export interface RowPlace {
  readonly root: number;
  readonly directory: number;
  readonly attribute: number;
  readonly name: string | Uint8Array;
}

/** Rows for one COPY. Can be used again and again, one COPY after the other. */
export class VersionCopy {
  /** Of the row that is being added: add() is the one place that knows which fields, in which order. */
  readonly #fields = new CopyFields();

  get rows(): number {
    return this.#fields.rows;
  }

  get bytes(): number {
    return this.#fields.bytes;
  }

  add(version: Version, place: RowPlace): void {
    const { size, inode, ctimeNs, nlink } = version;
    const bornBeforeNs = ctimeNs - version.btimeNs;
    const isSmallSize = size !== null && size <= SMALL_MAX;
    const isSmallInode = inode >= 0n && inode <= SMALL_MAX;
    const isBornShortlyBefore = bornBeforeNs >= 0n && bornBeforeNs <= SMALL_MAX;
    const to = this.#fields;
    to.row(COLUMNS);
    to.int8(version.firstSeq);
    to.int8(version.mtimeNs);
    bigint(to, version.digest);
    bigint(to, version.endSeq);
    number(to, isSmallSize ? null : size);
    bigint(to, isSmallInode ? null : inode);
    bigint(to, ctimeNs === version.mtimeNs ? null : ctimeNs);
    bigint(to, isBornShortlyBefore ? null : version.btimeNs);
    number(to, packedLooks(version));
    bigint(to, version.readSeq === version.firstSeq ? null : version.readSeq);
    bigint(to, version.rdev);
    to.int4(place.root);
    to.int4(place.directory);
    to.int4(place.attribute);
    small(to, isSmallSize ? size : null);
    small(to, isSmallInode ? Number(inode) : null);
    small(to, isBornShortlyBefore && bornBeforeNs !== 0n ? Number(bornBeforeNs) : null);
    small(to, nlink === 1 ? null : nlink);
    reason(to, version.endReason);
    flag(to, version.suspect);
    flag(to, version.racy);
    to.text(place.name);
    if (version.target === null) to.null();
    else to.text(version.target);
  }

  /** Sends the rows; without rows nothing is sent. They stay until clear(), because what failed is sent again. */
  async write(client: ClientBase): Promise<void> {
    if (this.rows === 0) return;
    await pipeline(Readable.from(this.#fields.chunks(), { objectMode: false }), client.query(copyFrom(COPY_VERSIONS)));
  }

  clear(): void {
    this.#fields.clear();
  }
}

/** A version with its place. */
export interface VersionRow extends Version {
  readonly directory: number;
  readonly name: string;
}

/** What a shard has seen anew. Rows become bytes at once, so that no object lives until the shard is written. */
export class NewVersions {
  readonly #copy = new VersionCopy();
  readonly #root: number;
  readonly #attributes: AttributeIds;
  /** Rows whose attributes no id is known of yet: few, and only at first. */
  #waiting: VersionRow[] = [];

  constructor(root: number, attributes: AttributeIds) {
    this.#root = root;
    this.#attributes = attributes;
  }

  get count(): number {
    return this.#copy.rows + this.#waiting.length;
  }

  get bytes(): number {
    return this.#copy.bytes;
  }

  add(row: VersionRow): void {
    const attribute = this.#attributes.known(row);
    if (attribute === null) this.#waiting.push(row);
    else this.#copy.add(row, { root: this.#root, directory: row.directory, attribute, name: row.name });
  }

  /** Before the transaction that writes them: what is new of attributes is added in a statement of its own. */
  async resolve(client: ClientBase): Promise<void> {
    await this.#attributes.resolve(client, this.#waiting);
    for (const row of this.#waiting.splice(0)) this.add(row);
  }

  /** Only after resolve(). May be repeated. */
  write(client: ClientBase): Promise<void> {
    return this.#copy.write(client);
  }
}

function packedLooks({ digest, zeroFrom, size }: Version): number | null {
  if (digest === null || zeroFrom === size) return null;
  return zeroFrom ?? LOOKS_UNKNOWN;
}

function bigint(to: CopyFields, value: bigint | null): void {
  if (value === null) to.null();
  else to.int8(value);
}

function number(to: CopyFields, value: number | null): void {
  if (value === null) to.null();
  else to.int8Number(value);
}

function small(to: CopyFields, value: number | null): void {
  if (value === null) to.null();
  else to.int4(value);
}

function flag(to: CopyFields, value: boolean): void {
  if (value) to.byte(1);
  else to.null();
}

function reason(to: CopyFields, value: EndReason | null): void {
  if (value === null) to.null();
  else to.byte(REASON_LETTERS[value].charCodeAt(0));
}
