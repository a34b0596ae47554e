// A directory of a brick that lies on another host: what its host has said of it, and what is asked when more is
// needed. It is used like one that is open here.
import { joinPath } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import type { BrickAttributes, NamedByParent } from './brick-attributes.ts';
import type { ContentMeasure } from './compare.ts';
import { Directory, type Listed } from './directory.ts';
import { askHost, NOTHING_WANTED } from './elsewhere.ts';
import type { Found, FoundDirectory, FoundName, Signature, Wanted } from './elsewhere.ts';
import { FileError, readably } from './errors.ts';
import type { Handles } from './handles.ts';
import type { ReadLimits, ReadResult } from './read.ts';
import { putStat, type Stat } from './stat.ts';
import type * as sys from './sys.ts';

type Answered = Exclude<Found, null>;

/** A brick on another host, for as long as its root is open. */
export interface PlaceElsewhere {
  readonly host: string;
  /** Its root. */
  readonly brick: string;
  /** Tells the hosts of one volume apart: inodes and devices of two hosts may have the same numbers. From 1 on. */
  readonly number: number;
  /** What its root must bear, once that is known. */
  volumeId: string | null;
  /** What was asked for before it was needed, by path; each is used once. */
  readonly ahead: Map<string, Answered>;
}

/** What is wanted of one directory ahead. */
export type WantedAhead = Pick<Wanted, 'path'> & Partial<Wanted>;

export class DirectoryElsewhere extends Directory {
  readonly place: PlaceElsewhere;
  /** Below the brick's root. */
  readonly below: string;
  #found: FoundDirectory;
  /** The listing that came with it was not handed out yet. */
  #isFresh: boolean;
  #mdataRead: { readonly name: string; readonly mtimeNs: bigint | null } | null = null;

  private constructor(place: PlaceElsewhere, below: string, found: FoundDirectory) {
    super(-1, shifted(found.stat, place), joinPath(`${place.host}:${place.brick}`, below));
    this.place = place;
    this.below = below;
    this.#found = found;
    this.#isFresh = found.after !== null;
  }

  /** @param keys attributes of the directory itself @throws FileError */
  static open(place: PlaceElsewhere, below: string, keys: readonly string[] = []): DirectoryElsewhere {
    const known = place.ahead.get(below);
    place.ahead.delete(below);
    const found = known ?? asked(place, { path: below, keys }, false);
    if ('errno' in found)
      throw new FileError(found.errno, 'open', `${place.host}:${place.brick}/${below}`, found.detail);
    return new DirectoryElsewhere(place, below, found);
  }

  openBelow(path: string): DirectoryElsewhere {
    return DirectoryElsewhere.open(this.place, joinPath(this.below, path));
  }

  override close(): void {
    // Nothing is open here.
  }

