// What people and programs do to a server by day: deletions, renames, edits, rotated logs, and now and then something
// large.
import { joinPath, parentOf } from '../../domain/path.ts';
import type { Chance } from './random.ts';
import type { Tree } from './tree.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

const LOGS = 6;
const PACKAGE_FILES = 300;

export interface Habits {
  /** Share of the files that lie in directories that people touch on a working day. */
  readonly touchedShare: number;
  /** Deletions on a working day, in the middle. */
  readonly deletions: number;
}

export class People {
  readonly #tree: Tree;
  readonly #chance: Chance;
  readonly #habits: Habits;
  #serial = 0;

  constructor(tree: Tree, chance: Chance, habits: Habits) {
    this.#tree = tree;
    this.#chance = chance;
    this.#habits = habits;
  }

  #size(): number {
    return Math.max(1, Math.floor(this.#chance.lognormal(20_000, 2)));
  }

  /**
   * The server as it was found: directories of different sizes, some in others; logs; a package; a place for photos.
   */
  settle(files: number, directories: number, nowMs: number): void {
    const paths: string[] = [];
    for (let i = 0; i < directories; i++) {
      const above = this.#chance.is(0.4) ? this.#chance.pick(paths) : undefined;
      paths.push(above === undefined ? `home/p${i}` : `${above}/p${i}`);
    }
    const weights = paths.map(() => this.#chance.lognormal(1, 0.9));
    const whole = weights.reduce((sum, weight) => sum + weight, 0);
    const old = (): number => nowMs - this.#chance.between(1, 900) * DAY_MS;
    paths.forEach((path, i) => {
      this.#tree.directory(path, old());
      const count = Math.max(1, Math.round(((weights[i] ?? 0) / whole) * (files - PACKAGE_FILES)));
      for (let n = 0; n < count; n++) this.#tree.create(`${path}/f${++this.#serial}`, old(), this.#size());
    });
    for (let i = 0; i < PACKAGE_FILES; i++)
      this.#tree.create(`opt/pkg/d${i % 12}/m${i}.so`, old(), this.#size(), old() - 400 * DAY_MS);
    for (let i = 0; i < LOGS; i++)
      for (let n = 0; n < 5; n++)
        this.#tree.create(`var/log/a${i}.log${n === 0 ? '' : `.${n}`}`, nowMs - n * DAY_MS, this.#size());
    for (const path of this.#tree.directories()) this.#tree.touch(path, old());
    this.#tree.touched.clear();
  }

  /** One day's work, from eight in the morning on; `week` is 0 to 6, and nobody works much on 5 and 6. */
  work(morningMs: number, week: number): void {
    const { touchedShare, deletions } = this.#habits;
    const rhythm = week >= 5 ? 0.3 : 1;
    const at = (): number => morningMs + this.#chance.between(0, 10) * HOUR_MS;
    const desks = this.#desks(touchedShare * rhythm);
    const count = Math.min(30, Math.max(3, Math.round(this.#chance.lognormal(deletions * rhythm, 0.8))));
    for (let i = 0; i < count; i++) this.#on(desks, (path) => this.#tree.remove(path, at()));
    for (let i = this.#chance.whole(3, 40 * rhythm + 3); i > 0; i--) {
      const desk = this.#chance.pick(desks);
      if (desk !== undefined) this.#tree.create(`${desk}/n${++this.#serial}`, at(), this.#size());
    }
    for (let i = this.#chance.whole(0, 12); i > 0; i--)
      this.#on(desks, (path) => {
        const desk = this.#chance.pick(desks) ?? parentOf(path);
        this.#tree.rename(path, `${this.#chance.is(0.7) ? parentOf(path) : desk}/r${++this.#serial}`, at());
      });
    for (let i = this.#chance.whole(5, 60); i > 0; i--)
      this.#on(desks, (path) => {
        // Editors write anew and rename; programs write in place.
        if (this.#chance.is(0.5)) this.#tree.create(path, at(), this.#size());
        else this.#tree.edit(path, at(), this.#size());
      });
    for (const desk of desks) this.#tree.touch(desk, at());
    this.#rotate(morningMs - 2 * HOUR_MS);
    this.#large(at, desks);
  }

  /** Directories that somebody works in today, by the files that lie in them. */
  #desks(share: number): string[] {
    const all = this.#tree.directories().filter((path) => path.startsWith('home/'));
    const files = all.reduce((sum, path) => sum + this.#tree.filesOf(path).length, 0);
    const wanted = Math.min(0.9, this.#chance.lognormal(share, 0.3)) * files;
    const desks: string[] = [];
    let count = 0;
    for (const path of this.#chance.some(all, all.length)) {
      if (count >= wanted && desks.length > 0) break;
      desks.push(path);
      count += this.#tree.filesOf(path).length;
    }
    return desks;
  }

  #on(desks: readonly string[], act: (path: string) => void): void {
    const path = this.#chance.pick(this.#tree.filesOf(this.#chance.pick(desks) ?? ''));
    if (path !== undefined) act(path);
  }

  #rotate(nowMs: number): void {
    for (let i = 0; i < LOGS; i++) {
      const log = `var/log/a${i}.log`;
      if (this.#chance.is(0.4)) {
        this.#tree.remove(`${log}.4`, nowMs);
        for (let n = 3; n >= 1; n--) this.#tree.rename(`${log}.${n}`, `${log}.${n + 1}`, nowMs);
        this.#tree.rename(log, `${log}.1`, nowMs);
        this.#tree.create(log, nowMs, this.#chance.is(0.2) ? 0 : this.#chance.whole(1, 2_000));
      }
      this.#tree.edit(log, nowMs + 60_000, (this.#tree.nodes.get(log)?.size ?? 0) + this.#size());
    }
  }

  /** What does not happen every day. */
  #large(at: () => number, desks: readonly string[]): void {
    const now = at();
    const desk = this.#chance.pick(desks);
    if (this.#chance.is(0.05)) this.#removeWhole(now);
    if (this.#chance.is(0.03)) this.#moveMany(now);
    if (this.#chance.is(0.03)) {
      const album = `home/photos/a${++this.#serial}`;
      for (let i = 0; i < 500; i++) this.#tree.create(`${album}/IMG_${i}.jpg`, now, this.#size(), now - DAY_MS * 3);
    }
    if (this.#chance.is(0.04)) this.#upgrade(now);
    if (this.#chance.is(0.25)) {
      for (const path of this.#chance.some(this.#tree.filesOf(desk ?? ''), this.#chance.whole(1, 8)))
        this.#tree.rename(path, `home/.local/share/Trash/files/t${++this.#serial}`, now);
    }
    if (this.#chance.is(0.08))
      for (const path of this.#tree.filesOf('home/.local/share/Trash/files')) this.#tree.remove(path, now);
  }

  /** rm -r. Of a twentieth of all files on, Rollcall means to tell of it, whoever did it. */
  #removeWhole(nowMs: number): void {
    const all = this.#tree.directories().filter((path) => path.startsWith('home/p'));
    const files = this.#tree.filesBelow('home').length;
    const path = this.#chance.pick(all.filter((one) => this.#tree.filesBelow(one).length < files * 0.04));
    if (path !== undefined) this.#tree.remove(path, nowMs);
  }

  /** A directory of hundreds gets another name, or another place. */
  #moveMany(nowMs: number): void {
    const all = this.#tree.directories().filter((path) => path.startsWith('home/p'));
    const large = all.filter((path) => this.#tree.filesBelow(path).length >= 100);
    const from = this.#chance.pick(large.length > 0 ? large : all);
    if (from === undefined) return;
    const beside = `${from}-${++this.#serial}`;
    this.#tree.rename(from, this.#chance.is(0.5) ? beside : joinPath('home', `archive/${this.#serial}`), nowMs);
  }

  /** Most files are replaced, by ones that were built long ago. */
  #upgrade(nowMs: number): void {
    const builtMs = nowMs - this.#chance.between(5, 700) * DAY_MS;
    for (const path of this.#tree.filesBelow('opt/pkg')) {
      if (this.#chance.is(0.06)) this.#tree.remove(path, nowMs);
      else if (this.#chance.is(0.9)) this.#tree.create(path, nowMs, this.#size(), builtMs);
    }
    for (let i = 0; i < 25; i++)
      this.#tree.create(`opt/pkg/d${i % 12}/m${++this.#serial}.so`, nowMs, this.#size(), builtMs);
  }
}
