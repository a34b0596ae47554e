// A directory of a GlusterFS volume, read from all its bricks at once and never through a mount: what users see of it,
// as if it were one directory. Which brick's copy stands for a name, and which names stand at all, is decided by
// domain/gluster/union.ts; this asks the bricks and hands out what it decided.
import type { BrickEntry, DirectorySight } from '../../domain/gluster/brick.ts';
import { type BrickEvidence, isStillSo } from '../../domain/gluster/evidence.ts';
import { isOfOneMoment, moving } from '../../domain/gluster/moving.ts';
import type { UnionDirectory as Union, UnionName } from '../../domain/gluster/union.ts';
import { unionOf } from '../../domain/gluster/union-of.ts';
import { decodeName, joinPath } from '../../domain/path.ts';
import type { Kind } from '../../domain/version.ts';
import { type Asked, LOOKS_MAX, ofOneMoment } from './asked.ts';
import { attributesAt, mdataMtimeOpen } from './brick-attributes.ts';
import { compared } from './brick-contents.ts';
import { gapOf, unseenBy } from './brick-gaps.ts';
import { BrickGapError, closeAll, mergedStat, noneOpen, sightOf } from './brick-parts.ts';
import type { OpenBricks, Part } from './brick-parts.ts';
import { inodesSaid, type SaidOfName, traceOf } from './brick-trace.ts';
import { partsBelow } from './brick-way.ts';
import type { ContentMeasure } from './compare.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import type { ReadLimits, ReadResult } from './read.ts';
import { askAnew } from './union-ahead.ts';
import { closeFile, Directory, type Listed, statOpen } from './directory.ts';
import {
  areDirectories,
  entriesOf,
  isPointerMode,
  setBelieved,
  shownFile,
  shownStat,
  showStatx,
  withRead,
} from './brick-shown.ts';
import { FileError } from './errors.ts';
import { listParts } from './plain-listing.ts';
import type { PlainNames } from './plain-names.ts';
import { type OnBrick, otherReplicas, showChangeOfAll } from './replicas.ts';
import { type Stat, statAtOffset, STATX } from './stat.ts';
import * as sys from './sys.ts';

const ENOENT = -2;
const ENAMETOOLONG = -36;
const nodes = sys.memory(sys.STATX_BYTES);
const nodesView = new DataView(nodes.bytes.buffer);

interface HolderElsewhere {
  readonly directory: DirectoryElsewhere;
  readonly others: readonly OnBrick[];
}

interface LookHow {
  readonly read?: ReadonlyMap<number, Partial<BrickEntry>>;
  readonly isAnew?: boolean;
}

interface Listing {
  /** All but the plain ones. */
  readonly names: Map<string, Asked>;
  readonly plain: PlainNames | null;
  /** Those that are listed, in order. */
  readonly queue: readonly string[];
}

export class UnionDirectory extends Directory {
  readonly bricks: OpenBricks;
  readonly parts: readonly Part[];
  /** Below the root of the volume; '' is that. */
  readonly below: string;
  readonly #first: number;
  #listed: Listing | null = null;
  #at = 0;
  /** Of files that were opened: their names, and where their replicas are. */
  readonly #opened = new Map<number, { readonly name: string; readonly others: readonly OnBrick[] }>();
  /** Names whose copies were read. */
  readonly #learned = new Map<string, Asked>();

  /** Takes over the parts. @throws FileError where no brick has it; then they are closed */
  constructor(bricks: OpenBricks, parts: readonly Part[], below: string, path: string) {
    const first = parts.findIndex(({ state }) => state === 'open');
    const part = parts[first];
    if (part?.state !== 'open') throw noneOpen(parts, path);
    super(part.directory.fd, shownStat(bricks, mergedStat(part.directory.stat, parts)), path);
    this.bricks = bricks;
    this.parts = parts;
    this.below = below;
    this.#first = first;
  }

  /** What is below: the way of openDirectory(). */
  openBelow(path: string): UnionDirectory {
    const parts = partsBelow(this.bricks, this.parts, path);
    return new UnionDirectory(this.bricks, parts, joinPath(this.below, path), joinPath(this.path, path));
  }