  override restat(): Stat {
    const { after } = this.#found;
    return shifted(after ?? this.#ask({}).stat, this.place);
  }

  override rewind(): void {
    // Each listing is one answer.
  }

  override *batches(batch: number): Generator<{ names: string[]; types: (Kind | null)[] }, Listed> {
    const { listed, broke } = this.#listing();
    for (let at = 0; at < listed.length; at += batch) {
      const names = listed.slice(at, at + batch);
      yield { names, types: names.map(() => null) };
    }
    if (broke !== null) throw new FileError(broke, 'list', this.path);
    return { count: listed.length, duplicates: 0 };
  }

  override assertStillThere(): void {
    // Its host has asserted it.
  }

  override statIfThere(name: string): Stat | null {
    const found = this.#name(name);
    if (!('errno' in found)) return shifted(found.stat, this.place);
    if (found.errno === 'ENOENT') return null;
    throw this.#failed(name, 'lstat', found);
  }

  /** As sys.statAt. @returns 0 or -errno */
  override rawStat(name: string, memory: sys.Memory, at: number): number {
    const found = this.#name(name);
    if (!('errno' in found)) {
      putStat(memory, at, shifted(found.stat, this.place));
      return 0;
    }
    if (found.errno === 'ENOENT') return -2;
    throw this.#failed(name, 'lstat', found);
  }

  override readlink(name: string): string {
    const found = this.#name(name);
    if ('errno' in found) throw this.#failed(name, 'readlink', found);
    if (found.target === null) throw new FileError('EINVAL', 'readlink', joinPath(this.path, name));
    return found.target;
  }

  /** Of what GlusterFS keeps beside a name; '.' is the directory itself. @throws FileError */
  attributes(name: string): BrickAttributes {
    if (name === '.') return this.#found.attributes;
    const found = this.#name(name);
    if ('errno' in found) throw this.#failed(name, 'listxattr', found);
    return found.attributes;
  }

  /** One attribute of the directory itself. */
  attribute(key: string): Buffer | null {
    const { keys } = this.#found;
    return keys.get(key) ?? (keys.has(key) ? null : (this.#ask({ keys: [key] }).keys.get(key) ?? null));
  }

  override bearsAttribute(key: string): boolean {
    return this.attribute(key) !== null;
  }

  override openFile(name: string): number {
    throw new FileError('EOPNOTSUPP', 'open', joinPath(this.path, name), 'it is read by its own host');
  }

  override readThere(name: string, { isFromMedium = false }: ReadLimits): ReadResult {
    let content = this.#found.contents.get(name);
    this.#found.contents.delete(name);
    try {
      content ??= this.#ask({ read: [name] }, isFromMedium).contents.get(name);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { ok: false, status: 'partial', errno: error.errno, detail: error.message };
    }
    if (content === undefined) throw new Error(`${name} was not read`);
    const { result, mdataMtimeNs } = content;
    this.#mdataRead = { name, mtimeNs: mdataMtimeNs };
    return result.ok ? { ...result, stat: shifted(result.stat, this.place) } : result;
  }

  /** mtime of `trusted.glusterfs.mdata` of what readThere() has just read. */
  mdataRead(name: string): bigint | null {
    return this.#mdataRead?.name === name ? this.#mdataRead.mtimeNs : null;
  }

  override measureThere(name: string, lengths: readonly number[] | null): ContentMeasure {
    try {
      const measure = this.#ask({ measure: [{ name, lengths }] }).measures.get(name);
      if (measure === undefined) throw new Error(`${name} was not measured`);
      return measure;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { errno: error.errno, size: 0, zeroFrom: null, firsts: [] };
    }
  }

  /** What GlusterFS has written beside a file: the names that it had. @throws FileError */
  namesHad(name: string): readonly NamedByParent[] {
    return this.#ask({ had: [name] }).had.get(name) ?? [];
  }

  /** As services/files/replicas.ts. */
  heldAgainstSignature(name: string): Signature | undefined {
    try {
      return this.#ask({ signed: [name] }).signed.get(name) ?? undefined;
    } catch (error) {
      if (error instanceof FileError) return undefined;
      throw error;
    }
  }

  /** Of a brick's root: as services/files/handles.ts. */
  handlesWithoutName(): Handles {
    try {
      return this.#ask({ handles: true }).handles ?? NO_HANDLES;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return { orphans: [], unread: new Map([[error.errno, ['.glusterfs']]]) };
    }
  }

  /** Reads contents before they are needed, in one question. */
  readAhead(names: readonly string[], isFromMedium: boolean): void {
    const wanted = names.filter((name) => !this.#found.contents.has(name));
    if (wanted.length > 0) this.keep(this.#tried({ read: wanted }, isFromMedium));
  }

  /** What is known of these names holds no more. */
  forget(names: readonly string[]): void {
    for (const name of names) {
      this.#found.names.delete(name);
      this.#found.contents.delete(name);
    }
  }

  hasContent(name: string): boolean {
    return this.#found.contents.has(name);
  }

  /** It was listed or looked up: nobody has to ask for it. */
  knows(name: string): boolean {
    return this.#found.names.has(name);
  }

  /** Takes over what else was found of the directory. */
  keep(found: FoundDirectory | null): void {
    for (const [name, content] of found?.contents ?? []) this.#found.contents.set(name, content);
    for (const [name, one] of found?.names ?? []) this.#found.names.set(name, one);
  }

  #listing(): FoundDirectory {
    if (!this.#isFresh) this.#found = this.#ask({ list: true });
    this.#isFresh = false;
    return this.#found;
  }

  #name(name: string): FoundName {
    const { names } = this.#found;
    const found = names.get(name) ?? this.#ask({ names: [name] }).names.get(name);
    if (found === undefined) throw new Error(`${name} was not looked up`);
    return found;
  }

  #failed(name: string, operation: string, { errno, detail }: { errno: string; detail: string | null }): FileError {
    return new FileError(errno, operation, joinPath(this.path, name), detail);
  }

  /** @throws FileError where the directory cannot be opened any more */
  #ask(wanted: Partial<Wanted>, isFromMedium = false): FoundDirectory {
    const found = asked(this.place, { ...wanted, path: this.below }, isFromMedium);
    if ('errno' in found) throw new FileError(found.errno, 'open', this.path, found.detail);
    return found;
  }

  /** What cannot be had ahead is asked for when it is needed. */
  #tried(wanted: Partial<Wanted>, isFromMedium: boolean): FoundDirectory | null {
    return readably(() => this.#ask(wanted, isFromMedium));
  }
}

const NO_HANDLES: Handles = { orphans: [], unread: new Map() };

function asked(place: PlaceElsewhere, wanted: WantedAhead, isFromMedium: boolean): Answered {
  const { volumeId, host, brick } = place;
  const one = { ...NOTHING_WANTED, ...wanted, brick };
  const [found] = askHost(host, { volumeId, wanted: [one], record: false, isFromMedium }).found;
  if (found === undefined || found === null) throw new Error('one directory is never too much');
  return found;
}

/** Of one directory of one brick. */
export interface Ahead {
  readonly place: PlaceElsewhere;
  readonly wanted: WantedAhead;
  /** Where what was found goes; the place's own store unless given. */
  readonly into?: DirectoryElsewhere;
}

/** Asks each host once for all of these. What it does not say now is asked for when it is needed. */
export function askAhead(all: readonly Ahead[], isFromMedium = false): void {
  for (const host of new Set(all.map(({ place }) => place.host))) {
    const own = all.filter(({ place, wanted, into }) => {
      return place.host === host && (into !== undefined || !place.ahead.has(wanted.path));
    });
    if (own.length === 0) continue;
    const wanted = own.map((one): Wanted => ({ ...NOTHING_WANTED, ...one.wanted, brick: one.place.brick }));
    const volumeId = own[0]?.place.volumeId ?? null;
    let found: readonly Found[];
    try {
      found = askHost(host, { volumeId, wanted, record: false, isFromMedium }).found;
    } catch (error) {
      if (error instanceof FileError) continue;
      throw error;
    }
    for (const [at, { place, wanted: its, into }] of own.entries()) {
      const one = found[at] ?? null;
      if (one === null) continue;
      if (into === undefined) place.ahead.set(its.path, one);
      else if (!('errno' in one)) into.keep(one);
    }
  }
}

function shifted<T extends Stat>(stat: T, { number }: PlaceElsewhere): T {
  const device = BigInt.asUintN(64, stat.device ^ (BigInt(number) << 56n));
  return { ...stat, device, mountId: stat.mountId + number * 2 ** 40 };
}
