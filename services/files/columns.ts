// Directories in columns: names as the kernel wrote them, and struct statx beside them, for as many directories as are
// held against the catalog in one round trip. Text, objects and bigints appear only for what becomes a row, a gap or a
// message. One set a lane of a thread, used again and again.
import { encodeName } from '../../domain/path.ts';
import { DENT, isDots, nameEnd } from './dents.ts';
import { type Directory, printableName } from './directory.ts';
import { NameTable } from './name-table.ts';
import { type Stat, statAtOffset, STATX } from './stat.ts';
import * as sys from './sys.ts';
import { UnionDirectory } from './union-directory.ts';

/** What became of a name. Repeated: an earlier part of a huge directory has brought it. Linked: its row stands, too. */
export const NAME = { listed: 0, stands: 1, gap: 2, excluded: 3, deferred: 4, repeated: 5, linked: 6 } as const;

/** Bytes that one call to getdents64 may bring. */
const CALL_BYTES = 32 * 1024;
const NAMES_BYTES = 1024 * 1024;
const ENTRIES = 8_192;
/** What a directory of hundreds of thousands of names has taken is given back. */
const ENTRIES_KEPT = 131_072;
/** Of one listing, or of a part of a long one. */
export interface ListedRange {
  readonly from: number;
  readonly to: number;
  /** Names that came more than once, and stand here once. */
  readonly duplicates: number;
  /** False where the directory holds more names. */
  readonly ended: boolean;
}

export interface Mark {
  readonly count: number;
  readonly used: number;
}

export class Columns {
  #count = 0;
  /** Records of getdents64, one after the other. */
  #names = sys.memory(NAMES_BYTES);
  #used = 0;
  #stats = sys.memory(ENTRIES * sys.STATX_BYTES);
  #view = new DataView(this.#stats.bytes.buffer);
  #nameAt = new Uint32Array(ENTRIES);
  #nameLength = new Uint16Array(ENTRIES);
  #inodes = new Float64Array(ENTRIES);
  #states = new Uint8Array(ENTRIES);
  #digests = new BigInt64Array(ENTRIES);
  #isRead = new Uint8Array(ENTRIES);
  #order = new Uint32Array(ENTRIES);
  /** Of the directory that was listed last. */
  readonly #table = new NameTable();
  readonly #targets = new Map<number, string>();

  get count(): number {
    return this.#count;
  }

  /** struct statx of each entry: entry `i` at `statAt(i)`. */
  get view(): DataView {
    return this.#view;
  }

