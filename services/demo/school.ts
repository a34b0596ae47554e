// Builds the demo: a school's files, a week of nightly snapshots and the ordinary life between them.
import { mkdirSync } from 'node:fs';
import { type LiveTree, liveTree, type Owner, parent, prose } from './live-tree.ts';
import { type Random, random } from './random.ts';
import { snapshotName, takeSnapshot } from './snapshot.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

const NIGHTS = 7;

/** What `buildDemo` made. Directories are absolute; paths in the lists are below `live`, raw strings. */
export interface DemoTree {
  readonly live: string;
  /** What `--backup` takes. */
  readonly pattern: string;
  readonly backups: string;
  /** Directories of the snapshots, oldest first. */
  readonly nights: readonly string[];
  readonly files: number;
  /** Made since the last night; no snapshot holds them. */
  readonly lastDay: readonly string[];
  /** Deleted by people early in the week, and the night before the last. */
  readonly deletedEarly: readonly string[];
  readonly deletedLate: readonly string[];
  readonly tree: LiveTree;
  readonly random: Random;
}

/** A whole directory that will be lost, a hard-linked pair, and names that break careless tools. */
export const ATLAS = 'library/atlas';
export const TWIN = 'office/timetable 2026.ods';
export const TWIN_OF = 'teachers/timetable.ods';
export const ODD_NAMES: readonly string[] = [
  'exchange/minutes\nof the meeting.txt',
  'exchange/#ideas.txt',
  'exchange/-rf.txt',
  'exchange/ leading space.txt',
  'exchange/Pr\u00fcfung 10b.odt',
  'exchange/$(reboot) `x`.txt',
];
/** Will be damaged in the middle of its bytes; people changed its mode in the week, so that two copies of it exist. */
export const ROTTEN = 'library/catalogue.db';
/** Will be full of zeros: one before the last night, which carries it into the backup, one after. */
export const ZEROED_EARLY = 'office/accounts 2026.ods';
export const ZEROED_LATE = 'office/budget.ods';

/** Where somebody tidies up on the last evening but one, and where nothing is lost. */
export const TIDIED: readonly string[] = ['office/letters', 'office/minutes'];

const PUPILS: Owner = { uid: 2001, gid: 2000 };
const TEACHERS: readonly Owner[] = [2002, 2003, 2004].map((uid) => ({ uid, gid: 2000 }));
const OFFICE: Owner = { uid: 2005, gid: 2000 };
const LIBRARY: Owner = { uid: 2006, gid: 2000 };

/** Where people work on the last day: what vanishes from there that day might have been deleted by one of them. */
export const BUSY: readonly string[] = ['pupils/class-1', 'pupils/class-2'];

const SUBJECTS = ['essay', 'maths', 'history', 'biology', 'poem', 'project', 'trip', 'map'] as const;

/** The 03:00 UTC nights before `nowMs`, oldest first; the newest at least an hour ago. */
function nightTimes(nowMs: number): number[] {
  const last = Math.floor((nowMs - 4 * HOUR_MS) / DAY_MS) * DAY_MS + 3 * HOUR_MS;
  return Array.from({ length: NIGHTS }, (_, index) => last - (NIGHTS - 1 - index) * DAY_MS);
}

/** Median about 5 kB, a long tail, never empty. */
function size(its: Random): number {
  const normal = Array.from({ length: 6 }, its.unit).reduce((sum, each) => sum + each, 0) - 3;
  return Math.max(40, Math.round(5_000 * Math.exp(normal * 1.6)));
}

function firstDay(tree: LiveTree, its: Random, atMs: number): void {
  const file = (path: string, owner: Owner): void => {
    tree.create(path, prose(its, size(its)), owner, atMs - its.below(200) * DAY_MS - its.below(DAY_MS));
  };
  const directory = (path: string, owner: Owner): void => tree.directory(path, owner, atMs - 100 * DAY_MS);
  for (const top of ['pupils', 'teachers', 'office', ...TIDIED, 'library', ATLAS, 'exchange']) {
    directory(top, top.startsWith('library') ? LIBRARY : OFFICE);
  }
  for (let form = 1; form <= 8; form += 1) {
    directory(`pupils/class-${form}`, PUPILS);
    for (let i = 0; i < 42; i += 1)
      file(`pupils/class-${form}/${its.pick(SUBJECTS)} ${String(i).padStart(2, '0')}.odt`, PUPILS);
  }
  TEACHERS.forEach((owner, index) => {
    const home = `teachers/${['keller', 'novak', 'ozturk'][index]}`;
    directory(home, owner);
    for (let i = 0; i < 40; i += 1) file(`${home}/${its.pick(SUBJECTS)}-lesson-${i}.md`, owner);
  });
  for (let i = 0; i < 45; i += 1) file(`library/book-${String(i).padStart(3, '0')}.txt`, LIBRARY);
  for (let i = 0; i < 12; i += 1) file(`${ATLAS}/plate ${i}.jpg`, LIBRARY);
  for (const directory of TIDIED) for (let i = 0; i < 18; i += 1) file(`${directory}/${i + 1}.txt`, OFFICE);
  for (let i = 0; i < 30; i += 1) file(`exchange/handout ${i}.pdf`, its.pick(TEACHERS));
  for (const path of [...ODD_NAMES, ROTTEN, ZEROED_EARLY, ZEROED_LATE, TWIN_OF]) file(path, OFFICE);
  tree.link(TWIN, TWIN_OF, atMs - 50 * DAY_MS);
  tree.symlink('exchange/timetable', '../office/timetable 2026.ods', OFFICE, atMs - 50 * DAY_MS);
  tree.symlink(`${ATLAS}/index`, '../book-000.txt', LIBRARY, atMs - 50 * DAY_MS);
}

