// Bricks of a GlusterFS volume without GlusterFS: trees with the extended attributes, link counts and modes that each
// crash leaves, under odd names, from a seed, and beside them what is true of every name. What the states are is in
// docs/design.md#gluster.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_NAMING, placementHash } from '../../domain/gluster/placement.ts';
import type { UnionClass } from '../../domain/gluster/union.ts';
import { decodePath, encodeName, encodePath, joinPath } from '../../domain/path.ts';
import { BLOCK, type Copy, type Making, REPLICA_STATES, STATES } from './brick-states.ts';
import { at, bytes, HOSTILE_NAMES } from './tree.ts';

export interface Truth {
  /** Of STATES, or 'directory'. */
  readonly state: string;
  readonly class: UnionClass;
  /** The brick whose copy users see, or would see; null where there is none, or none can be chosen. */
  readonly holder: number | null;
  /** What the file held before the crash; null for what is no file, and where copies conflict. */
  readonly content: Buffer | null;
  /** Bricks with a hidden copy that must be copied off. */
  readonly rescue: readonly number[];
}

export interface Bricks {
  /** Their roots; those of one replica set follow one another. */
  readonly roots: readonly string[];
  /** By printable path below the root of the volume. */
  readonly truth: ReadonlyMap<string, Truth>;
  readonly orphans: readonly Orphan[];
  readonly volumeId: string;
}

/** Content under no name. */
export interface Orphan {
  readonly brick: number;
  /** Below the brick's root. */
  readonly path: string;
  readonly gfid: string;
  readonly content: Buffer;
  /** Printable, below the root of the volume: as gfid2path has it. */
  readonly name: string;
  readonly isUnlinked: boolean;
}

export interface BricksWanted {
  readonly seed: number;
  /** Sets of bricks. */
  readonly subvolumes?: number;
  /** Bricks a set. */
  readonly replicas?: number;
  readonly directories?: number;
  /** 'user.' where trusted.* may not be set: outside the first user namespace. */
  readonly prefix?: '' | 'user.';
}

export const COMMIT = 0xc0ffee;
const ROOT_GFID = `${'0'.repeat(31)}1`;
export const LONG_AGO = 1_700_000_000;
const UNLINK = '.glusterfs/unlink';
const OWN = ['unlink', 'indices/xattrop', 'landfill'];

/** Numbers that can be had again (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Makes the bricks below a directory that is there: b0, b1 … Every state comes up in the first directories. */
export function makeBricks(place: string, wanted: BricksWanted): Bricks {
  const { seed, subvolumes = 3, replicas = 1, directories = 3, prefix = '' } = wanted;
  const random = randomFrom(seed);
  const roots = Array.from({ length: subvolumes * replicas }, (_, brick) => join(place, `b${brick}`));
  const writer = new Writer(roots, replicas, prefix, random);
  const truth = new Map<string, Truth>();
  writer.root(writer.gfid());
  const states = Object.entries(replicas > 1 ? { ...STATES, ...REPLICA_STATES } : STATES);
  const parents: Parent[] = [{ path: '', raw: Buffer.alloc(0), gfid: ROOT_GFID, turn: 0, isTrusted: true }];
  while (parents.length < directories) {
    const parent = parents[random(parents.length)] ?? fail();
    // Users may have names below the root that are GlusterFS's own at the root.
    const raw = parents.length === 2 && parent.path !== '' ? Buffer.from('.glusterfs') : nameOf(random, truth.size);
    const made = writer.directory(parent, raw, random(subvolumes), parents.length % 3 !== 2);
    truth.set(made.path, { state: 'directory', class: 'plain', holder: 0, content: null, rescue: [] });
    parents.push(made);
  }
  for (const parent of parents) {
    for (const [state, make] of states) {
      const raw = nameOf(random, truth.size);
      const content = contentOf(random, truth.size);
      const { content: held = content, rescue = [], ...made } = make(writer.making(parent, raw, content));
      truth.set(joinPath(parent.path, encodeName(raw)), { state, ...made, content: held, rescue });
    }
  }
  const orphans = writer.orphans(parents);
  writer.close(parents);
  return { roots, truth, orphans, volumeId: writer.volumeId };
}

/** A snapshot of all that the files held before the crash. */
export function backUpBricks({ truth }: Bricks, root: string): void {
  for (const [path, { state, content }] of truth) {
    const raw = bytes(root, '/', Buffer.from(decodePath(path)));
    mkdirSync(raw.subarray(0, raw.lastIndexOf('/')), { recursive: true });
    if (state === 'directory') mkdirSync(raw, { recursive: true });
    else if (state === 'a symlink with a pointer') symlinkSync('../x\ny', raw);
    else if (content !== null) {
      writeFileSync(raw, content);
      utimesSync(raw, LONG_AGO + 1, LONG_AGO + 1);
    }
  }
}

function fail(): never {
  throw new Error('no such brick or directory');
}

/** Odd, and never twice. */
function nameOf(random: (below: number) => number, nth: number): Buffer {
  const [odd] = HOSTILE_NAMES[random(HOSTILE_NAMES.length)] ?? fail();
  const number = String(nth);
  if (random(8) === 0) return bytes('.', odd.subarray(0, 230), number, '.Ab12Cd');
  return bytes(odd.subarray(0, 240), number);
}

