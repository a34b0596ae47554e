// What a person must know of the whole assessment: what could not be read, and what limits the conclusions, with the
// step that follows.
import type { Condition, Window } from '../../domain/assessment.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { isMountGap } from '../../domain/scan.ts';
import { isEstimated } from '../../domain/snapshot-order.ts';
import { iso, middleMs, type Span } from '../../domain/window/timeline.ts';
import type { StoredGap } from '../catalog/reconciliation.ts';
import type { ScanChanges, Trusted } from '../catalog/version-sums.ts';
import { doubtfulOrder } from './doubtful-order.ts';
import type { OutOfScope } from './facts.ts';
import { gapPath, newestOf } from './incomplete.ts';
import type { Case } from './judging.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

/** Younger than this no backup is called old, however often it is usually made. */
const OLD_BACKUP_MS = 2 * DAY_MS;
/** As many of its own usual intervals make a newest snapshot old. */
const OLD_BACKUP_INTERVALS = 3;
/** Clocks of two machines may differ by this much without a notice. */
const CLOCK_SKEW_MS = 2 * HOUR_MS;
/** Fewer snapshots than this say nothing about a habit of deleting. */
const DELETING_SNAPSHOTS_MIN = 3;

export interface ConditionInput {
  readonly observers: readonly Observer[];
  readonly series: readonly { readonly name: string; readonly pattern: string }[];
  readonly spans: readonly Span[];
  readonly window: Window;
  readonly cases: readonly Case[];
  readonly changes: ReadonlyMap<string, ScanChanges>;
  readonly gaps: readonly StoredGap[];
  readonly trusted: Trusted;
  /** Entries whose time is beyond what the catalog can keep. */
  readonly clampedTimes: number;
  /**
   * Known paths that are not judged: below mounts that are not entered, excluded by today's rules, and the file
   * system's own.
   */
  readonly outOfScope: Readonly<Record<OutOfScope, number>>;
  readonly nowMs: number;
}

export function conditionsOf(input: ConditionInput): Condition[] {
  return [
    ...deniedCondition(input),
    ...(input.series.length === 0 ? [NO_BACKUP] : []),
    ...input.series.flatMap((series) => seriesConditions(input, series)),
    ...(input.window.reason === 'too few snapshots' && input.series.length > 0 ? [FEW_SNAPSHOTS] : []),
    ...scopeConditions(input),
    ...readingConditions(input),
    ...listCondition(input.observers),
  ];
}

const NO_BACKUP: Condition = {
  code: 'no-backup',
  text: 'No backup is declared: nothing can be restored, and damage looks like any other change. Give --backup PATTERN.',
};
const FEW_SNAPSHOTS: Condition = {
  code: 'few-snapshots',
  text:
    'There are too few snapshots to know how much is usually deleted here: where nothing tells how a file vanished, it counts as missing. ' +
    'Use --since WHEN to count everything that vanished after that time as lost.',
};

function deniedCondition({ gaps, observers }: ConditionInput): Condition[] {
  const current = new Set([...newestOf(observers).values()].map(({ scan }) => scan.id));
  // No user may read what is locked.
  const denied = gaps.filter(
    (gap) => gap.status === 'denied' && gap.errno !== 'ENOKEY' && current.has(gap.scan),
  ).length;
  if (denied === 0) return [];
  const text =
    `${denied} ${denied === 1 ? 'place' : 'places'} could not be read (permission denied): nothing there is called missing. ` +
    'Run the same command as root (on NFS: where root may read everything).';
  return [{ code: 'denied', text }];
}

/** A scan of the series, by its place among the observers. */
interface Own {
  readonly observer: Observer;
  readonly index: number;
}

/** What is to be known of one declared backup. */
function seriesConditions(input: ConditionInput, { name, pattern }: ConditionInput['series'][number]): Condition[] {
  const own = input.observers.flatMap((observer, index): Own[] =>
    observer.volume === name ? [{ observer, index }] : [],
  );
  const newest = own.findLast(({ observer }) => observer.scan.pruned === null);
  if (own.length === 0) {
    const text = `No snapshot of ${pattern} has been scanned completely: it protects nothing in this assessment.`;
    return [{ code: 'no-snapshot', text }];
  }
  if (newest === undefined) {
    const text = `Every snapshot of ${pattern} that was scanned is gone from disk: it is evidence only; nothing can be restored from it.`;
    return [{ code: 'all-pruned', text }];
  }
  const estimated = own.filter(({ observer }) => isEstimated(observer.scan.asOf));
  const doubt = doubtfulOrder(own.map(({ observer }) => observer.scan));
  return [
    ...ageConditions(input, pattern, own, newest),
    ...withoutDeletions(input, pattern, own, newest),
    ...(estimated.length === 0
      ? []
      : [
          {
            code: 'estimated-dates',
            text: `The times of ${estimated.length} of ${own.length} snapshots of ${pattern} are estimated from their order and their files: the dates of losses are no more exact than that.`,
          },
        ]),
    ...(doubt === null ? [] : [{ code: 'estimated-order', text: `${pattern}: ${doubt}` }]),
  ];
}

