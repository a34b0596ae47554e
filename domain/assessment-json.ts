// An assessment as one JSON object: what `assess --json` prints, summary.json of a bundle holds, and the catalog keeps.
// docs/json.md names every field; their names are a promise to scripts. JSON.stringify takes it as it is: sizes and
// counts are numbers, times ISO 8601, ids text.
import type { Assessment, Condition, Finding, Interval, Recovery, Tally } from './assessment.ts';
import type { Orphan } from './gluster/orphans.ts';
import { nothingToReport, picture } from './picture.ts';
import { VERDICT, VERDICTS, type Verdict } from './verdicts.ts';

export interface IntervalJson {
  readonly series: string;
  readonly from: string;
  readonly to: string;
  readonly from_name: string;
  readonly to_name: string;
  readonly days: number;
  readonly added: number;
  readonly changed: number;
  readonly vanished: number;
  readonly moved: number;
  readonly damaged: number;
  readonly silent: number;
  readonly burst: boolean;
  readonly in_window: boolean;
  readonly rules: readonly string[];
  readonly beyond_line: boolean;
}

export interface AssessmentJson {
  readonly volume: string;
  readonly live: {
    readonly path: string;
    /** Left out by versions before fleets. */
    readonly host?: string | null;
    readonly scan: string;
    readonly as_of: string;
  };
  readonly series: readonly {
    readonly name: string;
    readonly pattern: string;
    readonly snapshots: number;
    readonly newest: string | null;
    readonly newest_as_of: string | null;
  }[];
  readonly created: string;
  readonly nothing_to_report: boolean;
  readonly changes: number;
  readonly window: {
    readonly since: string | null;
    readonly reason: string;
    readonly intervals: readonly IntervalJson[];
  };
  readonly timeline: readonly IntervalJson[];
  readonly universe: { readonly files: number; readonly directories: number };
  readonly verdicts: Readonly<Record<Verdict, Tally & { readonly directories: number }>>;
  readonly recovery: Readonly<Record<Recovery, Tally>>;
  readonly summary: Readonly<Record<SummaryPart, Tally>> & { readonly since_all: string | null };
  readonly incomplete: readonly string[];
  readonly conditions: readonly Condition[];
  readonly orphans?: readonly Orphan[];
  readonly read: { readonly bytes: number; readonly bytes_trusted: number; readonly trusted_since: string | null };
}

type SummaryPart =
  | 'lost_for_good'
  | 'restorable'
  | 'still_fine'
  | 'undecided'
  | 'deleted'
  | 'silent'
  | 'uncertain'
  | 'person_deleted'
  | 'side_unknown';

/**
 * As AIDE's exit code has it: 1 something is new, 2 something is gone, 4 something changed. A move is both new and
 * gone.
 */
export function changeBits({ verdicts, directories }: Pick<Assessment, 'verdicts' | 'directories'>): number {
  return VERDICTS.reduce(
    (bits, verdict) => (verdicts[verdict].files + directories[verdict] > 0 ? bits | VERDICT[verdict].changes : bits),
    0,
  );
}

export function toJson(assessment: Assessment): AssessmentJson {
  const { verdicts, directories, recovery } = assessment;
  return {
    volume: assessment.volume,
    live: {
      path: assessment.livePath,
      host: assessment.liveHost,
      scan: String(assessment.liveScan.id),
      as_of: assessment.liveScan.asOf,
    },
    series: assessment.series.map(({ name, pattern, snapshots, newest, newestAsOf }) => ({
      name,
      pattern,
      snapshots,
      newest,
      newest_as_of: newestAsOf,
    })),
    created: new Date(assessment.createdMs).toISOString(),
    nothing_to_report: nothingToReport(assessment),
    changes: changeBits(assessment),
    window: {
      since: assessment.window.since,
      reason: assessment.window.reason,
      intervals: assessment.window.intervals.map(intervalJson),
    },
    timeline: assessment.timeline.map(intervalJson),
    universe: { files: assessment.universe.paths, directories: assessment.universe.directories },
    verdicts: byVerdict((verdict) => ({ ...tally(verdicts[verdict]), directories: directories[verdict] })),
    recovery: { exact: tally(recovery.exact), older: tally(recovery.older), none: tally(recovery.none) },
    summary: summaryOf(assessment),
    incomplete: assessment.incomplete,
    conditions: assessment.conditions.map(({ code, text }) => ({ code, text })),
    ...(assessment.orphans === undefined ? {} : { orphans: assessment.orphans }),
    read: {
      bytes: assessment.bytesRead,
      bytes_trusted: assessment.bytesTrusted,
      trusted_since: assessment.trustedSince,
    },
  };
}

/** The assessment again, with findings that were kept apart. */
export function fromJson(json: AssessmentJson, findings: readonly Finding[]): Assessment {
  return {
    volume: json.volume,
    livePath: json.live.path,
    liveHost: json.live.host ?? null,
    liveScan: { id: BigInt(json.live.scan), asOf: json.live.as_of },
    series: json.series.map(({ newest_as_of: newestAsOf, ...series }) => ({ ...series, newestAsOf })),
    window: { ...json.window, intervals: json.window.intervals.map(intervalOf) },
    timeline: json.timeline.map(intervalOf),
    universe: { paths: json.universe.files, directories: json.universe.directories },
    verdicts: byVerdict((verdict) => tally(json.verdicts[verdict])),
    directories: byVerdict((verdict) => json.verdicts[verdict].directories),
    recovery: json.recovery,
    findings,
    incomplete: json.incomplete,
    conditions: json.conditions,
    ...(json.orphans === undefined ? {} : { orphans: json.orphans }),
    bytesRead: json.read.bytes,
    bytesTrusted: json.read.bytes_trusted,
    trustedSince: json.read.trusted_since,
    createdMs: Date.parse(json.created),
  };
}

function summaryOf(assessment: Assessment): AssessmentJson['summary'] {
  const seen = picture(assessment);
  return {
    lost_for_good: tally(seen.lost),
    restorable: tally(seen.restorable),
    still_fine: tally(seen.fine),
    undecided: tally(seen.open),
    deleted: tally(seen.deleted),
    silent: tally(seen.silent),
    uncertain: tally(seen.uncertain),
    person_deleted: tally(seen.personDeleted),
    side_unknown: tally(seen.sideUnknown),
    since_all: seen.sinceAll,
  };
}

function intervalJson({ fromName, toName, inWindow, beyondLine, ...interval }: Interval): IntervalJson {
  return { ...interval, from_name: fromName, to_name: toName, in_window: inWindow, beyond_line: beyondLine };
}

function intervalOf({ from_name, to_name, in_window, beyond_line, ...interval }: IntervalJson): Interval {
  return { ...interval, fromName: from_name, toName: to_name, inWindow: in_window, beyondLine: beyond_line };
}

function tally({ files, bytes }: Tally): Tally {
  return { files, bytes };
}

function byVerdict<T>(of: (verdict: Verdict) => T): Readonly<Record<Verdict, T>> {
  return Object.fromEntries(VERDICTS.map((verdict) => [verdict, of(verdict)])) as Record<Verdict, T>;
}
