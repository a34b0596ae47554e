// Which absences prove something (docs/design.md#proof): a snapshot that was cut off lacks names that nobody removed.
import type { Observer, PathFacts } from '../facts.ts';
import { isGap, versionAt } from '../facts.ts';
import { parentOf } from '../path.ts';
import { quiet, type Version } from '../version.ts';

/** A snapshot that lacks as many names of a directory, and as large a share, as live still has is unfinished there. */
const UNFINISHED_NAMES_MIN = 2;
const UNFINISHED_DIVISOR = 3;

/** Where a snapshot's listing proves nothing: by observer, the printable paths of directories. */
export type Unfinished = ReadonlyMap<number, ReadonlySet<string>>;

export interface ProofInput {
  readonly observers: readonly Observer[];
  /** Everything that is not plainly intact: what a snapshot lacks is among it. */
  readonly paths: readonly PathFacts[];
  /**
   * Printable path of a directory → non-directories in it that stand in all newest scans alike and are not among the
   * paths.
   */
  readonly plainFiles: ReadonlyMap<string, number>;
  /**
   * Paths that a recorded restore put there, with its time in ms: that they stand now says nothing of earlier
   * snapshots.
   */
  readonly restored: ReadonlyMap<string, number>;
}

/**
 * A snapshot proves nothing of a directory that it lacks wholly while live has it, or of which it lacks two names or
 * more, and a third or more, of those that the series' snapshot before had and that still stand live with that size and
 * mtime. What a restore put there since, or a later live scan lacked, does not count for this.
 */
export function unfinishedListings({ observers, paths, plainFiles, restored }: ProofInput): Unfinished {
  const live = observers.length - 1;
  const liveScans = observers.flatMap(({ role }, index) => (role === 'live' && index < live ? [index] : []));
  const unfinished = new Map<number, Set<string>>();
  const mark = (observer: number, directory: string): void => {
    const set = unfinished.get(observer);
    if (set === undefined) unfinished.set(observer, new Set([directory]));
    else set.add(directory);
  };
  /** Live has had it ever since the snapshot, as far as is known. */
  const stoodSince = (facts: PathFacts, snapshot: number): boolean => {
    const restoredMs = restored.get(facts.path);
    if (restoredMs !== undefined && restoredMs > (observers[snapshot]?.scan.asOf.fromMs ?? 0)) return false;
    return !liveScans.some((scan) => scan > snapshot && facts.sights[scan] === null);
  };
  for (const series of seriesOf(observers)) {
    series.forEach((snapshot, place) => {
      const lacking = new Map<string, number>();
      const having = new Map<string, number>();
      for (const facts of paths) {
        const now = versionAt(facts.sights, live);
        if (now === null) continue;
        const was = finishedBefore(series, place, facts, unfinished);
        const isLacking = facts.sights[snapshot] === null;
        if (now.kind === 'directory') {
          if (isLacking && was?.kind === 'directory' && stoodSince(facts, snapshot)) mark(snapshot, facts.path);
          continue;
        }
        if (was === null || !quiet(was, now)) continue;
        const directory = parentOf(facts.path);
        if (!isLacking) add(having, directory);
        else if (stoodSince(facts, snapshot)) add(lacking, directory);
      }
      for (const [directory, names] of lacking) {
        const all = names + (having.get(directory) ?? 0) + (plainFiles.get(directory) ?? 0);
        if (names >= UNFINISHED_NAMES_MIN && names * UNFINISHED_DIVISOR >= all) mark(snapshot, directory);
      }
    });
  }
  return unfinished;
}

/** Whether an absence at this observer is one of a listing that was finished, up to the root. */
export function isFinished(unfinished: Unfinished, observer: number, path: string): boolean {
  const set = unfinished.get(observer);
  if (set === undefined) return true;
  for (let directory = path; directory !== ''; ) {
    directory = parentOf(directory);
    if (set.has(directory)) return false;
  }
  return true;
}

/** The snapshots of each series, by index, in order. */
function seriesOf(observers: readonly Observer[]): number[][] {
  const series = new Map<string, number[]>();
  observers.forEach(({ role, volume }, index) => {
    if (role !== 'backup') return;
    const own = series.get(volume);
    if (own === undefined) series.set(volume, [index]);
    else own.push(index);
  });
  return [...series.values()];
}

/** What the nearest earlier snapshot saw that could look there, and was finished there; null where it saw nothing. */
function finishedBefore(
  series: readonly number[],
  place: number,
  { sights, path }: PathFacts,
  unfinished: Unfinished,
): Version | null {
  for (let i = place - 1; i >= 0; i--) {
    const snapshot = series[i] ?? -1;
    const sight = sights[snapshot] ?? null;
    if (sight !== null && !isGap(sight)) return sight;
    if (sight === null && isFinished(unfinished, snapshot, path)) return null;
  }
  return null;
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