  /** Nothing is held any more. */
  reset(): void {
    this.back({ count: 0, used: 0 });
    if (this.#nameAt.length <= ENTRIES_KEPT) return;
    this.#names = sys.memory(NAMES_BYTES);
    this.#table.shrink();
    this.#resize(ENTRIES);
  }

  mark(): Mark {
    return { count: this.#count, used: this.#used };
  }

  /** What came since the mark is gone. */
  back({ count, used }: Mark): void {
    this.#count = count;
    this.#used = used;
    for (const index of this.#targets.keys()) if (index >= count) this.#targets.delete(index);
  }

  /**
   * Brings names of the directory from where its last listing stood: rewind() it first for the first ones.
   * @param namesMax the listing is left where it is when it has brought more
   * @param onCall before each call. Throws FileError.
   */
  list(directory: Directory, namesMax: number, onCall: () => void): ListedRange {
    const from = this.#count;
    if (directory instanceof UnionDirectory) {
      const left = directory.namesUpTo(namesMax + 1, (name) => this.add(name));
      return { from, to: this.#count, duplicates: 0, ended: left === 0 };
    }
    let duplicates = 0;
    this.#table.begin();
    while (this.#count - from <= namesMax) {
      onCall();
      this.#reserveNames(CALL_BYTES);
      const got = sys.getdents64(directory.fd, this.#names.address + this.#used, CALL_BYTES);
      if (got < 0) throw directory.listingFailed(got);
      if (got === 0) {
        directory.assertStillThere();
        return { from, to: this.#count, duplicates, ended: true };
      }
      const end = this.#used + got;
      for (let at = this.#used; at < end; ) {
        const length = this.#names.bytes.readUInt16LE(at + DENT.length);
        if (!isDots(this.#names.bytes, at + DENT.name) && !this.#take(at, at + length)) duplicates++;
        at += length;
      }
      this.#used = end;
      directory.assertEnds(this.#count - from, duplicates);
    }
    return { from, to: this.#count, duplicates, ended: false };
  }

  /** A name that did not come from a listing. @returns its index */
  add(name: Uint8Array): number {
    this.#reserveNames(DENT.name + name.length + 1);
    const at = this.#used;
    this.#names.bytes.fill(0, at, at + DENT.name);
    this.#names.bytes.set(name, at + DENT.name);
    this.#names.bytes[at + DENT.name + name.length] = 0;
    this.#used += DENT.name + name.length + 1;
    return this.#append(at + DENT.name, name.length);
  }

  /** @returns whether it is new in this listing */
  #take(at: number, end: number): boolean {
    const name = at + DENT.name;
    const { bytes } = this.#names;
    const length = nameEnd(bytes, name, end) - name;
    if (this.#table.find(this, bytes, name, length) >= 0) return false;
    this.#table.add(this.#append(name, length));
    return true;
  }

  /** Where the directory that was listed last has a name of others; -1 where it has not. */
  indexOf(others: Columns, at: number): number {
    return this.#table.find(this, others.#names.bytes, others.#nameAt[at] ?? 0, others.nameLength(at));
  }

  /** Whether the listing gave the inode (64 bits) that lies in the view. */
  isListedAs(index: number, view: DataView, inode: number): boolean {
    const { bytes } = this.#names;
    const at = (this.#nameAt[index] ?? 0) - DENT.name + DENT.inode;
    return (
      bytes.readUInt32LE(at) === view.getUint32(inode, true) &&
      bytes.readUInt32LE(at + 4) === view.getUint32(inode + 4, true)
    );
  }

  #append(name: number, length: number): number {
    const index = this.#count++;
    if (index >= this.#nameAt.length) this.#resize(2 * this.#nameAt.length);
    this.#nameAt[index] = name;
    this.#nameLength[index] = length;
    const at = name - DENT.name + DENT.inode;
    this.#inodes[index] = this.#names.bytes.readUInt32LE(at + 4) * 2 ** 32 + this.#names.bytes.readUInt32LE(at);
    this.#states[index] = NAME.listed;
    this.#isRead[index] = 0;
    return index;
  }

  /** Whether it has the name that lies in `bytes`. */
  isNamed(index: number, bytes: Buffer, name: number, length: number): boolean {
    if (this.#nameLength[index] !== length) return false;
    const own = this.#names.bytes;
    const at = this.#nameAt[index] ?? 0;
    // Most names are short: a call to compare() costs more.
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[name + i]) return false;
    return true;
  }

  /**
   * Indices in the order of their inodes, which on most disks is the order in which they are stored. Good until the
   * next call.
   */
  inInodeOrder(from: number, to: number): Uint32Array {
    const order = this.#order.subarray(0, to - from);
    const inodes = this.#inodes;
    let ascends = true;
    let descends = true;
    for (let i = 0; i < order.length; i++) {
      order[i] = from + i;
      const step = i === 0 ? 0 : (inodes[from + i] ?? 0) - (inodes[from + i - 1] ?? 0);
      ascends &&= step >= 0;
      descends &&= step <= 0;
    }
    if (ascends) return order;
    // As tmpfs lists them: the newest first.
    return descends ? order.reverse() : order.sort((a, b) => (inodes[a] ?? 0) - (inodes[b] ?? 0));
  }

  /** Looks the name up. @returns 0 or -errno @throws BrickGapError for what is not plain on bricks */
  lookUp(directory: Directory, index: number): number {
    if (directory instanceof UnionDirectory)
      return directory.statInto(this.name(index), this.#stats, this.#view, this.statAt(index));
    return sys.statAt(directory.fd, this.nameAddress(index), this.#stats.address + index * sys.STATX_BYTES);
  }

  nameAddress(index: number): number {
    return this.#names.address + (this.#nameAt[index] ?? 0);
  }

  /** The bytes of the name where they are: a view that the next listing may overwrite. */
  nameBytes(index: number): Buffer {
    const at = this.#nameAt[index] ?? 0;
    return this.#names.bytes.subarray(at, at + (this.#nameLength[index] ?? 0));
  }

  nameLength(index: number): number {
    return this.#nameLength[index] ?? 0;
  }

  /** Copies the name. @returns the offset behind it */
  copyName(index: number, into: Buffer, at: number): number {
    const from = this.#nameAt[index] ?? 0;
    const length = this.#nameLength[index] ?? 0;
    for (let i = 0; i < length; i++) into[at + i] = this.#names.bytes[from + i] ?? 0;
    return at + length;
  }

  /** Printable. */
  name(index: number): string {
    const at = this.#nameAt[index] ?? 0;
    return printableName(this.#names.bytes.toString('latin1', at, at + (this.#nameLength[index] ?? 0)));
  }

  statAt(index: number): number {
    return index * sys.STATX_BYTES;
  }

  /** @throws FileError for what no sound file system says; see unsoundAt() */
  stat(index: number, path: string): Stat {
    return statAtOffset(this.#view, this.statAt(index), path);
  }

  /** A directory whose times the kernel makes up has none. */
  forgetTimes(index: number): void {
    const at = this.statAt(index);
    for (const time of [STATX.btime, STATX.ctime, STATX.mtime]) this.#stats.bytes.fill(0, at + time, at + time + 16);
  }

  state(index: number): number {
    return this.#states[index] ?? NAME.listed;
  }

  setState(index: number, state: number): void {
    this.#states[index] = state;
  }

  /** Of a file's content, signed; null where it is unread. */
  digest(index: number): bigint | null {
    return this.#isRead[index] === 1 ? (this.#digests[index] ?? null) : null;
  }

  setDigest(index: number, digest: bigint | null): void {
    this.#isRead[index] = digest === null ? 0 : 1;
    this.#digests[index] = digest ?? 0n;
  }

  /** A symlink's, printable; null for all others. */
  target(index: number): string | null {
    return this.#targets.get(index) ?? null;
  }

  /** @throws FileError */
  readTarget(directory: Directory, index: number): void {
    this.setTarget(index, directory.readlink(encodeName(this.nameBytes(index))));
  }

  setTarget(index: number, target: string): void {
    this.#targets.set(index, target);
  }

  #reserveNames(bytes: number): void {
    if (this.#used + bytes <= this.#names.bytes.length) return;
    const larger = sys.memory(2 * this.#names.bytes.length);
    larger.bytes.set(this.#names.bytes.subarray(0, this.#used));
    this.#names = larger;
  }

  /** Keeps what fits. */
  #resize(entries: number): void {
    const stats = sys.memory(entries * sys.STATX_BYTES);
    this.#stats.bytes.copy(stats.bytes);
    this.#stats = stats;
    this.#view = new DataView(stats.bytes.buffer);
    this.#nameAt = copied(new Uint32Array(entries), this.#nameAt);
    this.#nameLength = copied(new Uint16Array(entries), this.#nameLength);
    this.#inodes = copied(new Float64Array(entries), this.#inodes);
    this.#states = copied(new Uint8Array(entries), this.#states);
    this.#digests = copied(new BigInt64Array(entries), this.#digests);
    this.#isRead = copied(new Uint8Array(entries), this.#isRead);
    this.#order = new Uint32Array(entries);
  }
}

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigInt64Array;

function copied<A extends Column>(into: A, from: A): A {
  into.set(from.subarray(0, into.length) as never);
  return into;
}