/** Three blocks and more, not zeros: what was begun differs from what is whole. */
function contentOf(random: (below: number) => number, nth: number): Buffer {
  return Buffer.alloc(3 * BLOCK + random(BLOCK), `content ${nth} ${random(1e9)}\n`);
}

interface Parent {
  readonly path: string;
  readonly raw: Buffer;
  readonly gfid: string;
  /** By how many places its ranges are turned. */
  readonly turn: number;
  readonly isTrusted: boolean;
}

/** Puts entries on bricks, as GlusterFS does: attributes and a handle beside each. Modes and times come last. */
class Writer {
  readonly volumeId: string;
  private readonly roots: readonly string[];
  private readonly replicas: number;
  private readonly prefix: string;
  private readonly random: (below: number) => number;
  private readonly attributes: string[] = [];
  private readonly modes: (readonly [Buffer, number])[] = [];
  private readonly unlinked: (readonly [Buffer, Buffer])[] = [];

  constructor(roots: readonly string[], replicas: number, prefix: string, random: (below: number) => number) {
    this.roots = roots;
    this.replicas = replicas;
    this.prefix = prefix;
    this.random = random;
    this.volumeId = this.gfid();
  }

  gfid(): string {
    return Array.from({ length: 4 }, () =>
      this.random(2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
  }

  private bricksOf(subvolume: number): number[] {
    return Array.from({ length: this.replicas }, (_, nth) => subvolume * this.replicas + nth);
  }

  private get subvolumes(): number {
    return this.roots.length / this.replicas;
  }

  root(indices: string): void {
    for (const [brick, root] of this.roots.entries()) {
      mkdirSync(join(root, '.glusterfs/00/00'), { recursive: true });
      for (const own of OWN) mkdirSync(join(root, '.glusterfs', own), { recursive: true });
      writeFileSync(join(root, '.glusterfs/indices/xattrop', `xattrop-${dashed(indices)}`), '');
      symlinkSync('../../..', join(root, '.glusterfs/00/00', dashed(ROOT_GFID)));
      this.attribute(Buffer.from(root), {
        'glusterfs.volume-id': this.volumeId,
        gfid: ROOT_GFID,
        'glusterfs.dht': this.layout(brick, 0, COMMIT),
        'glusterfs.dht.commithash': Buffer.from(`${COMMIT}\0`).toString('hex'),
        'glusterfs.mdata': mdata(LONG_AGO),
      });
    }
  }

  directory(parent: Parent, raw: Buffer, turn: number, isTrusted: boolean): Parent {
    const gfid = this.gfid();
    const path = below(parent, raw);
    for (const [brick, root] of this.roots.entries()) {
      this.makeDirectory(root, parent, raw, gfid);
      this.attribute(at(root, path), { 'glusterfs.dht': this.layout(brick, turn, isTrusted ? COMMIT : 1) });
    }
    return { path: encodePath(path), raw: path, gfid, turn, isTrusted };
  }

  private makeDirectory(root: string, parent: Parent, raw: Buffer, gfid: string): void {
    const path = at(root, below(parent, raw));
    mkdirSync(path);
    this.attribute(path, { gfid, 'glusterfs.mdata': mdata(LONG_AGO) });
    const up = `../../${parent.gfid.slice(0, 2)}/${parent.gfid.slice(2, 4)}/${dashed(parent.gfid)}/`;
    symlinkSync(bytes(up, raw), this.handle(root, gfid));
  }

  making(parent: Parent, raw: Buffer, content: Buffer): Making {
    const hash = placementHash(raw, DEFAULT_NAMING);
    const to = (Math.min(Math.floor(hash / this.step), this.subvolumes - 1) + parent.turn) % this.subvolumes;
    const from = (to + 1 + this.random(this.subvolumes - 1)) % this.subvolumes;
    const gfid = this.gfid();
    const putOn = (brick: number, copy: Copy): void => this.put(brick, parent, raw, { content, gfid, ...copy });
    return {
      from,
      to,
      content,
      gfid,
      other: this.gfid(),
      isTrusted: parent.isTrusted,
      putOn,
      put: (subvolume, copy) => {
        for (const brick of this.bricksOf(subvolume)) putOn(brick, copy);
      },
      bricksOf: (subvolume) => this.bricksOf(subvolume),
    };
  }

  private put(brick: number, parent: Parent, raw: Buffer, copy: Copy & { content: Buffer; gfid: string }): void {
    const root = this.roots[brick] ?? fail();
    const { content, gfid, mode = 0o644, linkto, target, blames } = copy;
    if (copy.isDirectory === true) return this.makeDirectory(root, parent, raw, gfid);
    const path = at(root, below(parent, raw));
    const handle = this.handle(root, gfid);
    if (target === undefined) writeFileSync(path, content);
    else symlinkSync(target, path);
    linkSync(path, handle);
    // A symlink has no attributes of users.
    if (target !== undefined && this.prefix !== '') return;
    const set = this.replicas > 1 ? 'replicate' : 'client';
    this.attribute(handle, {
      gfid,
      [`gfid2path.${gfid.slice(0, 16)}`]: bytes(dashed(parent.gfid), '/', raw).toString('hex'),
      'glusterfs.mdata': mdata(LONG_AGO + 1),
      ...(linkto === undefined ? {} : { 'glusterfs.dht.linkto': Buffer.from(`gv-${set}-${linkto}\0`).toString('hex') }),
      ...(blames === undefined ? {} : { [`afr.gv-client-${blames}`]: '00000001'.padEnd(24, '0') }),
    });
    if (target === undefined) this.modes.push([handle, mode]);
  }

  /** On each brick a file whose name a crash took; on every other one it was removed while somebody had it open. */
  orphans(parents: readonly Parent[]): Orphan[] {
    return this.roots.map((root, brick) => {
      const parent = parents[brick % parents.length] ?? fail();
      const raw = nameOf(this.random, 1_000 + brick);
      const content = contentOf(this.random, 1_000 + brick);
      const gfid = this.gfid();
      this.put(brick, parent, raw, { content, gfid });
      unlinkSync(at(root, below(parent, raw)));
      const isUnlinked = brick % 2 === 1;
      if (isUnlinked) this.unlinked.push([this.handle(root, gfid), Buffer.from(join(root, UNLINK, dashed(gfid)))]);
      const path = isUnlinked ? join(UNLINK, dashed(gfid)) : handleOf(gfid);
      return { brick, path, gfid, content, name: encodePath(below(parent, raw)), isUnlinked };
    });
  }

  close(parents: readonly Parent[]): void {
    const restore = this.attributes.join('\n');
    execFileSync('setfattr', ['-h', '--restore=-'], { input: restore });
    for (const [path, mode] of this.modes) {
      lutimesSync(path, LONG_AGO, LONG_AGO);
      chmodSync(path, mode);
    }
    for (const [handle, gone] of this.unlinked) renameSync(handle, gone);
    for (const root of this.roots) {
      for (const { raw } of parents.toReversed()) {
        lutimesSync(raw.length === 0 ? root : at(root, raw), LONG_AGO, LONG_AGO);
      }
    }
  }

  private get step(): number {
    return Math.floor(2 ** 32 / this.subvolumes);
  }

  /** Each subvolume has an equal part; the ranges of a directory are turned, so that they differ from one another. */
  private layout(brick: number, turn: number, commit: number): string {
    const nth = (Math.floor(brick / this.replicas) - turn + this.subvolumes) % this.subvolumes;
    const stop = nth === this.subvolumes - 1 ? 2 ** 32 - 1 : (nth + 1) * this.step - 1;
    return [commit, 0, nth * this.step, stop].map((word) => word.toString(16).padStart(8, '0')).join('');
  }

  private handle(root: string, gfid: string): Buffer {
    const handle = join(root, handleOf(gfid));
    mkdirSync(dirname(handle), { recursive: true });
    return Buffer.from(handle);
  }

  private attribute(path: Buffer, values: Readonly<Record<string, string>>): void {
    const lines = Object.entries(values).map(([name, hex]) => `${this.prefix}trusted.${name}=0x${hex}`);
    this.attributes.push(`# file: ${quoted(path)}\n${lines.join('\n')}\n`);
  }
}

/** As getfattr writes a path and setfattr reads it. */
function quoted(path: Buffer): string {
  return Array.from(path, (byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`,
  ).join('');
}

function handleOf(gfid: string): string {
  return join('.glusterfs', gfid.slice(0, 2), gfid.slice(2, 4), dashed(gfid));
}

function below(parent: Parent, raw: Buffer): Buffer {
  return parent.raw.length === 0 ? raw : bytes(parent.raw, '/', raw);
}

function dashed(gfid: string): string {
  return gfid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Version, flags, and three times of seconds and nanoseconds: ctime, mtime, atime. */
function mdata(seconds: number): string {
  const time = seconds.toString(16).padStart(16, '0') + '0'.repeat(16);
  return `01${'0'.repeat(16)}${time}${time}${time}`;
}

/** All that lies on the bricks, attributes too: equal before and after whoever looks. */
export function stateOf({ roots }: Bricks): string {
  const options = { encoding: 'latin1', maxBuffer: 1e9 } as const;
  const seen = execFileSync('find', [...roots, '-printf', '%p %y %m %n %u %g %s %T@ %C@ %l\\n'], options);
  const kept = execFileSync(
    'getfattr',
    ['-R', '-h', '-P', '-d', '-m', '-', '-e', 'hex', '--absolute-names', ...roots],
    options,
  );
  return [...seen.split('\n').toSorted(), kept].join('\n');
}

/** Files that a client takes for pointers, and that have content: the number that no look may lower. */
export function hiddenOn({ roots }: Bricks): number {
  const isHidden = ['-type', 'f', '-perm', '1000', '-size', '+0', '-printf', 'x'];
  const found = execFileSync('find', [...roots, '-path', '*/b[0-9]*/.glusterfs', '-prune', '-o', ...isHidden]);
  return found.length;
}
