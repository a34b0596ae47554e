// A file system in memory, as far as looking at it goes: names, sizes, times, identities. Whoever changes a name moves
// its directory's time; what is lost below the file system does not.
import { joinPath, parentOf } from '../../domain/path.ts';

export interface Node {
  readonly kind: 'file' | 'directory';
  readonly size: number;
  readonly digest: bigint;
  /** 0 where the content is nothing but zeros. */
  readonly zeroFrom: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: bigint;
  readonly btimeMs: number;
  readonly uid: number;
}

/** XXH64 of nothing. */
const EMPTY = 0xef46db3751d8e999n;

export class Tree {
  readonly nodes = new Map<string, Node>();
  readonly children = new Map<string, Set<string>>([['', new Set()]]);
  /** Names that are not as they were at the last look. */
  readonly dirty = new Set<string>();
  /** When somebody changed a directory last, in ms. */
  readonly touched = new Map<string, number>();
  rootMtimeMs: number;
  #serial = 1n;

  constructor(nowMs: number) {
    this.rootMtimeMs = nowMs;
  }

  directories(): string[] {
    return [...this.children.keys()].filter((path) => path !== '');
  }

  filesOf(directory: string): string[] {
    return [...(this.children.get(directory) ?? [])]
      .map((name) => joinPath(directory, name))
      .filter((path) => this.nodes.get(path)?.kind === 'file');
  }

  filesBelow(directory: string): string[] {
    return [...(this.children.get(directory) ?? [])].flatMap((name) => {
      const path = joinPath(directory, name);
      return this.children.has(path) ? this.filesBelow(path) : [path];
    });
  }

  set(path: string, node: Node): void {
    this.nodes.set(path, node);
    this.dirty.add(path);
  }

  /** Somebody changed a name in it. */
  touch(directory: string, nowMs: number): void {
    this.touched.set(directory, nowMs);
    const node = this.nodes.get(directory);
    if (directory === '') this.rootMtimeMs = nowMs;
    else if (node !== undefined) this.set(directory, { ...node, mtimeMs: nowMs, ctimeMs: nowMs });
  }

  #enter(path: string): void {
    const parent = parentOf(path);
    const siblings = this.children.get(parent) ?? new Set();
    siblings.add(path.slice(parent === '' ? 0 : parent.length + 1));
    this.children.set(parent, siblings);
  }

  directory(path: string, nowMs: number): void {
    if (path === '' || this.nodes.has(path)) return;
    this.directory(parentOf(path), nowMs);
    this.#enter(path);
    this.children.set(path, new Set());
    const node = { kind: 'directory', size: 0, digest: 0n, zeroFrom: 0, uid: 1000 } as const;
    this.set(path, { ...node, mtimeMs: nowMs, ctimeMs: nowMs, btimeMs: nowMs, inode: ++this.#serial });
    this.touch(parentOf(path), nowMs);
  }

  /** A new file, or another one in the place of the old, as editors and package managers write it. */
  create(path: string, nowMs: number, size: number, mtimeMs = nowMs): void {
    this.directory(parentOf(path), nowMs);
    this.#enter(path);
    const serial = ++this.#serial;
    const digest = size === 0 ? EMPTY : serial * 0x9e3779b97f4a7c15n;
    this.set(path, {
      kind: 'file',
      size,
      digest: BigInt.asUintN(64, digest),
      zeroFrom: size,
      mtimeMs,
      ctimeMs: nowMs,
      btimeMs: nowMs,
      inode: serial,
      uid: 1000,
    });
    this.touch(parentOf(path), nowMs);
  }

  /** Written in place: the directory does not notice. */
  edit(path: string, nowMs: number, size: number, more: Partial<Node> = {}): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    const digest = size === 0 ? EMPTY : BigInt.asUintN(64, ++this.#serial * 0x9e3779b97f4a7c15n);
    this.set(path, { ...node, size, digest, zeroFrom: size, mtimeMs: nowMs, ctimeMs: nowMs, ...more });
  }

  /** It is gone, and its directory does not know. */
  lose(path: string): void {
    for (const name of this.children.get(path) ?? []) this.lose(joinPath(path, name));
    const parent = parentOf(path);
    this.children.get(parent)?.delete(path.slice(parent === '' ? 0 : parent.length + 1));
    this.children.delete(path);
    this.nodes.delete(path);
    this.dirty.add(path);
  }

  remove(path: string, nowMs: number): void {
    this.lose(path);
    this.touch(parentOf(path), nowMs);
  }

  rename(from: string, to: string, nowMs: number): void {
    this.directory(parentOf(to), nowMs);
    this.#carry(from, to, nowMs);
    this.touch(parentOf(from), nowMs);
    this.touch(parentOf(to), nowMs);
  }

  #carry(from: string, to: string, nowMs: number | null): void {
    const node = this.nodes.get(from);
    if (node === undefined || from === to) return;
    const names = this.children.get(from);
    const touchedMs = this.touched.get(from);
    if (touchedMs !== undefined) this.touched.set(to, touchedMs);
    this.#enter(to);
    this.set(to, nowMs === null ? node : { ...node, ctimeMs: nowMs });
    if (names !== undefined) {
      this.children.set(to, new Set());
      for (const name of names) this.#carry(joinPath(from, name), joinPath(to, name), null);
    }
    this.lose(from);
  }
}
