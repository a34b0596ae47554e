// Which brick a name belongs on (docs/design.md#gluster): GlusterFS hashes the last name of a path, and each directory
// says which brick has which range of hashes. Clients ask that brick first, and often no other: so whether a name can
// be opened follows from what lies on the bricks.
import type { DirectorySight, LayoutRange } from './brick.ts';

/** How a volume shortens names before it hashes them: the first group of the expression is hashed instead. */
export interface Naming {
  /**
   * Names of rsync's temporary files are hashed as the final name, so that the rename moves no data. Null where the
   * volume has `cluster.rsync-hash-regex` set to none.
   */
  readonly rsync: RegExp | null;
  /** `cluster.extra-hash-regex`; tried first. */
  readonly extra: RegExp | null;
}

/**
 * What a volume does that was told nothing. GlusterFS matches bytes; names come here as text of one character a byte,
 * so that `.` is a byte here, too, and a newline as well.
 */
export const DEFAULT_NAMING: Naming = { rsync: /^\.(.+)\.[^.]+$/s, extra: null };

const DOT = 0x2e;
const DELTA = 0x9e3779b9;
const START = [0x9464a485, 0x542e1a94] as const;
/** Of 16 bytes that are full; of the last block, which is padded. */
const ROUNDS = 6;
const LAST_ROUNDS = 10;
const BLOCK = 16;

/**
 * The hash of a name's bytes, unsigned: a Davies-Meyer construction over TEA. Each block of 16 bytes (four words,
 * little-endian) encrypts the state, and the result is added to it. The last block, which may be empty, is filled with
 * the length: its words hold, behind it, what bytes are left, the highest first.
 *
 * Bytes from 0x80 on are signed where they are left over from the last full word: so the usual compilers of x86 do it.
 * On ARM they are not, and such a name may hash to another brick there.
 */
export function hashOfName(name: Uint8Array): number {
  const state = new Uint32Array(START);
  const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
  let at = 0;
  for (; name.length - at >= BLOCK; at += BLOCK) {
    const word = (nth: number): number => view.getUint32(at + 4 * nth, true);
    encrypt(state, [word(0), word(1), word(2), word(3)], ROUNDS);
  }
  encrypt(state, lastBlock(view, at), LAST_ROUNDS);
  return ((state[0] ?? 0) ^ (state[1] ?? 0)) >>> 0;
}

type Block = readonly [number, number, number, number];

function lastBlock(view: DataView, from: number): Block {
  const length = view.byteLength & 0xff;
  const fill = Math.imul(length, 0x01010101);
  const wordAt = (nth: number): number => {
    const at = from + 4 * nth;
    if (at + 4 <= view.byteLength) return view.getUint32(at, true);
    let word = fill;
    for (let rest = at; rest < view.byteLength; rest++) word = (word << 8) | view.getInt8(rest);
    return word;
  };
  return [wordAt(0), wordAt(1), wordAt(2), wordAt(3)];
}

function encrypt(state: Uint32Array, [a, b, c, d]: Block, rounds: number): void {
  const [before0 = 0, before1 = 0] = state;
  let x = before0;
  let y = before1;
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    sum = (sum + DELTA) | 0;
    x = (x + (((y << 4) + a) ^ (y + sum) ^ ((y >>> 5) + b))) | 0;
    y = (y + (((x << 4) + c) ^ (x + sum) ^ ((x >>> 5) + d))) | 0;
  }
  state[0] = before0 + x;
  state[1] = before1 + y;
}

/** The hash by which a directory's brick is chosen for a name. */
export function placementHash(name: Uint8Array, naming: Naming): number {
  const shortened = shorten(name, naming.extra) ?? shorten(name, naming.rsync);
  return hashOfName(shortened ?? name);
}

/** The bytes of the first group, or null where the expression does not fit or the group took no part. */
function shorten(name: Uint8Array, expression: RegExp | null): Uint8Array | null {
  // Nearly all names: most volumes have the default, which fits only what begins with a dot.
  if (expression === null || (expression === DEFAULT_NAMING.rsync && name[0] !== DOT)) return null;
  // One character a byte, so that offsets are those of bytes.
  const group = expression.exec(String.fromCharCode(...name))?.[1];
  if (group === undefined) return null;
  return Uint8Array.from(group, (character) => character.charCodeAt(0));
}

const HASHES = 0x1_0000_0000;
/** A volume that no rebalance has given one; so have the directories that are made on it, but not its root. */
const NO_COMMIT = 0;
/** What a client takes for a directory's where its bricks disagree. */
const DISAGREED = 1;

/** Where the names of one directory belong. Subvolumes by their place in the topology. */
export interface Placement {
  readonly ranges: readonly { readonly subvolume: number; readonly start: number; readonly stop: number }[];
  /** The ranges leave no hash out and none twice, and no subvolume is unknown: what is computed from them holds. */
  readonly isWhole: boolean;
  /**
   * Whether clients take the word of the brick that a hash leads to, and look nowhere else for a name that it lacks;
   * null where a subvolume that could not be asked decides on it, or the order in which bricks answer.
   */
  readonly isTrusted: boolean | null;
}

export interface Trust {
  /** `cluster.lookup-optimize`; on unless somebody has set it off. */
  readonly lookupOptimize: boolean;
  /** `trusted.glusterfs.dht.commithash` of the volume's root; null where no rebalance has set one. */
  readonly commitHash: number | null;
}

/**
 * @param sights what each subvolume says of the directory: for a replica set, one of its bricks
 */
export function placementOf(sights: readonly DirectorySight[], { lookupOptimize, commitHash }: Trust): Placement {
  const laid = sights.flatMap((sight, subvolume) =>
    sight.state === 'listed' && sight.layout !== null ? [{ subvolume, ...sight.layout }] : [],
  );
  const ranges = laid.filter(isRange).toSorted((a, b) => a.start - b.start);
  const isKnown = sights.every(({ state }) => state !== 'unknown');
  let next = 0;
  for (const { start, stop } of ranges) next = start === next ? stop + 1 : Number.NaN;
  return {
    ranges,
    isWhole: isKnown && next === HASHES,
    isTrusted: lookupOptimize ? trusted(new Set(laid.map((range) => range.commitHash)), commitHash, isKnown) : false,
  };
}

/**
 * A client takes its bricks' commit hashes one by one: the first that is not 0, and that they disagree where a later
 * one differs. So 0 among others is heard or not, as the answers come in.
 */
function trusted(commits: ReadonlySet<number>, volume: number | null, isKnown: boolean): boolean | null {
  const own = [...commits].filter((hash) => hash !== 0);
  const [only = 0] = own;
  const may = new Set(own.length > 1 ? [DISAGREED] : [only]);
  if (own.length === 1 && commits.has(0)) may.add(DISAGREED);
  if (!isKnown) may.add(DISAGREED);
  const fits = [...may].filter((hash) => hash === (volume ?? NO_COMMIT)).length;
  if (!isKnown && own.length === 0) return null;
  return fits === may.size ? true : fits === 0 ? false : null;
}

function isRange({ type, start, stop }: LayoutRange): boolean {
  return (type === 0 || type === 1) && stop > start;
}

/** The subvolume that the hash leads to; null where no range has it, or two have. */
export function subvolumeFor(hash: number, { ranges }: Placement): number | null {
  const [only, ...more] = ranges.filter(({ start, stop }) => start <= hash && hash <= stop);
  return only === undefined || more.length > 0 ? null : only.subvolume;
}
