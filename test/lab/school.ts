// A school at work on a volume of the lab: eight days, each with its night. Days and nights lie in the past, so that
// the times which users see are those of the days: every directory gets the time at which somebody changed it last.
import {
  chmodSync,
  linkSync,
  lchownSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { encodePath, parentOf } from '../../domain/path.ts';
import { snapshotName } from '../../services/demo/snapshot.ts';
import { bytes, HOSTILE_NAMES } from '../support/tree.ts';
import { content } from './users.ts';
import { World } from './world.ts';
import { DAY_MS, MINUTE_MS } from '../../domain/lengths.ts';

export const NIGHTS = 8;
/** Longer than any night's copying goes on: what happens after the last night is told from what happened in it. */
const LAST_NIGHT_AGO_MS = 14 * 3_600_000;
/** Users are at work so long before the night. */
const WORK_BEFORE_NIGHT_MS = 6 * 3_600_000;
/** The last day has no night; it was so long ago. */
const LAST_DAY_AGO_MS = 2 * 3_600_000;
const CLASSES = 6;
const ESSAYS = 20;
const HOMES = ['home/anna', 'home/ben'];

/** One line for each name below the volume's root: kind, mode, owner, time, content. By path, as Rollcall writes it. */
export type Survey = Map<string, string>;

export class School {
  readonly #world: World;
  readonly #nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
  /** Seconds since 1970 of the last change of each directory. */
  readonly #changed = new Map<string, number>();
  #files = 0;
  /** Paths, as Rollcall writes them, that users deleted, or renamed to another. */
  readonly deleted = new Set<string>();
  readonly renamed = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** When night 1, 2 … 8 was taken. */
  nightMs(night: number): number {
    return this.#nowMs - LAST_NIGHT_AGO_MS - (NIGHTS - night) * DAY_MS;
  }

  nightName(night: number): string {
    return snapshotName(this.nightMs(night));
  }

  /** What users do on day 1, 2 … 8, and the night after it. */
  day(day: number): void {
    const work = new Work(this.#world, `day-${day}`, (this.nightMs(day) - WORK_BEFORE_NIGHT_MS) / 1000, this.#changed);
    if (day === 1) this.#begin(work);
    else this.#go(work, day);
    work.done();
  }

  night(night: number): void {
    this.#world.night(this.nightName(night));
  }

  /**
   * A part of the day after the last night: what is made now is in no backup.
   *
   * @param home where the new files are made
   * @returns new files
   */
  lastDay(name: string, home: string, newFiles: number, edited: readonly string[] = []): string[] {
    const work = new Work(this.#world, name, (this.#nowMs - LAST_DAY_AGO_MS) / 1000, this.#changed);
    const made = Array.from({ length: newFiles }, (_, nth) => `${home}/${name}-${nth}.txt`);
    for (const path of made) work.write(path, this.#content(), 1012);
    for (const path of edited) work.edit(path, this.#content(), 1006);
    work.done();
    return made;
  }

  #content(): Buffer {
    return content(this.#files++);
  }

  #begin(work: Work): void {
    for (let nth = 1; nth <= CLASSES; nth++)
      for (let essay = 1; essay <= ESSAYS; essay++)
        work.write(`class-${nth}/essay-${essay}.odt`, this.#content(), 1000 + nth);
    for (const [nth, home] of HOMES.entries())
      for (let file = 1; file <= 12; file++) work.write(`${home}/note-${file}.txt`, this.#content(), 1011 + nth);
    for (let file = 1; file <= 20; file++) work.write(`office/letter-${file}.odt`, this.#content(), 1020);
    for (const [name] of HOSTILE_NAMES) work.write(bytes('office/odd/', name), this.#content(), 1020);
    work.write('office/empty', Buffer.alloc(0), 1020);
    work.link('office/letter-1.odt', 'office/also letter 1.odt');
    work.symlink('letter-2.odt', 'office/leads to letter 2');
    work.sparse('photos/raw.img', 1_500_000, 1021);
    for (let file = 1; file <= 6; file++)
      work.write(`photos/${file}.jpg`, Buffer.alloc(150_000 + file, `${file} jpeg`), 1021);
  }

  /** In one class and one home. On the day of the first losses nobody deletes: such files may be lost as well. */
  #go(work: Work, day: number): void {
    const owner = day % HOMES.length;
    const [group, home] = [`class-${(day % CLASSES) + 1}`, HOMES[owner] ?? ''];
    work.write(`${group}/handout-${day}.odt`, this.#content(), 1030);
    work.write(`${home}/day-${day}.txt`, this.#content(), 1011 + owner);
    work.edit(`${home}/note-12.txt`, this.#content(), 1011 + owner);
    this.#rename(work, `${home}/note-${day}.txt`, `${home}/note-${day} (old).txt`);
    if (day === NIGHTS) return;
    this.#rename(work, `${group}/essay-20.odt`, `${group}/essay of day ${day}.odt`);
    this.#remove(work, `${group}/essay-19.odt`);
    if (day <= 3) this.#remove(work, `${home}/note-11.txt`);
  }

  #rename(work: Work, from: string, to: string): void {
    work.rename(from, to);
    this.renamed.set(from, to);
  }

  #remove(work: Work, path: string): void {
    work.remove(path);
    this.deleted.add(path);
  }
}

/** What users do at one time: prepared on this machine, then done through the mount at once. */
class Work {
  readonly #world: World;
  readonly #place: string;
  readonly #seconds: number;
  readonly #changed: Map<string, number>;
  readonly #commands: string[] = [];

  constructor(world: World, name: string, seconds: number, changed: Map<string, number>) {
    this.#world = world;
    this.#place = join(world.base, name);
    this.#seconds = seconds;
    this.#changed = changed;
    mkdirSync(this.#place);
  }

  write(path: string | Buffer, made: Buffer, uid: number): void {
    const place = this.#at(path);
    writeFileSync(place, made);
    this.#dress(place, uid);
  }

  /** The same inode has other content: no directory changes. */
  edit(path: string, made: Buffer, uid: number): void {
    const place = join(this.#place, `edited-${this.#commands.length}`);
    writeFileSync(place, made);
    this.#dress(place, uid);
    this.#commands.push(`cat '${place}' >'${path}'; touch -d @${this.#seconds} '${path}'; rm '${place}'`);
  }

  sparse(path: string, bytesLong: number, uid: number): void {
    const place = this.#at(path);
    writeFileSync(place, 'begins');
    truncateSync(place, bytesLong);
    this.#dress(place, uid);
  }

  link(path: string, to: string): void {
    linkSync(this.#at(path), this.#at(to));
  }

  symlink(target: string, path: string): void {
    symlinkSync(target, this.#at(path));
  }

  rename(from: string, to: string): void {
    this.#touch(from);
    this.#commands.push(`mv '${from}' '${to}'`);
  }

  remove(path: string): void {
    this.#touch(path);
    this.#commands.push(`rm '${path}'`);
  }

  done(): void {
    const times = [...this.#changed].toReversed().map(([path, seconds]) => `touch -d @${seconds} './${path}'`);
    const made = this.#place;
    this.#world.sh(`cd ${this.#world.mount}
      ${this.#commands.join('\n')}
      cp -a ${made}/. .
      ${times.join('\n')}`);
  }

  #at(path: string | Buffer): Buffer {
    const place = bytes(`${this.#place}/`, path);
    mkdirSync(dirname(place.toString('latin1')), { recursive: true });
    this.#touch(encodePath(bytes(path)));
    return place;
  }

  #dress(place: string | Buffer, uid: number): void {
    lchownSync(place, uid, uid);
    chmodSync(place, 0o640);
    utimesSync(place, this.#seconds, this.#seconds);
  }

  #touch(path: string): void {
    const parent = parentOf(path);
    if (!this.#changed.has(parent) && parent !== '') this.#touch(parent);
    this.#changed.set(parent, this.#seconds);
  }
}

/** A volume on two bricks, mounted, and a school at work on it, up to its last day, which no night has copied yet. */
export async function schoolAtWork(): Promise<{ readonly world: World; readonly school: School }> {
  const world = await World.open();
  world.addBricks([
    { name: 'b1', type: 'ext4' },
    { name: 'b2', type: 'ext4' },
  ]);
  const school = new School(world);
  world.mountVolume();
  for (let day = 1; day < NIGHTS; day++) {
    school.day(day);
    school.night(day);
  }
  school.day(NIGHTS);
  return { world, school };
}

/** Everything that is not a directory, as the mount shows it. */
export function surveyOf(world: World): Survey {
  const survey: Survey = new Map();
  // Without the times of symlinks: once that of one was 0.9 s later when all was back, and why is not known.
  const listed = world
    .sh(
      `cd ${world.mount}; find . -type l -printf '%y %m %U:%G %s %l\\n%P\\0' -o ! -type d -printf '%y %m %U:%G %s %T@\\n%P\\0'`,
    )
    .toString('latin1');
  for (const record of listed.split('\0').slice(0, -1)) {
    const end = record.indexOf('\n');
    survey.set(encodePath(Buffer.from(record.slice(end + 1), 'latin1')), record.slice(0, end));
  }
  for (const [path, digest] of world.digests()) survey.set(path, `${survey.get(path) ?? ''} ${digest}`);
  return survey;
}
