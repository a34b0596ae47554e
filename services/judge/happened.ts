// What happened in each interval: counts for the loss intervals and for the timeline.
import type { Interval } from '../../domain/assessment.ts';
import { isDamageVerdict } from '../../domain/verdicts.ts';
import type { Observer, Sight } from '../../domain/facts.ts';
import { isGap, sightAt } from '../../domain/facts.ts';
import { parentOf } from '../../domain/path.ts';
import { quiet, type Version } from '../../domain/version.ts';
import { damageShape } from '../../domain/window/damage-shape.ts';
import { type Happened, placeOf, type Vanishing } from '../../domain/window/intervals.ts';
import type { Moves } from '../../domain/window/moves.ts';
import type { Span } from '../../domain/window/timeline.ts';
import type { ScanChanges } from '../catalog/version-sums.ts';
import type { Absences } from './absences.ts';
import { type Case, verdictOf } from './judging.ts';
import type { Loaded } from './load.ts';

export interface HappenedInput {
  readonly spans: readonly Span[];
  readonly loaded: Pick<Loaded, 'observers' | 'cases' | 'changes' | 'decisions' | 'files'>;
  readonly moves: Moves;
  /** Null where nothing is gone. */
  readonly absences: Absences | null;
  /** Of what is gone: whether its content, or its size and exact time, is under another name now. */
  readonly standsElsewhere: (one: Case) => boolean;
}

type Mutable = { -readonly [K in keyof Happened]: Happened[K] } & { vanishings: Vanishing[] };

/**
 * What happened in each of the spans, aligned with them; directories do not count as files. What is gone counts in the
 * narrowest interval that covers its last sighting and first proof, over all series: a rarer backup dates nothing anew.
 */
export function happenedIn(input: HappenedInput): Happened[] {
  const { spans, loaded, moves } = input;
  const { observers, cases, decisions } = loaded;
  const live = observers.length - 1;
  const happened = spans.map((span): Mutable => {
    const { added, changed } = changesIn(span, observers, loaded.changes);
    return { added, changed, moved: 0, vanishings: [], shapes: 0, touchedShare: touchedShare(span, input) };
  });
  const places = spans.map(({ series, from, to, fromMs, toMs }) => ({ series, from, to, ms: toMs - fromMs }));
  const assessed = observers.flatMap(({ scan }, index) =>
    index < live && decisions.assessedScans.has(scan.id) ? [index] : [],
  );
  const goneDirectories = new Set(
    cases.flatMap(({ facts }) => (facts.sights[live] === null && isDirectory(facts.sights) ? [facts.path] : [])),
  );
  for (const one of cases) {
    const { facts } = one;
    const sight = facts.sights[live] ?? null;
    if (sight === null) {
      const absence = facts.surroundings?.absence ?? null;
      if (absence === null || absence.seen === null || isDirectory(facts.sights)) continue;
      const place = happened[placeOf(places, absence.seen, absence.gone)[0] ?? -1];
      if (place === undefined) continue;
      if (moves.moved.has(facts.path) || moves.later.has(facts.path) || moves.trashed.has(facts.path)) place.moved++;
      else
        place.vanishings.push({
          how: absence.how,
          directory: lostBy(facts.path, goneDirectories),
          isJudged: assessed.some((scan) => scan >= absence.gone && facts.sights[scan] === null),
          standsElsewhere: absence.how === 'touched' && input.standsElsewhere(one),
        });
      continue;
    }
    if (isGap(sight) || sight.kind === 'directory') continue;
    countPresent(spans, happened, one, { now: sight, isRestored: decisions.restored.has(facts.path) });
  }
  return happened;
}

/** Live now beside the newest snapshot, and the shapes of damage between neighbours in each series. */
function countPresent(
  spans: readonly Span[],
  happened: readonly Mutable[],
  { facts }: Case,
  { now, isRestored }: { readonly now: Version; readonly isRestored: boolean },
): void {
  spans.forEach((span, i) => {
    const count = happened[i];
    if (count === undefined) return;
    const before = sightAt(facts, span.from);
    const after = sightAt(facts, span.to);
    if (span.last) {
      if ((facts.sights[span.from] ?? null) === null) count.added++;
      else if (before !== null && !isGap(before) && hasChanged(before, now)) count.changed++;
    }
    // What a restore put back is no damage any more, whatever the snapshots of that night hold.
    if (before === null || after === null || isGap(before) || isGap(after) || before === after) return;
    if (!isRestored && damageShape(before, after) !== null) count.shapes++;
  });
}

/** Of a subtree that went whole its topmost directory; else the one that held the name. */
function lostBy(path: string, gone: ReadonlySet<string>): string {
  let lost = parentOf(path);
  for (let directory = lost; directory !== '' && gone.has(directory); directory = parentOf(directory)) lost = directory;
  return lost;
}

function changesIn(
  span: Span,
  observers: readonly Observer[],
  changes: ReadonlyMap<string, ScanChanges>,
): { added: number; changed: number } {
  const sum = { added: 0, changed: 0 };
  if (span.last) return sum;
  for (const { volume, scan } of observers.slice(span.from + 1, span.to + 1)) {
    const own = volume === span.series ? changes.get(`${scan.rootId} ${scan.seq}`) : undefined;
    sum.added += own?.added ?? 0;
    sum.changed += own?.changed ?? 0;
  }
  return sum;
}

/** Share of the volume's files whose directories were changed in the span; 0 where directory times mean nothing. */
function touchedShare(span: Span, { loaded: { observers, files }, absences }: HappenedInput): number {
  if (absences === null || files === 0 || absences.keepsTimes.get(span.series) === 'no') return 0;
  const { times } = absences;
  let touched = 0;
  if (span.last) touched = times.beside.get(observers[span.from]?.scan.rootId ?? -1)?.filesTouched ?? 0;
  else
    for (const { volume, scan } of observers.slice(span.from + 1, span.to + 1))
      if (volume === span.series) touched += times.filesTouched.get(`${scan.rootId} ${scan.seq}`) ?? 0;
  return Math.min(1, touched / files);
}

function isDirectory(sights: readonly Sight[]): boolean {
  const last = sights.findLast((sight) => sight !== null && !isGap(sight)) ?? null;
  return last !== null && !isGap(last) && last.kind === 'directory';
}

/** Known to differ in content; an unread side differs where size or mtime do. */
function hasChanged(a: Version, b: Version): boolean {
  if (a.kind !== b.kind || a.target !== b.target || a.rdev !== b.rdev || a.size !== b.size) return true;
  if (a.kind !== 'file') return false;
  return a.digest !== null && b.digest !== null ? a.digest !== b.digest : !quiet(a, b);
}

/**
 * The timeline with the damage that judging found, each in the interval at whose end its content was first there.
 */
export function withDamage(timeline: readonly Interval[], spans: readonly Span[], cases: readonly Case[]): Interval[] {
  const damaged = spans.map(() => 0);
  const places = spans.map(({ series, from, to, fromMs, toMs }) => ({ series, from, to, ms: toMs - fromMs }));
  for (const one of cases) {
    const { verdict, accepted, between } = verdictOf(one);
    if (!isDamageVerdict(verdict) || accepted !== null) continue;
    const { lastSeen, firstGone } = between ?? { lastSeen: null, firstGone: null };
    if (lastSeen === null || firstGone === null) continue;
    const place = placeOf(places, lastSeen, firstGone)[0];
    if (place !== undefined) damaged[place] = (damaged[place] ?? 0) + 1;
  }
  return timeline.map((interval, i) => ({ ...interval, damaged: damaged[i] ?? 0 }));
}
