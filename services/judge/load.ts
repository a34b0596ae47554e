// Loading: from the catalog to observers and facts, with what is plainly intact already counted.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isGap, type Observer, versionAt } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import type { Scan } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { orderObservers, pointsOf, spansOf } from '../../domain/window/timeline.ts';
import type { Database } from '../catalog/database.ts';
import { type Decisions, decisionsOf } from '../catalog/decisions.ts';
import {
  gapsOf,
  type JudgedRoot,
  narrow,
  pathsOfDirectories,
  pullRows,
  rulesOf,
  type StoredGap,
  type Sum,
} from '../catalog/reconciliation.ts';
import { listVolumesOf } from '../catalog/lists.ts';
import { completeScans } from '../catalog/scans.ts';
import { rootMarks } from '../catalog/snapshots.ts';
import { sumVersions, type VersionSums } from '../catalog/version-sums.ts';
import { createScope } from '../files/scope.ts';
import { FactsBuilder, type OutOfScope, rootsOf } from './facts.ts';
import { type Case, openCase } from './judging.ts';

/** Entries of directories that are fetched by one query: some 20 MB. */
const PULL_NAMES = 20_000;
/** A scan that ends meanwhile is rare; one that ends each time is a scan in a loop. */
const LOADS_MAX = 5;

/** What is judged, and by which rules. */
export interface LoadInput {
  readonly db: Database;
  /** The live volume; path is where it lies, absolute and printable. */
  readonly volume: { readonly id: number; readonly name: string; readonly path: string };
  /** The declared backups: what was scanned of them counts, whether or not it is on disk today. */
  readonly series: readonly { readonly id: number; readonly name: string; readonly pattern?: string }[];
  /** Today's rules: scope is decided at judging, for both sides. */
  readonly scope: ScopeRules;
}

/** Everything that the catalog knows of what is not plainly intact. */
export interface Loaded {
  readonly observers: readonly Observer[];
  readonly points: readonly number[];
  readonly spans: ReturnType<typeof spansOf>;
  readonly roots: readonly JudgedRoot[];
  readonly gaps: readonly StoredGap[];
  readonly builder: FactsBuilder;
  readonly cases: readonly Case[];
  readonly plain: Sum;
  readonly plainFiles: ReadonlyMap<number, number>;
  readonly outOfScope: Readonly<Record<OutOfScope, number>>;
  readonly changes: VersionSums['changes'];
  readonly trusted: VersionSums['trusted'];
  readonly clampedTimes: number;
  readonly decisions: Decisions;
  /** Files of the volume, live or in its newest snapshots, whichever is more. */
  readonly files: number;
}

/**
 * The catalog is read in many statements. A scan that ends between two of them replaces listings, and whole directories would be found in neither
 * state: then everything is read again.
 * @throws RollcallError where live was never scanned completely, or scans of these volumes end faster than the catalog can be read
 */
export async function load(input: LoadInput): Promise<Loaded> {
  for (let tries = 1; tries <= LOADS_MAX; tries++) {
    const scans = await scansOf(input);
    const loaded = await loadFrom(input, scans);
    if (sameScans(scans, await scansOf(input))) return loaded;
  }
  throw new RollcallError(`Scans of ${input.volume.name} or its backups kept ending while the catalog was read.`, {
    exit: EXIT.failure,
    next: 'wait until no other scan of them runs (rollcall status), then run the command again',
  });
}

/** Complete scans of the volumes that are judged together, oldest first. */
interface JudgedScans {
  readonly live: readonly Scan[];
  /** Aligned with the declared backups. */
  readonly series: readonly (readonly Scan[])[];
  readonly lists: readonly { readonly name: string; readonly scans: readonly Scan[] }[];
}

async function scansOf({ db: { pool }, volume, series }: LoadInput): Promise<JudgedScans> {
  const ids = [volume.id, ...series.map(({ id }) => id)];
  const [live = [], ...ofSeries] = await Promise.all(ids.map((id) => completeScans(pool, id)));
  const lists = await listVolumesOf(pool, ids);
  const listed = await Promise.all(lists.map(async ({ id, name }) => ({ name, scans: await completeScans(pool, id) })));
  return { live, series: ofSeries, lists: listed };
}

function sameScans(before: JudgedScans, after: JudgedScans): boolean {
  const keyOf = ({ live, series, lists }: JudgedScans): string =>
    [live, ...series, ...lists.map(({ scans }) => scans)]
      .map((scans) => scans.map(({ id, pruned }) => `${id} ${pruned}`).join())
      .join(';');
  return keyOf(before) === keyOf(after);
}

