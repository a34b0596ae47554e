// A distributed GlusterFS volume as its bricks have it, made by hand: names where their hash leads, handles,
// attributes, and what a crash leaves. Needs root: only root sets trusted.* attributes.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { DEFAULT_NAMING, placementHash } from '../../domain/gluster/placement.ts';
import { have } from './machine.ts';

/** Only root sets them, and only in the first user namespace. */
export const setsTrusted = process.getuid?.() === 0 && have('setfattr') && have('getfattr');

const HASHES = 2 ** 32;
const SECOND_NS = 1_000_000_000n;

export interface Put {
  /** The brick's inode has it, and mdata where that is not given. */
  readonly mtimeNs?: bigint;
  readonly mode?: number;
  readonly linkto?: string;
  /** Where it lies; where its hash leads unless given. */
  readonly brick?: number;
  readonly mdata?: bigint | null;
}

export class BrickVolume {
  readonly roots: readonly string[];
  readonly #attributes: string[] = [];
  readonly #modes: (() => void)[] = [];
  readonly #base: string;
  readonly #shares: number;
  readonly #gfidsByPath = new Map<string, string>();
  #gfids = 1;

  /** @param kind replica: all bricks are to hold every file */
  constructor(base: string, bricks: number, kind: 'distribute' | 'replica' = 'distribute') {
    const volumeId = randomBytes(16).toString('hex');
    this.#base = base;
    this.#shares = kind === 'replica' ? 1 : bricks;
    this.roots = Array.from({ length: bricks }, (_, at) => join(base, `b${at + 1}`));
    for (const [at, root] of this.roots.entries()) {
      mkdirSync(join(root, '.glusterfs/00/00'), { recursive: true });
      symlinkSync('../../..', join(root, '.glusterfs/00/00/00000000-0000-0000-0000-000000000001'));
      this.#set(root, 'trusted.glusterfs.volume-id', volumeId);
      this.#set(root, 'trusted.gfid', '1'.padStart(32, '0'));
      this.#layout(root, at);
    }
  }

  get live(): string {
    return `gluster:${this.roots.join(',')}`;
  }

  /** The brick that the name's hash leads to. */
  brickOf(path: string): number {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const hash = placementHash(Buffer.from(name), DEFAULT_NAMING);
    return this.roots.findIndex((_, at) => hash < this.#from(at + 1));
  }

  /** @param on the bricks that have it; all unless given */
  directory(path: string, mtimeNs?: bigint, on = this.roots.map((_, at) => at)): void {
    const gfid = this.#gfid();
    this.#gfidsByPath.set(path, gfid);
    for (const at of on) {
      const root = this.roots[at] ?? '';
      const directory = join(root, path);
      mkdirSync(directory);
      const above = this.#parentOf(path);
      const target = `../../${above.slice(0, 2)}/${above.slice(2, 4)}/${uuid(above)}/${basename(path)}`;
      symlinkSync(target, this.#handle(root, gfid));
      this.#set(directory, 'trusted.gfid', gfid);
      this.#layout(directory, at);
      this.#mdata(directory, mtimeNs ?? null);
    }
  }

  /** @returns its path on the brick */
  file(path: string, content: string | Buffer, { mtimeNs, mode, linkto, brick, mdata }: Put = {}): string {
    const root = this.roots[brick ?? this.brickOf(path)] ?? '';
    const file = join(root, path);
    // A pointer and its file are one to GlusterFS, and so are replicas.
    const gfid = this.#gfidsByPath.get(path) ?? this.#gfid();
    this.#gfidsByPath.set(path, gfid);
    writeFileSync(file, content);
    this.#set(file, 'trusted.gfid', gfid);
    if (linkto !== undefined) this.#set(file, 'trusted.glusterfs.dht.linkto', hexOf(`${linkto}\0`));
    this.#set(file, `trusted.gfid2path.${gfid.slice(0, 16)}`, hexOf(`${uuid(this.#parentOf(path))}/${basename(path)}`));
    const handle = this.#handle(root, gfid);
    rmSync(handle, { force: true });
    linkSync(file, handle);
    this.#mdata(file, mdata === undefined ? (mtimeNs ?? null) : mdata);
    this.#modes.push(() => {
      chmodSync(file, mode ?? 0o644);
      if (mtimeNs !== undefined) setTime(file, mtimeNs);
    });
    return file;
  }

