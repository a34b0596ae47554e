// A random life of a small volume: people who make, edit, rename, link and delete by day, a snapshot each night, and
// silent damage in the last nights. It keeps its own books: what every name held in the newest snapshot that saw it
// undamaged is what a restore must bring back.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { encodePath } from '../../domain/path.ts';
import type { Volume } from '../support/volume.ts';

const DEEDS = [
  'create',
  'edit',
  'delete',
  'rename',
  'link',
  'symlink',
  'mkdir',
  'rmtree',
  'movetree',
  'chmod',
] as const;
const DAMAGES = ['lose', 'lose tree', 'empty', 'prefix', 'zeros', 'tail', 'flip', 'replace'] as const;
export type Damage = (typeof DAMAGES)[number];

interface Choice<T extends string> {
  readonly what: T;
  /** Which of the names that it can be done to, and how. */
  readonly pick: number;
  readonly name: number;
  readonly size: number;
}

export interface Script {
  readonly first: readonly Choice<'create' | 'symlink' | 'mkdir'>[];
  readonly nights: readonly {
    /** Else each night has inodes of its own. */
    readonly linked: boolean;
    readonly deeds: readonly Choice<(typeof DEEDS)[number]>[];
    /** Done in the last nights only, and once more after the newest snapshot. */
    readonly damages: readonly (Choice<Damage> & { readonly keepsTime: boolean })[];
  }[];
  readonly proves: boolean;
  readonly rereads: boolean;
}

/** How many of the nights from the end, and the day after the last, are damaged. */
export const DAMAGED_NIGHTS = 2;

/**
 * Names that break careless programs; each is taken with a number behind or before it, so that one directory can hold
 * many.
 */
const NAMES: readonly Buffer[] = [
  ...'plain|Ünïcode|e\u0301|-rf|--| |a b|\n|line\nbreak\r|\t|"|$(touch x)|`id`|\\|\\x0a|*|?|[a-z]|#comment|;end'.split(
    '|',
  ),
  ..."'|~|%|\u202e|\ufeffbom|.hidden|..|{a,b}|&|\x01|=|:|@|+x".split('|'),
  'n'.repeat(240),
]
  .map((name) => Buffer.from(name))
  .concat(['ff fe', 'c3 28', '61 80', 'ed a0 80'].map((bytes) => Buffer.from(bytes.replaceAll(' ', ''), 'hex')));

function choice<T extends string>(whats: readonly T[]): fc.Arbitrary<Choice<T>> {
  return fc.record({
    what: fc.constantFrom(...whats),
    pick: fc.nat(9_999),
    name: fc.nat(9_999),
    size: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 1, max: 300 }) },
      { weight: 1, arbitrary: fc.nat(30_000) },
    ),
  });
}

export const scripts: fc.Arbitrary<Script> = fc.record({
  first: fc.array(choice(['create', 'create', 'create', 'mkdir', 'symlink']), { minLength: 4, maxLength: 24 }),
  nights: fc.array(
    fc.record({
      linked: fc.boolean(),
      deeds: fc.array(choice(DEEDS), { maxLength: 5 }),
      damages: fc.array(
        choice(DAMAGES).chain((damage) => fc.boolean().map((keepsTime) => ({ ...damage, keepsTime }))),
        { maxLength: 4 },
      ),
    }),
    { minLength: 4, maxLength: 9 },
  ),
  proves: fc.boolean(),
  rereads: fc.boolean(),
});

const ANCHOR = 'anchor';

/** Bytes as text of one character each: what a Map can have as a key. */
type Key = string;
const raw = (key: Key): Buffer => Buffer.from(key, 'latin1');

/** What a name holds: the bytes of a file, the target of a symlink with an arrow before it, or the kind alone. */
export type Content = string;

export function contentOf(path: Buffer): Content | null {
  try {
    const stat = lstatSync(path);
    if (stat.isFile()) return readFileSync(path, 'latin1');
    if (stat.isSymbolicLink()) return `→ ${readlinkSync(path, { encoding: 'buffer' }).toString('latin1')}`;
    return stat.isDirectory() ? 'directory' : 'special';
  } catch {
    return null;
  }
}

export interface Harm {
  readonly damage: Damage;
  /** The name held then what the newest snapshot has of it; otherwise nothing can be said of what will be noticed. */
  readonly asBackedUp: boolean;
  /**
   * Other bytes under the old size and time, and in the newest snapshot too: seen only by who reads older snapshots as
   * well.
   */
  readonly hidden: boolean;
}

export class Life {
  readonly house: Volume;
  /** Path (printable) → what it held in the newest snapshot that saw it undamaged. */
  readonly good = new Map<string, Content>();
  /** Paths (printable) that were damaged in silence, as it happened. */
  readonly harmed = new Map<string, Harm>();
  /** Names, former ones too, of files that ever had several. */
  readonly linked = new Set<string>();
  /** Every name that a file has had, by its inode. */
  readonly #names = new Map<number, Set<Key>>();
  readonly log: string[] = [];
  /** Damaged names, and all that lay below them: people leave them alone. */
  readonly #spoilt = new Set<Key>();
  #count = 0;
  #night = 0;

