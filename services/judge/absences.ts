// When and how names went: the directories above them are fetched, asked, and their answers attached to the facts.
import { type ProofInput, unfinishedListings } from '../../domain/absence/proof.ts';
import {
  type Absence,
  type DirectoryLook,
  type KeepsTimes,
  renamedPlace,
  Witness,
} from '../../domain/absence/witness.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { isGap } from '../../domain/facts.ts';
import { parentOf } from '../../domain/path.ts';
import { type DirectoryTimes, directoryTimes } from '../catalog/directory-times.ts';
import { entriesAbove, namesAt } from '../catalog/neighbours.ts';
import { pathsOfDirectories, rowsOfNames } from '../catalog/reconciliation.ts';
import type { Database } from '../catalog/database.ts';
import type { Case } from './judging.ts';
import type { Loaded } from './load.ts';
import type { Moves } from '../../domain/window/moves.ts';

/** A vantage keeps directory times where at least this share of the directories that show it. */
const KEEPS_SHARE = 0.9;
/** Fewer directories that gained a name under their old time than this are odd ones, not a habit of the file system. */
const UNMOVED_MIN = 2;

export interface Absences {
  readonly times: DirectoryTimes;
  readonly keepsTimes: ReadonlyMap<string, KeepsTimes>;
  /** Asks once more, knowing which directories were renamed. */
  readonly askAgain: (moves: Pick<Moves, 'directories' | 'moved'>) => Promise<void>;
}

/**
 * Attaches to every case that is gone, or was gone before it came back, when and how it went.
 * @returns null where nothing is gone
 */
export async function addAbsences(db: Database, loaded: Loaded): Promise<Absences | null> {
  const { observers, cases, roots, decisions } = loaded;
  const live = observers.length - 1;
  const wanted = cases.filter(
    ({ facts }) => facts.sights[live] === null || returnedAt(facts.sights) !== null || changedKind(facts.sights),
  );
  if (wanted.length === 0) return null;
  const newestMs = new Map<number, number>();
  observers.forEach(({ role, scan }) => {
    if (role === 'backup') newestMs.set(scan.rootId, scan.asOf.fromMs);
  });
  const [directories, times] = await Promise.all([looksAt(db, loaded, wanted), directoryTimes(db, roots, newestMs)]);
  const unfinished = unfinishedListings(proofInput(loaded));
  const keepsTimes = keptTimes(observers, times);
  const changed = changedMs(observers, times);
  const gained = gainedUnmoved(observers, times, cases);
  const witnessOf = (renamed: ReadonlyMap<string, string>): Witness =>
    new Witness({
      observers,
      unfinished,
      directories,
      keepsTimes,
      changedMs: changed,
      gainedUnmoved: gained,
      restoredInto: decisions.restoredInto,
      renamed,
      stood: (path, observer) => versionAt(seen.get(path) ?? [], observer) !== null,
    });
  const seen = new Map(cases.map(({ facts }) => [facts.path, facts.sights]));
  const witness = witnessOf(new Map());
  for (const one of wanted) attach(one, absenceOf(witness, one, live));
  return {
    times,
    keepsTimes,
    askAgain: async ({ directories: renamed, moved }) => {
      const below = wanted.filter(
        ({ facts: { path } }) => !moved.has(path) && renamedPlace(renamed, parentOf(path)) !== null,
      );
      if (below.length === 0) return;
      const places = [...new Set(below.flatMap(({ facts }) => renamedPlace(renamed, parentOf(facts.path)) ?? []))];
      for (const [path, looks] of await looksAtPlaces(db, loaded, await namesAt(db.pool, places)))
        directories.set(path, looks);
      const again = witnessOf(renamed);
      for (const one of below) attach(one, absenceOf(again, one, live));
    },
  };
  function absenceOf(asked: Witness, { facts }: Case, end: number): Absence | null {
    if (facts.sights[end] === null) return asked.absenceOf(facts);
    const returned = returnedAt(facts.sights);
    return (returned === null ? null : asked.absenceOf(facts, returned)) ?? asked.replacementOf(facts);
  }
}

function attach(one: Case, absence: Absence | null): void {
  const { facts } = one;
  const around = facts.surroundings ?? { absence: null, siblings: null, copies: [], linkTo: null };
  one.facts = { ...facts, surroundings: { ...around, absence } };
}

/** The newest observer that did not see a name which was seen before and after it; null where there is none. */
function returnedAt(sights: Case['facts']['sights']): number | null {
  const first = sights.findIndex((sight) => sight !== null && !isGap(sight));
  const last = sights.length - 1;
  const now = sights[last] ?? null;
  if (first < 0 || now === null || isGap(now)) return null;
  for (let observer = last - 1; observer > first; observer--) if (sights[observer] === null) return observer;
  return null;
}

function changedKind(sights: Case['facts']['sights']): boolean {
  const kinds = new Set(sights.flatMap((sight) => (sight === null || isGap(sight) ? [] : [sight.kind])));
  return kinds.size > 1;
}

function proofInput({ observers, cases, plainFiles, decisions }: Loaded): ProofInput {
  const byPath = new Map<string, number>();
  for (const { directory, facts } of cases) {
    const files = directory === null ? undefined : plainFiles.get(directory);
    if (files !== undefined) byPath.set(parentOf(facts.path), files);
  }
  return { observers, paths: cases.map(({ facts }) => facts), plainFiles: byPath, restored: decisions.restored };
}

