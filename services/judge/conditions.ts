// What a person must know of the whole assessment: what could not be read, and what limits the conclusions, with the step that follows.
import { detailSaysMore, errnoText } from '../../domain/errno.ts';
import type { Condition, Finding, Window } from '../../domain/assessment.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import { isEstimated } from '../../domain/snapshot-order.ts';
import { iso, middleMs, type Span } from '../../domain/window/timeline.ts';
import type { StoredGap } from '../catalog/reconciliation.ts';
import type { ScanChanges, Trusted } from '../catalog/version-sums.ts';
import { doubtfulOrder } from './doubtful-order.ts';
import type { OutOfScope } from './facts.ts';
import type { Case } from './judging.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Younger than this no backup is called old, however often it is usually made. */
const OLD_BACKUP_MS = 2 * DAY_MS;
/** As many of its own usual intervals make a newest snapshot old. */
const OLD_BACKUP_INTERVALS = 3;
/** Clocks of two machines may differ by this much before anybody is told. */
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
  /** Entries whose time lies beyond what the catalog can keep. */
  readonly clampedTimes: number;
  /** Known paths that are not judged: below mounts that are not entered, excluded by today's rules, and the file system's own. */
  readonly outOfScope: Readonly<Record<OutOfScope, number>>;
  readonly nowMs: number;
}