async function loadFrom(input: LoadInput, scans: JudgedScans): Promise<Loaded> {
  const { pool } = input.db;
  const newest = scans.live.at(-1);
  if (newest === undefined) {
    throw new RollcallError(`${input.volume.name} has not been scanned completely, so nothing can be judged.`, {
      exit: EXIT.failure,
      next: `scan it first: rollcall scan ${input.volume.path}`,
    });
  }
  const ordered = orderObservers(
    [
      ...scans.live.map((scan): Observer => ({ scan, role: 'live', volume: input.volume.name })),
      ...scans.series.flatMap((own, i) =>
        own.map((scan): Observer => ({ scan, role: 'backup', volume: input.series[i]?.name ?? '' })),
      ),
      ...scans.lists.flatMap((list) => list.scans.map((scan): Observer => ({ scan, role: 'list', volume: list.name }))),
    ],
    newest.id,
  );
  const points = pointsOf(ordered);
  const roots = rootsOf(ordered);
  const ids = ordered.map(({ scan }) => scan.id);
  // One pass over all versions: it takes longer than all else here, and is needed last.
  const looked = roots.filter((root) => !root.list);
  const summing = sumVersions(pool, looked, newest.startedMs);
  summing.catch(() => {});
  const [gaps, rules, decisions, marks] = await Promise.all([
    gapsOf(pool, ids),
    rulesOf(pool, ids),
    decisionsOf(
      pool,
      input.volume.id,
      input.series.map(({ id }) => id),
    ),
    rootMarks(pool, ids),
  ]);
  const observers = ordered.map((observer): Observer => ({ ...observer, mark: marks.get(observer.scan.id) }));
  const scope = createScope(input.scope);
  const builder = new FactsBuilder(observers, gaps, rules, scope);
  // Where backups are declared and none was scanned, nothing is protected: then no name is plainly intact.
  const scannedBackup = input.series.length === 0 || observers.some((observer) => observer.role === 'backup');
  const listingsTell = scannedBackup && trustListings(observers, roots, rules.get(newest.id)?.scope, input.scope);
  const narrowed = await narrow(pool, roots, listingsTell);
  const cases: Case[] = [];
  const plain = { ...narrowed.plain };
  const plainFiles = new Map<number, number>();
  const outOfScope = { boundary: 0, excluded: 0, skipped: 0 };
  const keep = (facts: ReturnType<FactsBuilder['build']>, directory: number | null, name: string): void => {
    if (typeof facts === 'string') outOfScope[facts]++;
    else if (facts.sights.some((sight) => sight !== null && !(isGap(sight) && sight.status === 'boundary')))
      cases.push(openCase(directory, name, facts));
  };
  const fetched = new Set<string>();
  const pull = async (chunk: number[] | undefined) => {
    if (chunk === undefined) return null;
    const [pulled, paths] = await Promise.all([
      pullRows(pool, roots, chunk, listingsTell),
      pathsOfDirectories(pool, chunk),
    ]);
    return { pulled, paths };
  };
  const waiting = [...chunks(narrowed.directories)];
  let coming = pull(waiting.shift());
  for (let batch = await coming; batch !== null; batch = await coming) {
    // The database fetches the next chunk while this one becomes facts.
    coming = pull(waiting.shift());
    coming.catch(() => {});
    const { pulled, paths } = batch;
    plain.files += pulled.plain.files;
    plain.directories += pulled.plain.directories;
    plain.bytes += pulled.plain.bytes;
    for (const [directory, files] of pulled.plainFiles) plainFiles.set(directory, files);
    for (const rows of pulled.paths) {
      const path = paths.get(rows.directory);
      if (path === undefined) throw new Error(`directory ${rows.directory} is not in the dictionary`);
      keep(builder.build(rows, path), rows.directory, rows.name);
      if (gaps.length > 0) fetched.add(joinPath(path, rows.name));
    }
  }
  // A name that could never be looked at was listed all the same: it exists, and it is unreadable.
  for (const gap of gaps) {
    if (gap.scan !== newest.id || gap.name === '' || gap.status === 'boundary') continue;
    const path = joinPath(gap.directory, gap.name);
    if (!fetched.has(path)) keep(builder.hidden(path), null, gap.name);
  }
  return {
    observers,
    points,
    spans: spansOf(observers, points),
    roots,
    gaps,
    builder,
    cases,
    plain,
    plainFiles,
    outOfScope,
    ...(await summing),
    decisions,
    files: plain.files + countFiles(cases, observers),
  };
}

/** Files live now or in the newest snapshot: what the floor of a burst is measured by. */
function countFiles(cases: readonly Case[], observers: readonly Observer[]): number {
  const live = observers.length - 1;
  const newest = observers.findLastIndex((observer) => observer.role === 'backup');
  return cases.filter(({ facts }) => {
    const version = versionAt(facts.sights, live) ?? versionAt(facts.sights, newest);
    return version !== null && version.kind !== 'directory';
  }).length;
}

/**
 * Listings and single versions speak for the newest scans only. They decide alone where each volume has one root, the newest snapshot
 * of each series is on disk, and live was scanned by today's rules.
 */
function trustListings(
  observers: readonly Observer[],
  roots: readonly JudgedRoot[],
  scanned: ScopeRules | undefined,
  today: ScopeRules,
): boolean {
  const volumes = new Set(observers.map((observer) => observer.volume));
  // Lists only contradict: what they do not name they say nothing of.
  if (roots.length !== volumes.size || scanned === undefined) return false;
  if (JSON.stringify(scanned.excludes) !== JSON.stringify(today.excludes)) return false;
  return roots.every(
    (root) => root.list || observers.find(({ scan }) => scan.id === root.newestScan)?.scan.pruned === null,
  );
}

function* chunks(directories: readonly { readonly id: number; readonly names: number }[]): Generator<number[]> {
  let ids: number[] = [];
  let names = 0;
  for (const directory of directories) {
    ids.push(directory.id);
    names += directory.names + 1;
    if (names < PULL_NAMES) continue;
    yield ids;
    ids = [];
    names = 0;
  }
  if (ids.length > 0) yield ids;
}
