// What a person must know of the whole assessment: what could not be looked at, and what limits the conclusions, with the step that follows.
import type { Condition, Finding, Window } from '../../domain/assessment.ts';
import type { Observer } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import { iso, middleMs, type Span } from '../../domain/window/timeline.ts';
import type { StoredGap } from '../catalog/reconciliation.ts';
import type { ScanChanges, Trusted } from '../catalog/version-sums.ts';
import type { Subject } from './judging.ts';
import { versionAt } from './movement.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Younger than this no backup is called old, however often it is usually made. */
const OLD_BACKUP_MS = 2 * DAY_MS;
/** As many of its own usual intervals make a newest snapshot old. */
const OLD_BACKUP_INTERVALS = 3;
/** Fewer snapshots than this say nothing about a habit of deleting. */
const DELETING_SNAPSHOTS_MIN = 3;

export interface ConditionInput {
  readonly observers: readonly Observer[];
  readonly series: readonly { readonly name: string; readonly pattern: string }[];
  readonly spans: readonly Span[];
  readonly window: Window;
  readonly subjects: readonly Subject[];
  readonly changes: ReadonlyMap<string, ScanChanges>;
  readonly gaps: readonly StoredGap[];
  readonly trusted: Trusted;
  /** Known paths that are not judged: below mounts that are not entered, and excluded by today's rules. */
  readonly outOfScope: { readonly boundary: number; readonly excluded: number };
  readonly nowMs: number;
}

export function conditionsOf(input: ConditionInput): Condition[] {
  const conditions: Condition[] = [];
  const add = (code: string, text: string): void => void conditions.push({ code, text });
  const live = input.observers.length - 1;
  if (input.series.length === 0)
    add(
      'no-backup',
      'No backup is declared: nothing can be restored, and a change cannot be told from damage. Give --backup PATTERN.',
    );
  for (const { name, pattern } of input.series) {
    const own = input.observers.flatMap((observer, index) => (observer.volume === name ? [{ observer, index }] : []));
    const newest = own.findLast(({ observer }) => observer.scan.pruned === null);
    if (own.length === 0) {
      add(
        'no-snapshot',
        `No snapshot of ${pattern} has been scanned completely: it protects nothing in this assessment.`,
      );
      continue;
    }
    if (newest === undefined) {
      add(
        'all-pruned',
        `Every snapshot of ${pattern} that was scanned is gone from disk: it is history only, and no source.`,
      );
      continue;
    }
    const ageMs = input.nowMs - newest.observer.scan.asOf.toMs;
    const usual = usualIntervalMs(own.map(({ observer }) => middleMs(observer.scan.asOf)));
    if (ageMs > Math.max(OLD_BACKUP_MS, OLD_BACKUP_INTERVALS * usual))
      add(
        'old-backup',
        `The newest snapshot of ${pattern} is ${Math.floor(ageMs / DAY_MS)} days old (${newest.observer.scan.snapshot ?? newest.observer.scan.path}): ` +
          'what was made or changed since has no copy there. Check that the backup still runs.',
      );
    const vanishedInside = own
      .slice(1)
      .reduce(
        (sum, { observer }) => sum + (input.changes.get(`${observer.scan.rootId} ${observer.scan.seq}`)?.vanished ?? 0),
        0,
      );
    if (own.length >= DELETING_SNAPSHOTS_MIN && vanishedInside === 0) {
      const lacking = input.subjects.filter(
        ({ facts }) =>
          facts.sights[live] === null && (versionAt(facts.sights, newest.index)?.kind ?? 'directory') !== 'directory',
      ).length;
      if (lacking > 0)
        add(
          'no-delete',
          `Nothing ever vanished in the ${own.length} snapshots of ${pattern}, while live lacks ${lacking} files that its newest one holds: ` +
            'that is an rsync without --delete. Its losses cannot be dated, and what people deleted is among them.',
        );
    }
    const estimated = own.filter(({ observer }) => ['order', 'mtime'].includes(observer.scan.asOf.source));
    if (estimated.length > 0)
      add(
        'estimated-dates',
        `The times of ${estimated.length} of ${own.length} snapshots of ${pattern} are estimated from their order and their files: the dates of losses are as good as that.`,
      );
  }
  if (input.window.all && input.series.length > 0)
    add(
      'few-snapshots',
      'There are too few snapshots to tell a burst from the usual: everything that vanished counts as missing. Say with --since WHEN from when on.',
    );
  const boundaries = input.gaps.filter(
    (gap) => gap.status === 'boundary' && gap.scan === input.observers[live]?.scan.id,
  );
  if (boundaries.length > 0) {
    const known = input.outOfScope.boundary;
    add(
      'mounts-not-entered',
      `${boundaries.map((gap) => gapPath(gap)).join(', ')}: other file systems below the live root that were not entered` +
        `${known === 0 ? '' : `; ${known} known paths below them are hidden and were not judged`}. Enter them with --cross-mounts.`,
    );
  }
  if (input.outOfScope.excluded > 0)
    add('excluded', `${input.outOfScope.excluded} known paths are excluded by today's rules, and were not judged.`);
  if (input.trusted.carriedBytes > 0 && input.trusted.sinceMs !== null)
    add(
      'trusted',
      `${input.trusted.carriedBytes} bytes were not read again, because their copies are demonstrably the ones that were read (the oldest on ` +
        `${iso(input.trusted.sinceMs)}). Rot below an unchanged inode is found by reading only: --reread reads everything.`,
    );
  const exported = input.observers.filter(
    (observer) => observer.role === 'backup' && observer.scan.exportedMs !== null,
  );
  if (exported.length > 0)
    add(
      'exported',
      `${exported.length} snapshots were scanned on their own host: their copies were read there, and cannot be read again from here.`,
    );
  return conditions;
}