/** Snapshots of the future, and none of late. */
function ageConditions({ nowMs }: ConditionInput, pattern: string, own: readonly Own[], newest: Own): Condition[] {
  const conditions: Condition[] = [];
  const ahead = own.filter(({ observer }) => observer.scan.asOf.fromMs > nowMs + CLOCK_SKEW_MS);
  if (ahead.length > 0)
    conditions.push({
      code: 'clock',
      text:
        `${ahead.length} of ${own.length} snapshots of ${pattern} are dated after now (${iso(nowMs)}): the clock here or there is wrong, or their names are ` +
        'in another time zone (--tz). What is lost is found all the same; when it was lost is doubtful.',
    });
  const { scan } = newest.observer;
  const ageMs = nowMs - scan.asOf.toMs;
  const usual = usualIntervalMs(own.map(({ observer }) => middleMs(observer.scan.asOf)));
  if (ageMs > Math.max(OLD_BACKUP_MS, OLD_BACKUP_INTERVALS * usual))
    conditions.push({
      code: 'old-backup',
      text:
        `The newest snapshot of ${pattern} is ${Math.floor(ageMs / DAY_MS)} days old (${scan.snapshot ?? scan.path}): ` +
        'what was created or changed since has no copy there. Check that the backup still runs.',
    });
  return conditions;
}

/** A backup in which nothing ever vanished, while live lacks files that it holds. */
function withoutDeletions(input: ConditionInput, pattern: string, own: readonly Own[], newest: Own): Condition[] {
  const live = input.observers.length - 1;
  const vanished = own
    .slice(1)
    .map(({ observer: { scan } }) => input.changes.get(`${scan.rootId} ${scan.seq}`)?.vanished ?? 0);
  if (own.length < DELETING_SNAPSHOTS_MIN || vanished.some((files) => files > 0)) return [];
  const lacking = input.cases.filter(
    ({ facts }) =>
      facts.sights[live] === null && (versionAt(facts.sights, newest.index)?.kind ?? 'directory') !== 'directory',
  ).length;
  if (lacking === 0) return [];
  const text =
    `Nothing ever vanished in the ${own.length} snapshots of ${pattern}, while live lacks ${lacking} ${lacking === 1 ? 'file' : 'files'} that its newest one holds: ` +
    'if its rsync runs without --delete, losses cannot be dated, and what people deleted is among them.';
  return [{ code: 'no-delete', text }];
}

/** What is below the live root and was not judged. */
function scopeConditions({ gaps, observers, outOfScope }: ConditionInput): Condition[] {
  const conditions: Condition[] = [];
  const newest = observers.at(-1)?.scan.id;
  const boundaries = gaps.filter((gap) => gap.status === 'boundary' && gap.scan === newest);
  const named = (found: readonly StoredGap[]): string => found.map((gap) => gapPath(gap)).join(', ');
  const mounts = boundaries.filter((gap) => isMountGap(gap));
  if (mounts.length > 0) {
    const known = outOfScope.boundary;
    const hidden = known === 0 ? '' : `; ${known} known paths below them are hidden and were not judged`;
    conditions.push({
      code: 'mounts-not-entered',
      text: `${named(mounts)}: other file systems below the live root that were not entered${hidden}. Enter them with --cross-mounts.`,
    });
  }
  const skipped = boundaries.filter((gap) => !isMountGap(gap));
  if (skipped.length > 0) {
    const known = outOfScope.skipped;
    const hidden = known === 0 ? '' : `; ${known} known paths there were not judged`;
    conditions.push({
      code: 'skipped',
      text: `${named(skipped)}: what a file system keeps at its own root (snapshots, bookkeeping) is not scanned${hidden}.`,
    });
  }
  if (outOfScope.excluded > 0)
    conditions.push({
      code: 'excluded',
      text: `${outOfScope.excluded} known paths are excluded by today's rules, and were not judged.`,
    });
  return conditions;
}

/** What was not read here and now, and what could not be recorded as it is. */
function readingConditions({ trusted, clampedTimes, observers }: ConditionInput): Condition[] {
  const conditions: Condition[] = [];
  if (trusted.carriedBytes > 0 && trusted.sinceMs !== null)
    conditions.push({
      code: 'trusted',
      text:
        `${trusted.carriedBytes} bytes were not read again, because their copies are demonstrably the ones that were read (the oldest on ` +
        `${iso(trusted.sinceMs)}). Rot below an unchanged inode is found by reading only: --reread reads everything.`,
    });
  if (clampedTimes > 0)
    conditions.push({
      code: 'clamped-times',
      text:
        `${clampedTimes} ${clampedTimes === 1 ? 'entry has a time' : 'entries have times'} outside the years 1677 to 2262, ` +
        'and the nearest time in that range is recorded instead: which of two such versions is newer is not known.',
    });
  const exported = observers.filter(({ role, scan }) => role === 'backup' && scan.exportedMs !== null).length;
  if (exported > 0)
    conditions.push({
      code: 'exported',
      text: `${exported} snapshots were scanned on their own host: their copies were read there, and cannot be read again from here.`,
    });
  return conditions;
}

/** A list that was imported is evidence, and must not be taken for a backup. */
function listCondition(observers: readonly Observer[]): Condition[] {
  const lists = observers.filter(({ role }) => role === 'list');
  if (lists.length === 0) return [];
  const names = lists.map(({ volume, scan }) => `${volume}/${scan.snapshot ?? scan.path}`);
  return [
    {
      code: 'lists',
      text:
        `Lists that other tools made count as evidence (${names.join(', ')}): what only they name is missing without a copy, what they lack says nothing` +
        `${lists.some(({ scan }) => scan.list === 'complete') ? ' unless they claim to be complete' : ''}. Lists have no times, owners or modes.`,
    },
  ];
}

/** The median interval between the snapshots of one series, in ms; 0 with fewer than two. */
function usualIntervalMs(times: readonly number[]): number {
  const between = times.slice(1).map((time, i) => time - (times[i] ?? time));
  return between.toSorted((a, b) => a - b)[Math.floor(between.length / 2)] ?? 0;
}
