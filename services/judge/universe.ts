// The universe of an assessment: what is plainly intact is counted where it lies, in the database, and everything else
// becomes a case.
import { isGap, type Observer } from '../../domain/facts.ts';
import { baseName, joinPath } from '../../domain/path.ts';
import { hidesNothing } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import {
  type JudgedRoot,
  narrow,
  pathsOfDirectories,
  type PulledRows,
  pullRows,
  type StoredGap,
  type Sum,
} from '../catalog/reconciliation.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { FactsBuilder, OutOfScope } from './facts.ts';
import { type Case, openCase } from './judging.ts';

/** Entries of directories that are fetched by one query: some 20 MB. */
const PULL_NAMES = 20_000;

export interface Universe {
  readonly cases: readonly Case[];
  readonly plain: Sum;
  /** Files of each directory (by id) that are among the plain ones, where others of it are cases. */
  readonly plainFiles: ReadonlyMap<number, number>;
  readonly outOfScope: Readonly<Record<OutOfScope, number>>;
}

export interface UniverseInput {
  readonly roots: readonly JudgedRoot[];
  readonly builder: FactsBuilder;
  readonly gaps: readonly StoredGap[];
  /** Id of the newest scan of live. */
  readonly newest: bigint;
  /** Whether listings and single versions decide alone that a name is plainly intact. */
  readonly listingsTell: boolean;
}

/** As it is gathered. */
interface Gathered {
  readonly cases: Case[];
  readonly plain: { files: number; directories: number; bytes: number };
  readonly plainFiles: Map<number, number>;
  readonly outOfScope: Record<OutOfScope, number>;
  /** Paths that have rows; asked only where something could not be looked at. */
  readonly fetched: Set<string>;
}

export async function universeOf(client: Queryable, input: UniverseInput): Promise<Universe> {
  const { roots, builder, gaps, newest, listingsTell } = input;
  const narrowed = await narrow(client, roots, listingsTell);
  const gathered: Gathered = {
    cases: [],
    plain: { ...narrowed.plain },
    plainFiles: new Map(),
    outOfScope: { boundary: 0, excluded: 0, skipped: 0 },
    fetched: new Set(),
  };
  const pull = async (chunk: readonly number[]): Promise<() => void> => {
    const [pulled, paths] = await Promise.all([
      pullRows(client, roots, chunk, listingsTell),
      pathsOfDirectories(client, chunk),
    ]);
    return () => add(gathered, pulled, paths, input);
  };
  const waiting = [...chunks(narrowed.directories)];
  let coming = waiting.shift();
  let pulling = coming === undefined ? null : pull(coming);
  while (pulling !== null) {
    const take = await pulling;
    // The database fetches the next chunk while this one becomes facts.
    coming = waiting.shift();
    pulling = coming === undefined ? null : pull(coming);
    pulling?.catch(() => {});
    take();
  }
  // A name that could never be looked at was listed all the same: it exists, and it is unreadable.
  for (const gap of gaps) {
    if (gap.scan !== newest || gap.name === '' || hidesNothing(gap) || gap.status === 'boundary') continue;
    const path = joinPath(gap.directory, gap.name);
    if (!gathered.fetched.has(path)) keep(gathered, builder.hidden(path), null, gap.name);
  }
  // So does a name that only its content tells of, which has lost it.
  for (const path of builder.lostNames())
    if (!gathered.fetched.has(path)) keep(gathered, builder.lost(path), null, baseName(path));
  return gathered;
}

function add(
  gathered: Gathered,
  pulled: PulledRows,
  paths: ReadonlyMap<number, string>,
  { builder, gaps }: UniverseInput,
): void {
  const { plain, plainFiles, fetched } = gathered;
  plain.files += pulled.plain.files;
  plain.directories += pulled.plain.directories;
  plain.bytes += pulled.plain.bytes;
  for (const [directory, files] of pulled.plainFiles) plainFiles.set(directory, files);
  for (const rows of pulled.paths) {
    const path = paths.get(rows.directory);
    if (path === undefined) throw new Error(`directory ${rows.directory} is not in the dictionary`);
    keep(gathered, builder.build(rows, path), rows.directory, rows.name);
    if (gaps.length > 0) fetched.add(joinPath(path, rows.name));
  }
}

function keep(
  { cases, outOfScope }: Gathered,
  facts: ReturnType<FactsBuilder['build']>,
  directory: number | null,
  name: string,
): void {
  if (typeof facts === 'string') outOfScope[facts]++;
  else if (facts.sights.some((sight) => sight !== null && !(isGap(sight) && sight.status === 'boundary')))
    cases.push(openCase(directory, name, facts));
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

/**
 * Listings and single versions speak for the newest scans only. They decide alone where each volume has one root, the
 * newest snapshot of each series is on disk, and live was scanned by today's rules.
 */
export function trustListings(
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