/** The median interval between the snapshots of one series, in ms; 0 with fewer than two. */
function usualIntervalMs(times: readonly number[]): number {
  const between = times.slice(1).map((time, i) => time - (times[i] ?? time));
  return between.toSorted((a, b) => a - b)[Math.floor(between.length / 2)] ?? 0;
}

/**
 * One sentence per thing that could not be looked at, live and in the newest snapshot of each series, and a count of what stayed
 * undecided. A gap that a person accepted is a standing one, and left out.
 */
export function incompleteOf(
  observers: readonly Observer[],
  gaps: readonly StoredGap[],
  findings: readonly Finding[],
): string[] {
  const sentences: string[] = [];
  const live = observers.length - 1;
  const accepted = new Set(findings.flatMap((finding) => (finding.accepted === null ? [] : [finding.path])));
  const newest = new Map<string, Observer>();
  observers.forEach((observer, index) => {
    if (index === live || (observer.role === 'backup' && observer.scan.pruned === null))
      newest.set(observer.volume, observer);
  });
  for (const observer of newest.values()) {
    const isLive = observer.scan.id === observers[live]?.scan.id;
    for (const gap of gaps) {
      if (gap.scan !== observer.scan.id || gap.status === 'boundary') continue;
      const path = gapPath(gap);
      if (isLive && accepted.has(path)) continue;
      const where = isLive ? 'live' : `${observer.volume} (${observer.scan.snapshot ?? observer.scan.path})`;
      const what = path === '' ? 'its root' : path;
      const why = gap.errno ?? gap.detail ?? gap.status;
      sentences.push(
        gap.status === 'unsettled'
          ? `${where}: ${what} moved while it was looked at (${why}).`
          : `${where}: ${what} could not be looked at (${why})${gap.name === '' ? '; everything below it is unknown' : ''}.`,
      );
    }
  }
  const count = (verdict: Finding['verdict'], text: (n: number) => string): void => {
    const n = findings.filter((finding) => finding.verdict === verdict && finding.accepted === null).length;
    if (n > 0) sentences.push(text(n));
  };
  count(
    'unverified',
    (n) => `${n} ${n === 1 ? 'path is' : 'paths are'} unverified: a copy could not be read or looked at.`,
  );
  count(
    'unsettled',
    (n) => `${n} ${n === 1 ? 'path' : 'paths'} moved while looked at: run again when the volume is quiet.`,
  );
  return sentences;
}

function gapPath(gap: StoredGap): string {
  return gap.name === '' ? gap.directory : joinPath(gap.directory, gap.name);
}
