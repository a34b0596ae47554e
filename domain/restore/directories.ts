// The directories of a restore: those that are missing themselves, and those on the way to an entry.
import { ancestorsOf } from '../ancestors.ts';
import type { Source, State } from '../assessment.ts';
import { compareBytes } from '../path.ts';
import type { Entry } from './entry.ts';
import type { PlanSource } from './sources.ts';

/** What a directory is in a snapshot: its place, and the directory's path below it. Null where it cannot be asked. */
export type ParentState = (place: Pick<Source, 'host' | 'root'>, path: string) => State | null;

/** A directory that is made where it is absent: missing itself, or on the way to an entry. */
export interface PlannedDirectory {
  readonly id: number;
  readonly destination: string;
  /** Null where nobody recorded it (it lies on the way in a snapshot that cannot be read here). */
  readonly state: State | null;
  /** Names of the lists that need it. */
  readonly lists: readonly string[];
  /** Missing itself: it stands in NN.dirs0 and the manifest. */
  readonly entry: Entry | null;
}

/** A root-owned link that is restored may stand for a directory; restore.sh lets entries pass it. */
export function isTrustedLink(entry: Entry): boolean {
  return entry.state.kind === 'symlink' && entry.state.uid === 0;
}

export function directoriesOf(
  entries: readonly Entry[],
  sources: readonly PlanSource[],
  parentState: ParentState,
): PlannedDirectory[] {
  const found = new Map<string, { state: State | null; lists: Set<string>; entry: Entry | null }>();
  const links = new Set(entries.filter(isTrustedLink).map((entry) => entry.destination));
  for (const entry of entries) {
    if (entry.action !== 'directory') continue;
    found.set(entry.destination, { state: entry.state, lists: new Set([entry.list]), entry });
  }
  for (const entry of entries) {
    // Below a directory that goes beside, only names differ: both paths have as many components.
    const origins = ancestorsOf(entry.finding.path);
    for (const [index, destination] of ancestorsOf(entry.destination).entries()) {
      if (links.has(destination)) continue;
      let directory = found.get(destination);
      if (directory === undefined) {
        const source = sources[entry.source];
        const state = source === undefined ? null : parentState(source, origins[index] ?? destination);
        directory = { state, lists: new Set(), entry: null };
        found.set(destination, directory);
      }
      directory.lists.add(entry.list);
    }
  }
  const depth = (path: string): number => path.split('/').length;
  return [...found]
    .sort(([a], [b]) => depth(a) - depth(b) || compareBytes(a, b))
    .map(([destination, { state, lists, entry }], index) => ({
      id: index + 1,
      destination,
      state: state?.kind === 'directory' ? state : null,
      lists: [...lists].sort(compareBytes),
      entry,
    }));
}
