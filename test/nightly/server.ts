// One server over thirty nights: people by day, rsync at three, a scan of live and an assessment at six, and on one
// night something goes wrong without a word.
import { baseName, parentOf } from '../../domain/path.ts';
import { Auditor, type Found } from './audit.ts';
import { Looks } from './looks.ts';
import { People } from './people.ts';
import { Chance } from './random.ts';
import { Tree } from './tree.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

const START_MS = Date.UTC(2026, 0, 5);

export const HARMS = ['lost', 'zeroed', 'emptied', 'flipped', 'encrypted', 'encrypted in place'] as const;
export type Harm = (typeof HARMS)[number];

export interface ServerOptions {
  readonly seed: number;
  readonly nights: number;
  readonly files: number;
  readonly directories: number;
  readonly touchedShare: number;
  readonly harm: Harm;
  /** Files that the event takes. */
  readonly count: number;
  readonly raceShare: number;
}

export interface Night {
  readonly night: number;
  readonly isQuiet: boolean;
  /** The interval between its two snapshots holds damage that the run before has told of, and this day's work. */
  readonly isAfterDamage: boolean;
  /** A file was deleted while rsync ran. */
  readonly isRace: boolean;
  readonly false: readonly (readonly [path: string, found: Found])[];
}

export interface Outcome {
  readonly nights: readonly Night[];
  readonly beforeSnapshot: boolean;
  /** Of the event's files, at the first run after it. */
  readonly files: readonly { readonly path: string; readonly touched: boolean; readonly found: Found | null }[];
}

export function runServer(options: ServerOptions): Outcome {
  const chance = new Chance(options.seed);
  const tree = new Tree(START_MS);
  const looks = new Looks(tree);
  const people = new People(tree, chance, { touchedShare: options.touchedShare, deletions: 9 });
  people.settle(options.files, options.directories, START_MS);
  const auditor = new Auditor(tree, looks);
  /** Half of the servers have kept snapshots for some nights when they are assessed first. */
  const first = chance.is(0.5) ? 0 : chance.whole(3, 10);
  const bad = chance.whole(2, options.nights - 1);
  const beforeSnapshot = chance.is(0.5);
  const nights: Night[] = [];
  let harmed: { path: string; touched: boolean }[] = [];
  let outcome: Outcome['files'] = [];
  for (let night = 0; night < options.nights; night++) {
    const dayMs = START_MS + night * DAY_MS;
    const yesterdayMs = dayMs - DAY_MS + 6 * HOUR_MS;
    if (night > 0) people.work(dayMs - 16 * HOUR_MS, night % 7);
    const harm = (nowMs: number): void => {
      harmed = harmFiles(tree, chance, options, nowMs).map((path) => ({
        path,
        touched: (tree.touched.get(parentOf(path)) ?? 0) > yesterdayMs,
      }));
    };
    if (night === bad && beforeSnapshot) harm(dayMs + 2 * HOUR_MS);
    // No run looked between this loss and the next day's work: the interval that dates it holds both.
    if (night === bad + 1 && night <= first && !beforeSnapshot)
      harmed = harmed.map(({ path, touched }) => ({
        path,
        touched: touched || (tree.touched.get(parentOf(path)) ?? 0) > yesterdayMs,
      }));
    const race = night > 0 && chance.is(options.raceShare) ? (chance.pick([...anyFiles(tree)]) ?? null) : null;
    const runMs = chance.between(2, 40) * 60_000;
    looks.snapshot(dayMs + 3 * HOUR_MS, dayMs + 3 * HOUR_MS + runMs, race);
    if (night === bad && !beforeSnapshot) harm(dayMs + 5 * HOUR_MS);
    if (night < first) continue;
    looks.live(dayMs + 6 * HOUR_MS);
    const isAfter = night >= bad && harmed.length > 0;
    const found = auditor.assess(dayMs + 6 * HOUR_MS, new Set(isAfter ? harmed.map(({ path }) => path) : []));
    if (isAfter) {
      outcome = harmed.map(({ path, touched }) => ({ path, touched, found: foundOf(found, path) }));
      harmed = [];
    }
    const isAfterDamage = night === bad + 1 && !beforeSnapshot && options.harm !== 'lost';
    const isQuiet = night !== (bad < first ? first : bad) && !isAfterDamage;
    nights.push({
      night,
      isQuiet,
      isAfterDamage,
      isRace: race !== null,
      false: [...found].filter(([, { exit }]) => exit !== 0),
    });
  }
  return { nights, beforeSnapshot, files: outcome };
}

/**
 * What was lost the day its directory was renamed is told under the name that a look had seen. Last names are given
 * once.
 */
function foundOf(found: ReadonlyMap<string, Found>, path: string): Found | null {
  const own = found.get(path);
  if (own !== undefined) return own;
  const name = baseName(path);
  return [...found].find(([other]) => baseName(other) === name)?.[1] ?? null;
}

function* anyFiles(tree: Tree): Generator<string> {
  for (const [path, { kind }] of tree.nodes) if (kind === 'file' && path.startsWith('home/p')) yield path;
}

/** What goes wrong below the file system, or by hands that nobody called. Answers with the names that the files had. */
function harmFiles(tree: Tree, chance: Chance, { harm, count }: ServerOptions, nowMs: number): string[] {
  const paths = chance.some([...anyFiles(tree)], count).filter((path) => (tree.nodes.get(path)?.size ?? 0) > 0);
  for (const path of paths) {
    const node = tree.nodes.get(path);
    if (node === undefined) continue;
    const { size, mtimeMs } = node;
    if (harm === 'lost') tree.lose(path);
    else if (harm === 'zeroed') tree.edit(path, nowMs, size, { zeroFrom: 0, digest: BigInt(size), mtimeMs });
    else if (harm === 'emptied') tree.edit(path, nowMs, 0, { mtimeMs });
    else if (harm === 'flipped') tree.edit(path, nowMs, size, { mtimeMs });
    else tree.edit(path, nowMs, size + 16);
    if (harm === 'encrypted') tree.rename(path, `${path}.locked`, nowMs);
  }
  return paths;
}