  constructor(house: Volume) {
    this.house = house;
  }

  /** Lives the script; the newest snapshot is that of night `script.nights.length`. */
  run(script: Script): void {
    this.#night = 0;
    // An empty volume is a guard's business: this stays.
    this.house.write(ANCHOR, 'this stays');
    for (const deed of script.first) this.#deed(deed);
    script.nights.forEach(({ linked, deeds, damages }, i) => {
      this.#night = i + 1;
      for (const deed of deeds) this.#deed(deed);
      if (i >= script.nights.length - DAMAGED_NIGHTS) for (const damage of damages) this.#damage(damage);
      this.house.snapshot(i + 1, { linkedTo: linked && i > 0 ? i : null });
      this.#remember();
    });
    this.#night = script.nights.length + 0.5;
    const last = script.nights.at(-1);
    for (const deed of last?.deeds.toReversed() ?? []) this.#deed(deed);
    for (const damage of script.nights[0]?.damages ?? []) this.#damage(damage);
  }

  /** The first night that may be damaged, for --since. */
  static damagedSince(script: Script): number {
    return script.nights.length - DAMAGED_NIGHTS;
  }

  /**
   * Names that are there; not those that are damaged, unless these are asked for. `any` is anything but a directory.
   */
  #paths(kind: 'file' | 'directory' | 'any', spoiltToo = false): Key[] {
    const found: Key[] = [];
    const walk = (directory: Key): void => {
      const names = readdirSync(this.house.at(raw(directory)), { encoding: 'buffer' }).sort((a, b) => a.compare(b));
      for (const name of names) {
        const path = directory === '' ? name.toString('latin1') : `${directory}/${name.toString('latin1')}`;
        if (path === ANCHOR || (this.#spoilt.has(path) && !spoiltToo)) continue;
        const stat = lstatSync(this.house.at(raw(path)));
        const is = stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
        if (kind === 'any' ? is !== 'directory' : is === kind) found.push(path);
        if (is === 'directory') walk(path);
      }
    };
    walk('');
    return found;
  }

  #remember(): void {
    for (const path of [...this.#paths('any'), ...this.#paths('directory')])
      this.good.set(encodePath(raw(path)), contentOf(this.house.at(raw(path))) ?? '');
  }

  /** A name that nothing has, in a directory that is whole. */
  #fresh({ pick, name }: { readonly pick: number; readonly name: number }): Key {
    const directories = ['', ...this.#paths('directory')].filter((path) => path.length < 900);
    const directory = directories[pick % directories.length] ?? '';
    const stem = NAMES[name % NAMES.length] ?? Buffer.from('x');
    const number = Buffer.from(String(++this.#count));
    const last = Buffer.concat(name % 2 === 0 ? [stem, number] : [number, stem]).toString('latin1');
    return directory === '' ? last : `${directory}/${last}`;
  }

  #content(size: number): Buffer {
    return Buffer.from(`${++this.#count} is the number of this text. `.repeat(Math.ceil(size / 20) + 1)).subarray(
      0,
      size + 24,
    );
  }

  /** A time of its own for everything that is done. */
  #now(): number {
    return this.#night + ++this.#count * 2e-5;
  }

  #parent(path: Key): Key {
    return path.slice(0, Math.max(0, path.lastIndexOf('/')));
  }

  #touched(...paths: readonly Key[]): void {
    for (const path of paths) this.house.stamp(raw(path), this.#now());
  }

  #deed({ what, pick, name, size }: Choice<(typeof DEEDS)[number]>): void {
    const of = (paths: readonly Key[]): Key | undefined => paths[(pick + name) % Math.max(1, paths.length)];
    const fresh = this.#fresh({ pick, name });
    const at = (path: Key): Buffer => this.house.at(raw(path));
    const note = (...words: readonly Key[]): void =>
      void this.log.push(`night ${this.#night}: ${what} ${words.map((word) => encodePath(raw(word))).join(' to ')}`);
    if (what === 'create' || what === 'mkdir' || what === 'symlink') {
      note(fresh);
      if (what === 'create') writeFileSync(at(fresh), this.#content(size));
      else if (what === 'mkdir') mkdirSync(at(fresh));
      else symlinkSync(raw(`somewhere/${fresh.slice(-9)}`), at(fresh));
      return this.#touched(...(what === 'symlink' ? [] : [fresh]), this.#parent(fresh));
    }
    this.#rememberNames();
    const file = of(this.#paths(what === 'delete' || what === 'rename' ? 'any' : 'file'));
    const directory = of(this.#paths('directory').filter((path) => this.#isWhole(path)));
    if (what === 'rmtree' || what === 'movetree') {
      if (directory === undefined) return;
      note(directory, ...(what === 'movetree' ? [fresh] : []));
      const parent = this.#parent(directory);
      if (what === 'rmtree') rmSync(at(directory), { recursive: true });
      else if (fresh.startsWith(`${directory}/`)) return;
      else {
        renameSync(at(directory), at(fresh));
        this.#touched(this.#parent(fresh));
      }
      return this.#touched(parent);
    }
    if (file === undefined) return;
    note(file, ...(what === 'rename' || what === 'link' ? [fresh] : []));
    switch (what) {
      case 'edit':
        // Never shorter: a path that once shrank is a log that is rotated, and may be cut off again.
        writeFileSync(at(file), this.#content(size + lstatSync(at(file)).size));
        return this.#touched(file);
      case 'chmod':
        return chmodSync(at(file), 0o600 + (pick % 64));
      case 'delete':
        rmSync(at(file));
        return this.#touched(this.#parent(file));
      case 'rename':
        renameSync(at(file), at(fresh));
        return this.#touched(this.#parent(file), this.#parent(fresh));
      case 'link':
        linkSync(at(file), at(fresh));
        for (const name of [...(this.#names.get(lstatSync(at(fresh)).ino) ?? [file]), fresh])
          this.linked.add(encodePath(raw(name)));
        return this.#touched(this.#parent(fresh));
    }
  }

  #rememberNames(): void {
    for (const path of this.#paths('file')) {
      const { ino } = lstatSync(this.house.at(raw(path)));
      this.#names.set(ino, (this.#names.get(ino) ?? new Set()).add(path));
    }
  }

  /** Nothing at or below it is damaged. */
  #isWhole(directory: Key): boolean {
    return ![...this.#spoilt].some((path) => path === directory || path.startsWith(`${directory}/`));
  }

  /**
   * What is damaged below it could have been noticed: nobody can tell afterwards which state of the rest was the good
   * one.
   */
  #isPlain(path: Key): boolean {
    return [...this.harmed].every(
      ([harmed, { damage, asBackedUp, hidden }]) =>
        !harmed.startsWith(`${encodePath(raw(path))}/`) ||
        (asBackedUp && !hidden && damage !== 'flip' && damage !== 'replace'),
    );
  }

  #harm(path: Key, damage: Damage, hidden = false): void {
    const printable = encodePath(raw(path));
    this.#spoilt.add(path);
    const before = this.harmed.get(printable);
    const now = contentOf(this.house.at(raw(path)));
    // What is damaged twice was, before the first time, what it was.
    this.harmed.set(printable, { damage, asBackedUp: before?.asBackedUp ?? now === this.good.get(printable), hidden });
  }

  #damage({ what, pick, size, keepsTime }: Choice<Damage> & { readonly keepsTime: boolean }): void {
    const { house } = this;
    const tree = what === 'lose tree' || (what === 'replace' && pick % 4 === 0);
    const kind = tree ? 'directory' : what === 'lose' ? 'any' : 'file';
    const paths = this.#paths(kind).filter((one) => this.#isPlain(one));
    const path = paths[(pick + size) % Math.max(1, paths.length)];
    if (path === undefined) return;
    const at = house.at(raw(path));
    this.log.push(`night ${this.#night}: ${what}${keepsTime ? ' in the old time' : ''} ${encodePath(raw(path))}`);
    if (tree || what === 'lose' || what === 'replace') {
      for (const below of [...this.#paths('any', true), ...this.#paths('directory', true)])
        if (below === path || below.startsWith(`${path}/`)) this.#harm(below, below === path ? what : 'lose tree');
      house.silently(raw(path), () => {
        rmSync(at, { recursive: true });
        if (what !== 'replace') return;
        if (pick % 3 === 0) symlinkSync('/nowhere', at);
        else if (tree) writeFileSync(at, 'a file in the place of a directory');
        else if (pick % 3 === 1) mkdirSync(at);
        else {
          // mkfifo takes text, and the name may be any bytes.
          const made = join(house.base, 'fifo');
          spawnSync('mkfifo', [made]);
          renameSync(made, at);
        }
      });
      return;
    }
    const content = readFileSync(at);
    const spoilt = spoil(what, content, size);
    if (spoilt === null || spoilt.equals(content)) return;
    const { ino, mtimeMs, atimeMs } = lstatSync(at);
    const hidden = keepsTime && spoilt.length === content.length && Number.isInteger(this.#night);
    for (const name of this.#paths('file'))
      if (lstatSync(house.at(raw(name))).ino === ino) this.#harm(name, what, hidden);
    writeFileSync(at, spoilt);
    if (keepsTime || what === 'flip') utimesSync(at, atimeMs / 1000, mtimeMs / 1000);
    else this.#touched(path);
  }
}

function spoil(what: Damage, content: Buffer, size: number): Buffer | null {
  if (content.length < 2) return null;
  if (what === 'empty') return Buffer.alloc(0);
  if (what === 'zeros') return Buffer.alloc(content.length);
  if (what === 'prefix') return content.subarray(0, 1 + (size % (content.length - 1)));
  if (what === 'tail')
    return content.length < 6_000
      ? null
      : Buffer.concat([content.subarray(0, content.length - 5_000), Buffer.alloc(5_000)]);
  const flipped = Buffer.from(content);
  flipped[size % content.length] = (flipped[size % content.length] ?? 0) ^ 0x20;
  return flipped;
}