/** How each observer saw the directories above the cases, their own among them where they are gone too. */
async function looksAt(
  db: Database,
  loaded: Loaded,
  wanted: readonly Case[],
): Promise<Map<string, readonly (DirectoryLook | null)[]>> {
  const ids = [...new Set(wanted.flatMap(({ directory }) => directory ?? []))];
  const entries = [...(await entriesAbove(db.pool, ids)).values()];
  const looks = await looksAtPlaces(
    db,
    loaded,
    entries.map(({ parent, name }) => ({ directory: parent, name })),
  );
  // The root of a volume is no entry of any directory, and has no version: each scan keeps what its time was.
  looks.set(
    '',
    loaded.observers.map(({ scan: { rootMtimeNs } }) =>
      rootMtimeNs === null ? null : { mtimeNs: rootMtimeNs, inode: 0n, btimeNs: 0n },
    ),
  );
  return looks;
}

async function looksAtPlaces(
  db: Database,
  { builder, roots }: Loaded,
  places: readonly { readonly directory: number; readonly name: string }[],
): Promise<Map<string, readonly (DirectoryLook | null)[]>> {
  const rows = await rowsOfNames(db.pool, roots, places);
  const parents = await pathsOfDirectories(db.pool, [...new Set(rows.map(({ directory }) => directory))]);
  const looks = new Map<string, readonly (DirectoryLook | null)[]>();
  for (const row of rows) {
    const parent = parents.get(row.directory);
    const facts = parent === undefined ? 'skipped' : builder.build(row, parent);
    if (typeof facts === 'string') continue;
    looks.set(
      facts.path,
      facts.sights.map((_, observer) => {
        const version = versionAt(facts.sights, observer);
        if (version?.kind !== 'directory') return null;
        return { mtimeNs: version.mtimeNs, inode: version.inode, btimeNs: version.btimeNs };
      }),
    );
  }
  return looks;
}

/**
 * Of the directories with equal content in snapshot and live nine of ten have equal times, and of those that gained a
 * name nine of ten moved: else their times mean nothing.
 */
function keptTimes(observers: readonly Observer[], times: DirectoryTimes): Map<string, KeepsTimes> {
  const keeps = new Map<string, KeepsTimes>();
  for (const { role, volume, scan } of observers) {
    if (role === 'list' || keeps.has(volume)) continue;
    const gained = times.gained.get(scan.rootId) ?? { moved: 0, unmoved: 0 };
    const lies = gained.unmoved >= UNMOVED_MIN && gained.moved < KEEPS_SHARE * (gained.moved + gained.unmoved);
    if (role === 'live') {
      keeps.set(volume, lies ? 'no' : 'yes');
      continue;
    }
    const { same, other } = times.beside.get(scan.rootId) ?? { same: 0, other: 0 };
    if (lies) keeps.set(volume, 'no');
    else if (same + other === 0) keeps.set(volume, 'unknown');
    else keeps.set(volume, same >= KEEPS_SHARE * (same + other) ? 'yes' : 'no');
  }
  return keeps;
}

function changedMs(observers: readonly Observer[], { changedMs: known }: DirectoryTimes): Map<number, number> {
  return new Map(
    observers.flatMap(({ role, scan }, index) => {
      const ms = role === 'backup' ? known.get(`${scan.rootId} ${scan.seq}`) : undefined;
      return ms === undefined ? [] : [[index, ms] as const];
    }),
  );
}

/** By directory: observers that found a name more in it, and its old time. */
function gainedUnmoved(
  observers: readonly Observer[],
  times: DirectoryTimes,
  cases: readonly Case[],
): Map<string, Set<number>> {
  const byScan = new Map(observers.map(({ scan }, index) => [`${scan.rootId} ${scan.seq}`, index]));
  const gained = new Map<string, Set<number>>();
  const add = (path: string, observer: number): void => {
    const set = gained.get(path);
    if (set === undefined) gained.set(path, new Set([observer]));
    else set.add(observer);
  };
  for (const { root, seq, path } of times.gainedUnmoved) {
    const observer = byScan.get(`${root} ${seq}`);
    if (observer !== undefined) add(path, observer);
  }
  // What was born after the newest snapshot, in a directory that still has its earlier time: that time is no witness.
  const live = observers.length - 1;
  const backups = observers.flatMap(({ role }, index) => (role === 'backup' ? [index] : []));
  const sinceNs = BigInt(Math.floor(observers[backups.at(-1) ?? live]?.scan.asOf.fromMs ?? 0)) * 1_000_000n;
  for (const { facts } of cases) {
    const now = versionAt(facts.sights, live);
    if (now === null || backups.length === 0 || backups.some((index) => facts.sights[index] !== null)) continue;
    if ((now.btimeNs === 0n ? now.ctimeNs : now.btimeNs) <= sinceNs) continue;
    // What an earlier live scan saw already was gained before that one.
    const first = observers.findIndex(({ role }, index) => role === 'live' && versionAt(facts.sights, index) !== null);
    add(parentOf(facts.path), first);
  }
  return gained;
}