  /**
   * A file whose name a crash took, or that was deleted while it was open: its handle is left. Attributes that were not
   * set yet are set.
   * @returns the handle, below the root of its brick
   */
  nameless(
    path: string,
    content: string | Buffer,
    put: Put & { readonly isUnlinked?: boolean; readonly bare?: boolean } = {},
  ): string {
    const file = this.file(path, content, put);
    this.settle();
    const root = this.roots[put.brick ?? this.brickOf(path)] ?? '';
    const gfid = this.#gfidsByPath.get(path) ?? '';
    this.#gfidsByPath.delete(path);
    if (put.bare === true) execFileSync('setfattr', ['-x', `trusted.gfid2path.${gfid.slice(0, 16)}`, file]);
    rmSync(file);
    const handle = this.#handle(root, gfid);
    if (put.isUnlinked !== true) return relative(root, handle);
    const unlinked = join(root, '.glusterfs/unlink', uuid(gfid));
    mkdirSync(dirname(unlinked), { recursive: true });
    renameSync(handle, unlinked);
    return relative(root, unlinked);
  }

  /** An attribute of what lies on a brick, in hex digits; '' is the brick's root. */
  mark(brick: number, path: string, name: string, hex: string): void {
    this.#set(join(this.roots[brick] ?? '', path), name, hex);
  }

  /** What was named so far gets its attributes, then its mode and time. */
  settle(): void {
    execFileSync('setfattr', ['-h', '--restore=-'], { cwd: this.#base, input: this.#attributes.join('') });
    this.#attributes.length = 0;
    for (const set of this.#modes.splice(0)) set();
  }

  #from(at: number): number {
    return Math.floor((at * HASHES) / this.#shares);
  }

  #parentOf(path: string): string {
    const above = dirname(path);
    return above === '.' ? '1'.padStart(32, '0') : (this.#gfidsByPath.get(above) ?? '');
  }

  #handle(root: string, gfid: string): string {
    const handle = join(root, '.glusterfs', gfid.slice(0, 2), gfid.slice(2, 4), uuid(gfid));
    mkdirSync(dirname(handle), { recursive: true });
    return handle;
  }

  #gfid(): string {
    return (++this.#gfids).toString(16).padStart(6, '0').padEnd(32, '7');
  }

  #set(path: string, name: string, hex: string): void {
    this.#attributes.push(`# file: ${path.slice(this.#base.length + 1)}\n${name}=0x${hex}\n\n`);
  }

  #layout(directory: string, at: number): void {
    const share = at % this.#shares;
    const words = [1, 0, this.#from(share), this.#from(share + 1) - 1].map((word) =>
      word.toString(16).padStart(8, '0'),
    );
    this.#set(directory, 'trusted.glusterfs.dht', words.join(''));
  }

  #mdata(path: string, mtimeNs: bigint | null): void {
    if (mtimeNs === null) return;
    const time = Buffer.alloc(16);
    time.writeBigUInt64BE(mtimeNs / SECOND_NS, 0);
    time.writeBigUInt64BE(mtimeNs % SECOND_NS, 8);
    const head = Buffer.alloc(9);
    head.writeUInt8(1, 0);
    this.#set(path, 'trusted.glusterfs.mdata', Buffer.concat([head, time, time, time]).toString('hex'));
  }
}

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex');
}

function uuid(gfid: string): string {
  return [gfid.slice(0, 8), gfid.slice(8, 12), gfid.slice(12, 16), gfid.slice(16, 20), gfid.slice(20)].join('-');
}

function setTime(path: string, ns: bigint): void {
  const seconds = Number(ns) / 1e9;
  utimesSync(path, seconds, seconds);
}

/** All that lies on the bricks, with modes, sizes, times and attributes: what a look must not change. */
export function bricksAsTheyAre(roots: readonly string[]): string {
  const told = roots.map((root) => {
    const stats = execFileSync('find', [root, '-printf', '%P %y %m %s %n %T@ %C@ %U %G %i\\n'], { encoding: 'utf8' });
    const attributes = execFileSync('getfattr', ['-R', '-h', '-d', '-m', '.', '-e', 'hex', '--absolute-names', root], {
      encoding: 'utf8',
    });
    return `${stats.split('\n').sort().join('\n')}${attributes}`;
  });
  return told.join('\n');
}

/** Names on the bricks that are content under the marks of a pointer. */
export function hiddenOn(roots: readonly string[]): string[] {
  return roots
    .flatMap((root) =>
      execFileSync(
        'find',
        [root, '-path', '*/.glusterfs', '-prune', '-o', '-type', 'f', '-perm', '1000', '-size', '+0', '-print'],
        {
          encoding: 'utf8',
        },
      ).split('\n'),
    )
    .filter((path) => path !== '' && lstatSync(path).isFile());
}
