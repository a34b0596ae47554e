// Loading: from the catalog to observers and facts, with what is plainly intact already counted.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { type Observer, versionAt } from '../../domain/facts.ts';
import type { Scan } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { orderObservers, pointsOf, spansOf } from '../../domain/window/timeline.ts';
import type { Database } from '../catalog/database.ts';
import { type Decisions, decisionsOf } from '../catalog/decisions.ts';
import { listVolumesOf } from '../catalog/lists.ts';
import { gapsOf, type JudgedRoot, rulesOf, type StoredGap } from '../catalog/reconciliation.ts';
import { completeScans } from '../catalog/scans.ts';
import { rootMarks } from '../catalog/snapshots.ts';
import { sumVersions, type VersionSums } from '../catalog/version-sums.ts';
import { createScope } from '../files/scope.ts';
import { FactsBuilder, rootsOf } from './facts.ts';
import type { Case } from './judging.ts';
import { trustListings, type Universe, universeOf } from './universe.ts';

/** A scan that ends meanwhile is rare; one that ends each time is a scan in a loop. */
const LOADS_MAX = 5;

/** What is judged, and by which rules. */
export interface LoadInput {
  readonly db: Database;
  /** The live volume; path is its root, absolute and printable. */
  readonly volume: { readonly id: number; readonly name: string; readonly path: string };
  /** The declared backups: what was scanned of them counts, whether or not it is on disk today. */
  readonly series: readonly { readonly id: number; readonly name: string; readonly pattern?: string }[];
  /** Today's rules: scope is decided at judging, for both sides. */
  readonly scope: ScopeRules;
}

/** Everything that the catalog knows of what is not plainly intact. */
export interface Loaded extends Universe {
  readonly observers: readonly Observer[];
  readonly points: readonly number[];
  readonly spans: ReturnType<typeof spansOf>;
  readonly roots: readonly JudgedRoot[];
  readonly gaps: readonly StoredGap[];
  readonly builder: FactsBuilder;
  readonly changes: VersionSums['changes'];
  readonly trusted: VersionSums['trusted'];
  readonly clampedTimes: number;
  readonly decisions: Decisions;
  /** Files of the volume, live or in its newest snapshots, whichever is more. */
  readonly files: number;
}

/**
 * The catalog is read in many statements. A scan that ends between two of them replaces listings, and whole directories
 * would be found in neither state: then everything is read again.
 * @throws RollcallError where live was never scanned completely, or scans of these volumes end faster than the catalog
 *   can be read
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
  const ordered = orderObservers(observersOf(input, scans), newest.id);
  const points = pointsOf(ordered);
  const roots = rootsOf(ordered);
  const ids = ordered.map(({ scan }) => scan.id);
  // One pass over all versions: it takes longer than all else here, and is needed last.
  const looked = roots.filter((root) => !root.list);
  const summing = sumVersions(pool, looked, newest.startedMs);
  summing.catch(() => {});
  const backups = input.series.map(({ id }) => id);
  const [gaps, rules, decisions, marks] = await Promise.all([
    gapsOf(pool, ids),
    rulesOf(pool, ids),
    decisionsOf(pool, input.volume.id, backups),
    rootMarks(pool, ids),
  ]);
  const observers = ordered.map((observer): Observer => ({ ...observer, mark: marks.get(observer.scan.id) }));
  const builder = new FactsBuilder(observers, gaps, rules, createScope(input.scope));
  // Where backups are declared and none was scanned, nothing is protected: then no name is plainly intact.
  const scannedBackup = input.series.length === 0 || observers.some((observer) => observer.role === 'backup');
  const listingsTell = scannedBackup && trustListings(observers, roots, rules.get(newest.id)?.scope, input.scope);
  const universe = await universeOf(pool, { roots, builder, gaps, newest: newest.id, listingsTell });
  return {
    observers,
    points,
    spans: spansOf(observers, points),
    roots,
    gaps,
    builder,
    ...universe,
    ...(await summing),
    decisions,
    files: universe.plain.files + countFiles(universe.cases, observers),
  };
}

function observersOf(input: LoadInput, scans: JudgedScans): Observer[] {
  return [
    ...scans.live.map((scan): Observer => ({ scan, role: 'live', volume: input.volume.name })),
    ...scans.series.flatMap((own, i) =>
      own.map((scan): Observer => ({ scan, role: 'backup', volume: input.series[i]?.name ?? '' })),
    ),
    ...scans.lists.flatMap((list) => list.scans.map((scan): Observer => ({ scan, role: 'list', volume: list.name }))),
  ];
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
