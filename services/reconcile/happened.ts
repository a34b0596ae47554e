// What happened in each interval: counts per span for the window and the timeline.
import type { Observer } from '../../domain/facts.ts';
import { isGap } from '../../domain/facts.ts';
import { isTold, quiet, type Version } from '../../domain/version.ts';
import type { Moves } from '../../domain/window/moves.ts';
import type { Counts, Span } from '../../domain/window/timeline.ts';
import type { ScanChanges } from '../catalog/version-sums.ts';
import type { Subject } from './judging.ts';
import { versionAt } from './movement.ts';

type Mutable = { -readonly [K in keyof Counts]: Counts[K] };

/**
 * Counts per span; directories do not count. Added and changed inside a series come from the catalog, everything that concerns live
 * now from the facts. Vanished: last seen by the series at the span's start and absent now, less what moved.
 * @param damaged paths that are damaged, or look so before anything is read
 */
export function countSpans(
  spans: readonly Span[],
  observers: readonly Observer[],
  subjects: readonly Subject[],
  changes: ReadonlyMap<string, ScanChanges>,
  moves: Moves,
  damaged: (subject: Subject) => boolean,
): Counts[] {
  const live = observers.length - 1;
  const counts: Mutable[] = spans.map((span) => {
    const scan = observers[span.to]?.scan;
    const own = span.to === live || scan === undefined ? undefined : changes.get(`${scan.rootId} ${scan.seq}`);
    return { added: own?.added ?? 0, changed: own?.changed ?? 0, vanished: 0, moved: 0, damaged: 0 };
  });
  const series = tracks(spans);
  for (const subject of subjects) {
    const { sights, path } = subject.facts;
    const sight = sights[live] ?? null;
    if (sight !== null && isGap(sight)) continue;
    const isDamaged = sight !== null && damaged(subject);
    for (const track of series) {
      if (sight === null) {
        const at = track.findLastIndex((index) => versionAt(sights, spans[index]?.from ?? -1) !== null);
        const index = track[at];
        const count = index === undefined ? undefined : counts[index];
        const version = index === undefined ? null : versionAt(sights, spans[index]?.from ?? -1);
        if (count === undefined || version?.kind === 'directory') continue;
        if (moves.moved.has(path) || moves.later.has(path) || moves.trashed.has(path)) count.moved++;
        else count.vanished++;
        continue;
      }
      if (sight.kind === 'directory') continue;
      const last = track.at(-1);
      const count = last === undefined ? undefined : counts[last];
      const newest = sights[spans[last ?? -1]?.from ?? -1] ?? null;
      if (count === undefined) continue;
      if (newest === null) count.added++;
      else if (!isGap(newest) && differs(newest, sight)) count.changed++;
      if (!isDamaged) continue;
      const step = stepInto(track, spans, subject, sight);
      const where = step === null ? undefined : counts[step];
      if (where !== undefined) where.damaged++;
    }
  }
  return counts;
}

/** Before anything is read: empty while it was not, changed under equal size and mtime, or changed with an mtime that did not advance. */
export function looksDamaged(observers: readonly Observer[], subject: Subject): boolean {
  const { sights } = subject.facts;
  const now = versionAt(sights, observers.length - 1);
  if (now === null || now.kind !== 'file') return false;
  if (now.suspect) return true;
  for (let index = observers.length - 2; index >= 0; index--) {
    const before = versionAt(sights, index);
    if (before === null || isTold(before) || !differs(before, now)) continue;
    if (before.kind !== 'file') return false;
    return (now.size === 0 && (before.size ?? 0) > 0) || now.mtimeNs <= before.mtimeNs;
  }
  return false;
}

/** Known to differ in content; an unread side differs where size or mtime do. */
function differs(a: Version, b: Version): boolean {
  if (a.kind !== b.kind || a.target !== b.target || a.rdev !== b.rdev || a.size !== b.size) return true;
  if (a.kind !== 'file') return false;
  return a.digest !== null && b.digest !== null ? a.digest !== b.digest : !quiet(a, b);
}

/** The span at whose end the present content first stood; null where the series never saw any other. */
function stepInto(track: readonly number[], spans: readonly Span[], subject: Subject, now: Version): number | null {
  for (let k = track.length - 1; k >= 0; k--) {
    const index = track[k];
    const before = index === undefined ? null : versionAt(subject.facts.sights, spans[index]?.from ?? -1);
    if (index !== undefined && before !== null && differs(before, now)) return index;
  }
  return null;
}

function tracks(spans: readonly Span[]): number[][] {
  const bySeries = new Map<string, number[]>();
  spans.forEach((span, index) => {
    const list = bySeries.get(span.series);
    if (list === undefined) bySeries.set(span.series, [index]);
    else list.push(index);
  });
  return [...bySeries.values()];
}