/** What must stay as it is until the damage, so that the story can be told of it. */
const RESERVED: ReadonlySet<string> = new Set([...ODD_NAMES, ROTTEN, ZEROED_EARLY, ZEROED_LATE, TWIN, TWIN_OF]);

function ordinary(tree: LiveTree): string[] {
  return [...tree.files].filter((path) => !RESERVED.has(path) && !path.startsWith(`${ATLAS}/`)).sort();
}

function workday(tree: LiveTree, its: Random, atMs: number, day: number): string[] {
  const hour = (): number => atMs + (6 + its.below(9)) * HOUR_MS;
  for (const path of its.some(ordinary(tree), 6 + its.below(6))) tree.edit(path, prose(its, size(its)), hour());
  const made: string[] = [];
  for (let i = 0; i < 5 + its.below(4); i += 1) {
    const form = its.below(8) + 1;
    const path = `pupils/class-${form}/day ${day} ${its.pick(SUBJECTS)} ${i}.odt`;
    tree.create(path, prose(its, size(its)), PUPILS, hour());
    made.push(path);
  }
  return made;
}

/** Makes `dir` (which must not exist or be empty) and all below it. The same seed and time give the same tree. */
export async function buildDemo(
  dir: string,
  options: { readonly seed: number; readonly nowMs: number },
): Promise<DemoTree> {
  const its = random(options.seed);
  const times = nightTimes(options.nowMs);
  const first = times[0] ?? options.nowMs;
  const backups = `${dir}/backup/nightly`;
  mkdirSync(backups, { recursive: true });
  const tree = liveTree(`${dir}/school`, first - 200 * DAY_MS);
  firstDay(tree, its, first - DAY_MS);

  const nights: string[] = [];
  const deletedEarly: string[] = [];
  const deletedLate: string[] = [];
  for (const [night, atMs] of times.entries()) {
    const dayMs = atMs - 21 * HOUR_MS;
    if (night > 0) workday(tree, its, dayMs, night);
    if (night >= 1 && night <= 3) {
      for (const path of its.some(ordinary(tree), 3)) {
        tree.remove(path, dayMs + 9 * HOUR_MS);
        deletedEarly.push(path);
      }
      const [draft] = its.some(ordinary(tree), 1);
      if (draft !== undefined) tree.rename(draft, `${parent(draft)}/renamed on day ${night}.odt`, dayMs + 10 * HOUR_MS);
    }
    if (night === 4) tree.mode(ROTTEN, 0o644);
    if (night === NIGHTS - 1) {
      for (const directory of TIDIED) {
        const drafts = ordinary(tree).filter((path) => parent(path) === directory);
        for (const path of its.some(drafts, 2)) {
          tree.remove(path, dayMs + 11 * HOUR_MS);
          deletedLate.push(path);
        }
      }
    }
    tree.settle();
    const snapshot = `${backups}/${snapshotName(atMs)}`;
    takeSnapshot(tree.root, snapshot, nights.at(-1) ?? null);
    nights.push(snapshot);
  }
  const last = times.at(-1) ?? options.nowMs;
  const lastDay: string[] = [];
  for (let i = 0; i < 8; i += 1) {
    const path = `${BUSY[i % BUSY.length]}/homework for tomorrow ${i + 1}.odt`;
    tree.create(path, prose(its, size(its)), PUPILS, last + Math.floor((options.nowMs - last) / 2));
    lastDay.push(path);
  }
  tree.settle();
  return {
    live: tree.root,
    backups,
    pattern: `${backups}/*`,
    nights,
    files: tree.files.size,
    lastDay,
    deletedEarly,
    deletedLate,
    tree,
    random: its,
  };
}