  override close(): void {
    closeAll(this.parts);
  }

  override restat(): Stat {
    const part = this.parts[this.#first];
    if (part?.state !== 'open') throw new Error(`${this.path} was opened without a brick`);
    const parts = this.parts.map((one): Part => {
      if (one.state !== 'open') return one;
      return { ...one, attributes: attributesAt(one.directory, '.') };
    });
    return shownStat(this.bricks, mergedStat(part.directory.restat(), parts, true));
  }

  /** Why names that it does not show may be on a brick all the same; null where it shows all. */
  get incomplete(): { readonly errno: string | null; readonly detail: string } | null {
    this.#list();
    return this.#union.isComplete ? null : unseenBy(this.bricks, this.parts, this.#union);
  }

  /** Names that are listed and not plain at once, with what the bricks have of them. */
  get said(): ReadonlyMap<string, Asked> {
    return this.#list().names;
  }

  #union: Union = NOTHING_KNOWN;

  /** What is left of a name that is absent, and where it belongs. */
  traceOf(name: string): BrickEvidence | null {
    return traceOf(this.bricks, name, this.#askBricks(name));
  }

  /** Whether the bricks have of the name what they had; also where one of them cannot be asked any more. */
  isStillSo(name: string, { copies }: BrickEvidence): boolean {
    const now = inodesSaid(this.bricks, name, this.#sightsOf(name));
    return now === null || isStillSo(copies, now);
  }

  override rewind(): void {
    this.#listed = null;
    this.#at = 0;
    this.#learned.clear();
  }

  /** Puts names of the listing where they are looked up, from where the last call stood. @returns how many are left */
  namesUpTo(max: number, add: (name: Uint8Array) => void): number {
    const { queue } = this.#list();
    const names = queue.slice(this.#at, this.#at + max);
    for (const name of names) add(decodeName(name));
    this.#at += names.length;
    return queue.length - this.#at;
  }

  override *batches(batch: number): Generator<{ names: string[]; types: (Kind | null)[] }, Listed> {
    this.rewind();
    const { queue } = this.#list();
    for (let at = 0; at < queue.length; at += batch) {
      const names = queue.slice(at, at + batch);
      yield { names, types: names.map(() => null) };
    }
    return { count: queue.length, duplicates: 0 };
  }

  /**
   * struct statx of a name as users see it. @returns 0, or -errno
   * @throws FileError; BrickGapError for what is not plain, and where a brick that cannot be asked may have it
   */
  statInto(name: string, memory: sys.Memory, view: DataView, at: number): number {
    const result = this.#fromBrick(name, (holder, asked) => {
      const got = holder.directory.rawStat(name, memory, at);
      if (got === ENOENT || (got === 0 && isPointerMode(view.getUint16(at + STATX.mode, true)))) return null;
      if (got !== 0) return got;
      setBelieved(asked.name, asked.entries, view, at);
      const firstBrick = this.bricks.firstOn.get(holder.directory.stat.device) ?? holder.brick;
      showStatx(view, at, { brick: holder.brick, entries: asked.entries, firstBrick, bricks: this.bricks });
      showChangeOfAll(view, at, this.#othersOf(asked, holder.brick), name);
      return got;
    });
    return result ?? ENOENT;
  }

  override statIfThere(name: string): Stat | null {
    const path = joinPath(this.path, name);
    const result = this.statInto(name, nodes, nodesView, 0);
    if (result === ENOENT) return null;
    if (result !== 0) throw new FileError(result === ENAMETOOLONG ? 'ENAMETOOLONG' : 'EIO', 'lstat', path);
    return statAtOffset(nodesView, 0, path);
  }

  override readlink(name: string): string {
    const target = this.#fromBrick(name, ({ directory }) => directory.readlink(name));
    if (target === null) throw new FileError('ENOENT', 'readlink', joinPath(this.path, name));
    return target;
  }

  override openFile(name: string): number {
    const opened = this.#fromBrick(name, ({ directory, brick }, asked) => {
      const fd = directory.openFile(name);
      this.#opened.set(fd, { name, others: this.#othersOf(asked, brick) });
      if (!isPointerMode(statOpen(fd, directory.path).mode)) return fd;
      closeFile(fd);
      return null;
    });
    if (opened === null) throw new FileError('ENOENT', 'open', joinPath(this.path, name));
    return opened;
  }

  override readThere(name: string, limits: ReadLimits): ReadResult | null {
    return this.#there(name, ({ directory, others }) => {
      const result = directory.readThere(name, limits);
      if (!result.ok) return result.errno === 'ENOENT' ? null : result;
      // Its content is on another brick by now.
      if (isPointerMode(result.stat.mode)) return null;
      const of = { name, others, mdataMtimeNs: directory.mdataRead(name) };
      return { ...result, stat: shownFile(this.bricks, result.stat, of) };
    });
  }

  override measureThere(name: string, lengths: readonly number[] | null): ContentMeasure | null {
    return this.#there(name, ({ directory }) => directory.measureThere(name, lengths));
  }

  /** Null where it is on this host, or nothing stands for it: who opens it here is told why. */
  #there<T>(name: string, use: (holder: HolderElsewhere) => T | null): T | null {
    if (!this.bricks.isElsewhere) return null;
    try {
      const used = this.#fromBrick(name, ({ directory, brick }, asked): { readonly got: T } | 'here' | null => {
        if (!(directory instanceof DirectoryElsewhere)) return 'here';
        const got = use({ directory, others: this.#othersOf(asked, brick) });
        return got === null ? null : { got };
      });
      return used === null || used === 'here' ? null : used.got;
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
  }

  /** Of a file that openFile() gave, as users see it. */
  override statFile(fd: number, path: string): Stat {
    const stat = statOpen(fd, path);
    if (stat.kind !== 'file') return stat;
    // Its content is on another brick by now.
    if (isPointerMode(stat.mode)) throw new FileError('ESTALE', 'fstat', path);
    const { name = '', others = [] } = this.#opened.get(fd) ?? {};
    return shownFile(this.bricks, stat, { name, others, mdataMtimeNs: mdataMtimeOpen(fd) });
  }

  override assertStillThere(): void {
    // Each brick's own listing has asserted it.
  }

  /** Bricks whose copies of the file are to be the same, that which stands for it first; it alone without replicas. */
  replicasOf(name: string): readonly OnBrick[] {
    const copies = this.#fromBrick(name, (holder, asked) => [holder, ...this.#othersOf(asked, holder.brick)]);
    return copies ?? [];
  }

  /** What the name is, with what was read of its copies. */
  learn(name: string, read: ReadonlyMap<number, Partial<BrickEntry>>): UnionName | null {
    const { asked } = this.#lookOnce(name, { read });
    if (asked !== null) this.#learned.set(name, asked);
    return asked?.name ?? null;
  }

  #othersOf({ entries }: Asked, holder: number): readonly OnBrick[] {
    return otherReplicas(this.bricks.volume.topology, entries, holder, this.parts);
  }

  /**
   * What `use` gives of the brick that stands for the name, or null where it is proven absent. A rebalance may move the
   * file to another brick after it was listed: then this one lacks it or has a pointer, for which `use` gives null.
   * @throws BrickGapError for what is not plain, and for a file that moves again and again
   */
  #fromBrick<T>(name: string, use: (holder: OnBrick, asked: Asked) => T | null): T | null {
    for (let look = 1; look <= LOOKS_MAX; look++) {
      const asked = this.#ask(name);
      if (asked === null) return null;
      try {
        const got = use(this.#holderOf(asked, name), asked);
        if (got !== null) return got;
      } catch (error) {
        if (!(error instanceof FileError) || error instanceof BrickGapError || error.errno !== 'ENOENT') throw error;
      }
      this.#askAnew(name);
    }
    throw gapOf(this.bricks, moving(this.#ask(name)?.name, name), joinPath(this.path, name));
  }

  /** What the listing has said of the name holds no more. */
  #askAnew(name: string): void {
    this.#learned.delete(name);
    askAnew(this.parts, [name]);
    if (this.#listed === null) return;
    this.#listed.plain?.forget(name);
    const { asked } = this.#look(name);
    if (asked === null) this.#listed.names.delete(name);
    else this.#listed.names.set(name, asked);
  }

  /** The brick whose copy stands for the name. @throws BrickGapError */
  #holderOf(asked: Asked, name: string): OnBrick {
    const isDirectory = areDirectories(asked.entries);
    // What is below a directory is there, whatever the bricks say of itself: the lowest brick stands for it, as in
    // the constructor.
    const brick = isDirectory ? Math.min(...asked.entries.keys()) : asked.name.holder;
    if (!isDirectory && !asked.name.isClear) throw gapOf(this.bricks, asked.name, joinPath(this.path, name));
    const part = brick === null ? undefined : this.parts[brick];
    if (brick === null || part?.state !== 'open') throw gapOf(this.bricks, asked.name, joinPath(this.path, name));
    return { directory: part.directory, brick };
  }

  /**
   * What a name is; null where it is proven absent.
   * @throws BrickGapError where a brick that may have it is not asked
   */
  #ask(name: string): Asked | null {
    const listed = this.#learned.get(name) ?? this.#listed?.names.get(name) ?? this.#listed?.plain?.find(name);
    if (listed !== undefined && listed !== null && listed.name.class !== 'internal') return listed;
    const { union, asked } = this.#look(name);
    if (asked !== null && asked.name.class !== 'internal') return asked;
    if (union.isComplete) return null;
    const { errno, detail } = unseenBy(this.bricks, this.parts, union);
    throw new BrickGapError(joinPath(this.path, name), 'partial', { errno, detail: `not seen elsewhere; ${detail}` });
  }

  #list(): Listing {
    if (this.#listed !== null) return this.#listed;
    const how = { isRoot: this.below === '', tick: this.bricks.tick };
    const { sights: seen, plain } = listParts(this.bricks.volume, this.parts, how);
    const { union, sights } = this.#unionOf(seen);
    this.#union = union;
    const doubtful = union.names.flatMap((name) => (isOfOneMoment(name) ? [] : [name.name]));
    askAnew(this.parts, doubtful);
    const names = new Map<string, Asked>();
    const queue = plain === null ? [] : [...plain.names()];
    for (const name of union.names) {
      const first = { name, entries: entriesOf(union.sets, sights, name.name) };
      const asked = ofOneMoment(first, (again) => this.#lookOnce(name.name, { isAnew: again }).asked);
      if (asked === null) continue;
      names.set(asked.name.name, asked);
      if (asked.name.class !== 'internal') queue.push(asked.name.name);
    }
    this.#listed = { names, plain, queue };
    return this.#listed;
  }

  /** What the bricks say of one name now; null where none has it. Of one moment, where a rebalance moves it. */
  #look(name: string): { asked: Asked | null; union: Union } {
    const first = this.#lookOnce(name);
    return { ...first, asked: ofOneMoment(first.asked, () => this.#lookOnce(name, { isAnew: true }).asked) };
  }

  /** @param how what is known of its copies, and whether what other hosts have said of it counts no more */
  #lookOnce(name: string, { read, isAnew = false }: LookHow = {}): { asked: Asked | null; union: Union } {
    if (isAnew) askAnew(this.parts, [name]);
    const { union, sights } = this.#askBricks(name, read);
    const [found] = union.names;
    return { union, asked: found === undefined ? null : { name: found, entries: entriesOf(union.sets, sights, name) } };
  }

  /** @param read what is known of it, by brick */
  #askBricks(only: string, read?: ReadonlyMap<number, Partial<BrickEntry>>): SaidOfName {
    const seen = this.#sightsOf(only);
    return this.#unionOf(read === undefined ? seen : withRead(seen, only, read));
  }

  #sightsOf(only: string): DirectorySight[] {
    return this.parts.map((part) => sightOf(part, { only, isRoot: this.below === '', tick: this.bricks.tick }));
  }

  #unionOf(seen: readonly DirectorySight[]): SaidOfName {
    const sights = compared(this.bricks, this.parts, seen);
    return { union: unionOf(this.bricks.volume, sights, this.below === ''), sights };
  }
}

const NOTHING_KNOWN: Union = { names: [], isComplete: false, gaps: [], mtimeNs: null, missingOn: [], sets: [] };