export function conditionsOf(input: ConditionInput): Condition[] {
  const conditions: Condition[] = [];
  const add = (code: string, text: string): void => void conditions.push({ code, text });
  const live = input.observers.length - 1;
  const current = new Set([...newestOf(input.observers).values()].map(({ scan }) => scan.id));
  const denied = input.gaps.filter(
    // No user may read what is locked.
    (gap) => gap.status === 'denied' && gap.errno !== 'ENOKEY' && current.has(gap.scan),
  ).length;
  if (denied > 0)
    add(
      'denied',
      `${denied} ${denied === 1 ? 'place' : 'places'} could not be read (permission denied): nothing there is called missing. ` +
        'Run the same command as root (on NFS: where root may read everything).',
    );
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
        `Every snapshot of ${pattern} that was scanned is gone from disk: it is evidence only; nothing can be restored from it.`,
      );
      continue;
    }
    const ahead = own.filter(({ observer }) => observer.scan.asOf.fromMs > input.nowMs + CLOCK_SKEW_MS);
    if (ahead.length > 0)
      add(
        'clock',
        `${ahead.length} of ${own.length} snapshots of ${pattern} are dated after now (${iso(input.nowMs)}): the clock here or there is wrong, or their names are ` +
          'in another time zone (--tz). What is lost is found all the same; when it was lost is doubtful.',
      );
    const ageMs = input.nowMs - newest.observer.scan.asOf.toMs;
    const usual = usualIntervalMs(own.map(({ observer }) => middleMs(observer.scan.asOf)));
    if (ageMs > Math.max(OLD_BACKUP_MS, OLD_BACKUP_INTERVALS * usual))
      add(
        'old-backup',
        `The newest snapshot of ${pattern} is ${Math.floor(ageMs / DAY_MS)} days old (${newest.observer.scan.snapshot ?? newest.observer.scan.path}): ` +
          'what was created or changed since has no copy there. Check that the backup still runs.',
      );
    const vanishedInside = own
      .slice(1)
      .reduce(
        (sum, { observer }) => sum + (input.changes.get(`${observer.scan.rootId} ${observer.scan.seq}`)?.vanished ?? 0),
        0,
      );
    if (own.length >= DELETING_SNAPSHOTS_MIN && vanishedInside === 0) {
      const lacking = input.cases.filter(
        ({ facts }) =>
          facts.sights[live] === null && (versionAt(facts.sights, newest.index)?.kind ?? 'directory') !== 'directory',
      ).length;
      if (lacking > 0)
        add(
          'no-delete',
          `Nothing ever vanished in the ${own.length} snapshots of ${pattern}, while live lacks ${lacking} ${lacking === 1 ? 'file' : 'files'} that its newest one holds: ` +
            'if its rsync runs without --delete, losses cannot be dated, and what people deleted is among them.',
        );
    }
    const estimated = own.filter(({ observer }) => isEstimated(observer.scan.asOf));
    if (estimated.length > 0)
      add(
        'estimated-dates',
        `The times of ${estimated.length} of ${own.length} snapshots of ${pattern} are estimated from their order and their files: the dates of losses are no more exact than that.`,
      );
    const doubt = doubtfulOrder(own.map(({ observer }) => observer.scan));
    if (doubt !== null) add('estimated-order', `${pattern}: ${doubt}`);
  }
  if (input.window.reason === 'too few snapshots' && input.series.length > 0)
    add(
      'few-snapshots',
      'There are too few snapshots to know how much is usually deleted here: where nothing tells how a file vanished, it counts as missing. ' +
        'Use --since WHEN to count everything that vanished after that time as lost.',
    );
  const boundaries = input.gaps.filter(
    (gap) => gap.status === 'boundary' && gap.scan === input.observers[live]?.scan.id,
  );
  const mounts = boundaries.filter((gap) => gap.name === '');
  if (mounts.length > 0) {
    const known = input.outOfScope.boundary;
    add(
      'mounts-not-entered',
      `${mounts.map((gap) => gapPath(gap)).join(', ')}: other file systems below the live root that were not entered` +
        `${known === 0 ? '' : `; ${known} known paths below them are hidden and were not judged`}. Enter them with --cross-mounts.`,
    );
  }
  const skipped = boundaries.filter((gap) => gap.name !== '');
  if (skipped.length > 0) {
    const known = input.outOfScope.skipped;
    add(
      'skipped',
      `${skipped.map((gap) => gapPath(gap)).join(', ')}: what a file system keeps at its own root (snapshots, bookkeeping) is not scanned` +
        `${known === 0 ? '' : `; ${known} known paths there were not judged`}.`,
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
  if (input.clampedTimes > 0)
    add(
      'clamped-times',
      `${input.clampedTimes} ${input.clampedTimes === 1 ? 'entry has a time' : 'entries have times'} outside the years 1677 to 2262, ` +
        'and the nearest time in that range is recorded instead: which of two such versions is newer is not known.',
    );
  const exported = input.observers.filter(
    (observer) => observer.role === 'backup' && observer.scan.exportedMs !== null,
  );
  if (exported.length > 0)
    add(
      'exported',
      `${exported.length} snapshots were scanned on their own host: their copies were read there, and cannot be read again from here.`,
    );
  return [...conditions, ...listCondition(input.observers)];
}

/** A list that was imported is evidence, and looks like a backup to nobody. */
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

/** Live now, and of each series the newest snapshot that is on disk. */
function newestOf(observers: readonly Observer[]): Map<string, Observer> {
  const newest = new Map<string, Observer>();
  observers.forEach((observer, index) => {
    if (index === observers.length - 1 || (observer.role === 'backup' && observer.scan.pruned === null))
      newest.set(observer.volume, observer);
  });
  return newest;
}

/** The median interval between the snapshots of one series, in ms; 0 with fewer than two. */
function usualIntervalMs(times: readonly number[]): number {
  const between = times.slice(1).map((time, i) => time - (times[i] ?? time));
  return between.toSorted((a, b) => a - b)[Math.floor(between.length / 2)] ?? 0;
}

/**
 * One sentence per thing that could not be read, live and in the newest snapshot of each series, and a count of what stayed
 * undecided. A gap that a person accepted is a standing one, and left out.
 */
export function incompleteOf(
  observers: readonly Observer[],
  gaps: readonly StoredGap[],
  findings: readonly Finding[],
  unmoved: number,
): string[] {
  const incomplete: string[] = [];
  const live = observers.length - 1;
  const accepted = new Set(findings.flatMap((finding) => (finding.accepted === null ? [] : [finding.path])));
  for (const observer of newestOf(observers).values()) {
    const isLive = observer.scan.id === observers[live]?.scan.id;
    const where = isLive ? 'live' : `${observer.volume} (${observer.scan.snapshot ?? observer.scan.path})`;
    const own = gaps.filter(
      (gap) => gap.scan === observer.scan.id && gap.status !== 'boundary' && !(isLive && accepted.has(gapPath(gap))),
    );
    incomplete.push(...gapSentences(own).map((text) => `${where}: ${text}`));
  }
  const count = (verdict: Finding['verdict'], text: (n: number) => string): void => {
    const n = findings.filter((finding) => finding.verdict === verdict && finding.accepted === null).length;
    if (n > 0) incomplete.push(text(n));
  };
  count('unverified', (n) => `${n} ${n === 1 ? 'path is' : 'paths are'} unverified: a copy could not be read.`);
  count(
    'unsettled',
    (n) => `${n} ${n === 1 ? 'path' : 'paths'} changed during the scan: run again when the volume is quiet.`,
  );
  if (unmoved > 0)
    incomplete.push(
      `${unmoved} ${unmoved === 1 ? 'loss that was found before remains open: this run did not check it' : 'losses that were found before remain open: this run did not check them'}. ` +
        'Name every --backup again; rollcall findings lists them.',
    );
  return incomplete;
}

/** More names than this of one directory with one reason are one sentence: a disk that dies takes thousands, and the findings name each. */
const NAMES_IN_FULL_MAX = 3;

/** Whole directories first: each stands for everything below it. Then what most names share. */
function gapSentences(gaps: readonly StoredGap[]): string[] {
  const groups = new Map<string, StoredGap[]>();
  for (const gap of gaps) {
    const key = gap.name === '' ? gap.directory : `${gap.directory}\0${gap.status}\0${whyOf(gap)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [gap]);
    else group.push(gap);
  }
  const weight = (group: readonly StoredGap[]): number =>
    group[0]?.name === '' ? Number.MAX_SAFE_INTEGER : group.length;
  const sorted = [...groups.values()].toSorted((a, b) => weight(b) - weight(a));
  return sorted.flatMap((group) => {
    const [first] = group;
    if (first === undefined || group.length <= NAMES_IN_FULL_MAX) return group.map(gapSentence);
    const where = first.directory === '' ? 'of its root' : `in ${first.directory}`;
    const what = `${group.length} names ${where}`;
    return first.status === 'unsettled'
      ? [`${what} changed while they were read (${whyOf(first)}).`]
      : [`${what} could not be read (${whyOf(first)}); the findings name each.`];
  });
}

function gapSentence(gap: StoredGap): string {
  const path = gapPath(gap);
  const what = path === '' ? 'its root' : path;
  return gap.status === 'unsettled'
    ? `${what} changed while it was read (${whyOf(gap)}).`
    : `${what} could not be read (${whyOf(gap)})${gap.name === '' ? '; everything below it is unknown' : ''}.`;
}

function whyOf({ errno, detail, status }: StoredGap): string {
  const says = errno === null ? null : errnoText(errno);
  return (errno !== null && detailSaysMore(errno) ? (detail ?? says) : (says ?? detail)) ?? status;
}

function gapPath(gap: StoredGap): string {
  return gap.name === '' ? gap.directory : joinPath(gap.directory, gap.name);
}
