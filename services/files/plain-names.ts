// The names of one directory that are plain on its bricks, in columns: most names are, and a directory may hold a
// million. What is anything else becomes an object each (union-directory.ts).
import type { BrickEntry, DirectorySight } from '../../domain/gluster/brick.ts';
import { isOrdinary, type PlainRule, plainRule } from '../../domain/gluster/plain.ts';
import type { UnionName, UnionVolume } from '../../domain/gluster/union.ts';
import { decodeName } from '../../domain/path.ts';
import type { Asked } from './asked.ts';
import { lookAt, looked } from './brick-look.ts';
import type { Directory } from './directory.ts';
import { FORMAT_DIRECTORY, FORMAT_FILE } from './stat.ts';

const ROOM = 256;
/** No file has this mtime. */
const NO_TIME = -(2n ** 63n);

const PLAIN: Omit<UnionName, 'name' | 'holder'> = {
  class: 'plain',
  isClear: true,
  entry: null,
  evidence: [],
  copies: [],
  rescue: [],
  gaps: [],
};
/** Of what is no directory. What else is asked of it is looked up on its brick. */
const ORDINARY: BrickEntry = {
  kind: 'file',
  mode: 0o600,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeNs: 0n,
  nlink: 1,
  target: null,
  rdev: null,
  gfid: null,
  linkto: null,
  mdataMtimeNs: null,
  digest: null,
  zeroFrom: null,
  pending: [],
};

export class PlainNames {
  readonly #rule: PlainRule;
  /** By brick. */
  readonly #subvolumes: readonly number[];
  readonly #sets: readonly (readonly number[])[];
  readonly #index = new Map<string, number>();
  /** Names that have to be looked at closely. */
  readonly #contested = new Set<string>();
  /** Of these, the ones that looked plain on an earlier brick. */
  readonly #withdrawn: { readonly name: string; readonly bricks: readonly number[] }[] = [];
  #count = 0;
  #bricks = new Uint16Array(ROOM);
  #copies = new Uint8Array(ROOM);
  #modes = new Uint16Array(ROOM);
  #sizes = new Float64Array(ROOM);
  #mtimes = new BigInt64Array(ROOM);
  #gfids = new BigUint64Array(2 * ROOM);

  /** Null where no name of the directory is plain without a closer look. */
  static in(volume: UnionVolume, sights: readonly DirectorySight[]): PlainNames | null {
    const rule = plainRule(volume, sights);
    return rule === null ? null : new PlainNames(rule, volume);
  }

  private constructor(rule: PlainRule, { topology: { bricks, subvolumes } }: UnionVolume) {
    this.#rule = rule;
    this.#sets = subvolumes.map((one) => one.bricks);
    this.#subvolumes = bricks.map((_, brick) => this.#sets.findIndex((set) => set.includes(brick)));
  }

  /** Bricks come one after the other. @returns false for a name that is to be looked at closely */
  take(brick: number, directory: Directory, name: string): boolean {
    if (this.#contested.has(name)) return false;
    const subvolume = this.#subvolumes[brick] ?? -1;
    const isReplicated = (this.#sets[subvolume]?.length ?? 1) > 1;
    const isPlain =
      lookAt(directory, name, isReplicated) === 0 &&
      !looked.isMarked &&
      isOrdinary(looked.mode) &&
      (isReplicated ? looked.format === FORMAT_FILE : looked.format !== FORMAT_DIRECTORY);
    const known = this.#index.get(name);
    if (isPlain && known !== undefined && this.#isReplica(known, subvolume)) {
      this.#copies[known] = (this.#copies[known] ?? 0) + 1;
      return true;
    }
    if (isPlain && known === undefined && this.#rule(decodeName(name), subvolume)) {
      this.#add(name, brick);
      return true;
    }
    this.#contest(name);
    return false;
  }

  /** When all bricks were listed. @returns names that are to be looked at closely, with the bricks that took them */
  withdrawn(): readonly { readonly name: string; readonly bricks: readonly number[] }[] {
    if (this.#sets.some((set) => set.length > 1)) {
      for (const [name, at] of this.#index) if (this.#copies[at] !== this.#setOf(at).length) this.#contest(name);
    }
    return this.#withdrawn;
  }

  /** What was seen of the name holds no more. */
  forget(name: string): void {
    this.#index.delete(name);
  }

  names(): Iterable<string> {
    return this.#index.keys();
  }

  get size(): number {
    return this.#index.size;
  }

  /** What its bricks say of it, as far as anybody asks of a plain name; null for what is none. */
  find(name: string): Asked | null {
    const at = this.#index.get(name);
    if (at === undefined) return null;
    const [holder, mtimeNs] = [this.#bricks[at] ?? 0, this.#mtimes[at] ?? NO_TIME];
    const entry: BrickEntry = { ...ORDINARY, mdataMtimeNs: mtimeNs === NO_TIME ? null : mtimeNs };
    const set = this.#setOf(at);
    return { name: { ...PLAIN, name, holder }, entries: new Map(set.map((brick) => [brick, entry])) };
  }

  #setOf(at: number): readonly number[] {
    return this.#sets[this.#subvolumes[this.#bricks[at] ?? 0] ?? 0] ?? [];
  }

  #isReplica(at: number, subvolume: number): boolean {
    return (
      this.#subvolumes[this.#bricks[at] ?? 0] === subvolume &&
      this.#modes[at] === looked.mode &&
      this.#sizes[at] === looked.size &&
      this.#gfids[2 * at] === looked.gfid[0] &&
      this.#gfids[2 * at + 1] === looked.gfid[1]
    );
  }

  #contest(name: string): void {
    this.#contested.add(name);
    const at = this.#index.get(name);
    if (at === undefined) return;
    this.#withdrawn.push({ name, bricks: this.#setOf(at) });
    this.#index.delete(name);
  }

  #add(name: string, brick: number): void {
    const at = this.#count++;
    if (at >= this.#bricks.length) this.#grow();
    this.#index.set(name, at);
    this.#bricks[at] = brick;
    this.#copies[at] = 1;
    this.#modes[at] = looked.mode;
    this.#sizes[at] = looked.size;
    this.#mtimes[at] = looked.mdataMtimeNs ?? NO_TIME;
    this.#gfids[2 * at] = looked.gfid[0] ?? 0n;
    this.#gfids[2 * at + 1] = looked.gfid[1] ?? 0n;
  }

  #grow(): void {
    const room = 2 * this.#bricks.length;
    this.#bricks = larger(new Uint16Array(room), this.#bricks);
    this.#copies = larger(new Uint8Array(room), this.#copies);
    this.#modes = larger(new Uint16Array(room), this.#modes);
    this.#sizes = larger(new Float64Array(room), this.#sizes);
    this.#mtimes = larger(new BigInt64Array(room), this.#mtimes);
    this.#gfids = larger(new BigUint64Array(2 * room), this.#gfids);
  }
}

function larger<A extends { set(from: A): void }>(into: A, from: A): A {
  into.set(from);
  return into;
}
