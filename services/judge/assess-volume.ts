// Reconciliation: every path of a live volume is judged against its history and its backups. From the catalog to an Assessment.
import type { Assessment, Finding } from '../../domain/assessment.ts';
import { isUnknown } from '../../domain/verdicts.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { judgeContext } from '../../domain/judge/context.ts';
import { contentKeyOfState } from '../../domain/judge/keys.ts';
import { compareBytes } from '../../domain/path.ts';
import { isoAsOf } from '../../domain/window/timeline.ts';
import type { Version } from '../../domain/version.ts';
import { decideIntervals, joinedSpans, windowOf } from '../../domain/window/intervals.ts';
import { inTransaction } from '../catalog/database.ts';
import type { NextSource } from '../bundle/prove.ts';
import { recordAssessment } from '../catalog/assessments.ts';
import { type StoreFindings, storeFindings } from '../catalog/findings.ts';
import { type CopyRead, recordReadings } from '../catalog/readings.ts';
import { findingOf, isoOrNull, rowOf, type Verdicted } from './compose.ts';
import { conditionsOf, incompleteOf } from './conditions.ts';
import { byListingOnly } from './lookup.ts';
import { followFiles } from './histories.ts';
import { absenceConditions } from './absence-conditions.ts';
import { addAbsences } from './absences.ts';
import { standingAlike } from '../catalog/neighbours.ts';
import type { Queryable } from '../catalog/scans.ts';
import { happenedIn, withDamage } from './happened.ts';
import { judgeAll, type JudgingTools, type Subject, type SubjectReading } from './judging.ts';
import { load, type Loaded, type LoadInput } from './load.ts';
import { lastSeenAt, movesOf } from './movement.ts';
import { type ExecuteRequests, readInProcess } from './readings.ts';
import { nextSourceOf } from './next-source.ts';
import { judgeWithCopies, lookAtSuspects, settleDirectories } from './settle.ts';
import { addSurroundings } from './surroundings.ts';
import { undecidedOf } from './undecided.ts';
import { tallyOf } from './tally.ts';

export interface ReconcileInput extends LoadInput {
  /** --since, ms since 1970; null for the estimate. */
  readonly sinceMs: number | null;
  /** --side backup */
  readonly side: 'backup' | null;
  readonly now: () => number;
  /** Judging stops between two batches of paths; nothing is stored then. */
  readonly signal?: AbortSignal;
  /** Paths that have a verdict, of those that are not plainly intact. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onPhase?: (phase: 'loading' | 'judging' | 'looking again' | 'storing') => void;
  /** Bytes that the scans of this run have read, for the report. */
  readonly bytesScanned?: number;
  /** How copies are read; in this process when left out. */
  readonly execute?: ExecuteRequests;
}

export interface Reconciled {
  readonly assessment: Assessment;
  /** For the writer of the bundle; reads copies as judging does. */
  readonly nextSource: NextSource;
  /** Id in the catalog, for recordBundle. */
  readonly id: bigint;
}

/**
 * Judges a live volume as its newest complete scan saw it. Reads copies where judging asks for them, looks at every path that is not
 * intact once more, stores readings, findings and the assessment. Throws RollcallError without a complete live scan, or when the
 * live root cannot be read any more; Error when the classes do not add up to the universe (a bug).
 */
export async function reconcile(input: ReconcileInput): Promise<Reconciled> {
  const { db } = input;
  const onPhase = input.onPhase ?? (() => {});
  onPhase('loading');
  const everything = await load(input);
  const { observers, points, spans, roots, builder, decisions, gaps, changes } = everything;
  const live = observers.length - 1;

  let bytesRead = 0;
  const readings: SubjectReading[] = [];
  const tools: JudgingTools = {
    observers,
    execute: input.execute ?? readInProcess({ now: input.now }),
    onReading: (read) => void readings.push(read),
    onBytes: (bytes) => void (bytesRead += bytes),
    onProgress: (done, total) => {
      stopIfAborted(input.signal);
      input.onProgress?.(done, total);
    },
  };

  onPhase('judging');
  const gone = everything.subjects.filter(({ facts }) => facts.sights[live] === null);
  const absences = await addAbsences(db, everything);
  const moves = await movesOf(db.pool, gone, builder, points, roots, tools);
  if (moves.directories.size > 0) await absences?.askAgain(moves);
  const loaded = await followFiles(db.pool, everything, moves);
  const { subjects } = loaded;
  const intervalSpans = joinedSpans(spans);
  const decided = decideIntervals({
    spans: intervalSpans,
    happened: happenedIn({
      spans: intervalSpans,
      loaded,
      moves,
      absences,
      standsElsewhere: await elsewhereOf(db.pool, loaded, gone),
    }),
    files: loaded.files,
    sinceMs: input.sinceMs,
    isFirst: decisions.assessedScans.size === 0,
    points,
  });
  const context = judgeContext({
    observers,
    intervals: decided.intervals,
    since: decided.since,
    moves,
    accepted: decisions.accepted,
    restored: decisions.restored,
    openFindings: decisions.openLosses,
    damaged: decisions.damaged,
    backupDeclared: input.series.length > 0,
    side: input.side,
  });
  await addSurroundings(db.pool, builder, roots, { plainFiles: loaded.plainFiles, subjects, gone });
  let verdicts = await judgeAll(subjects, context, tools);
  verdicts = await judgeWithCopies(db.pool, loaded, context, tools, verdicts);

  onPhase('looking again');
  verdicts = await lookAtSuspects(input.volume.path, live, subjects, verdicts, context, tools, input.now);
  verdicts = await settleDirectories(live, subjects, verdicts, context, tools);

  const nowMs = input.now();
  const timeline = withDamage(decided.timeline, intervalSpans, subjects, verdicts);
  const window = windowOf(decided, timeline, input.sinceMs);
  const tally = tallyOf(subjects, verdicts, loaded.plain);
  const results = subjects.flatMap((subject, i): { verdicted: Verdicted; finding: Finding }[] => {
    const judged = verdicts[i];
    if (judged === undefined || judged.verdict === 'intact') return [];
    const verdicted = { subject, judged };
    return [{ verdicted, finding: findingOf(verdicted, input.volume.name, observers, nowMs) }];
  });
  results.sort((a, b) => compareBytes(a.finding.path, b.finding.path));
  const findings = results.map(({ finding }) => finding);
  const liveScan = observers[live]?.scan;
  if (liveScan === undefined) throw new Error('the last observer is live now');

  const { leftOut, unmoved } = await undecidedOf(db.pool, loaded, verdicts);
  const series = input.series.map((one) => ({ ...one, pattern: one.pattern ?? one.name }));
  const assessment: Assessment = {
    volume: input.volume.name,
    livePath: input.volume.path,
    liveScan: { id: liveScan.id, asOf: isoAsOf(liveScan.asOf) },
    series: series.map((one) => seriesOf(one, observers)),
    window,
    timeline,
    ...tally,
    findings,
    incomplete: incompleteOf(observers, gaps, findings, unmoved.length),
    conditions: [
      ...conditionsOf({
        observers,
        series: series.map(({ name, pattern }) => ({ name, pattern })),
        spans,
        window,
        subjects,
        changes,
        gaps,
        trusted: loaded.trusted,
        clampedTimes: loaded.clampedTimes,
        outOfScope: loaded.outOfScope,
        nowMs,
      }),
      ...absenceConditions({ absences, series, subjects, verdicts, oldFindings: decisions.oldFindings }),
      ...byListingOnly(input.volume.path),
    ],
    bytesRead: (input.bytesScanned ?? 0) + bytesRead,
    bytesTrusted: loaded.trusted.carriedBytes,
    trustedSince: isoOrNull(loaded.trusted.sinceMs),
    createdMs: nowMs,
  };

  stopIfAborted(input.signal);
  onPhase('storing');
  const seen = subjects.flatMap(({ facts: { path } }, i) => {
    const found = decisions.accepted.has(path) ? (verdicts[i]?.found ?? null) : null;
    return found === null ? [] : [{ path, content: contentKeyOfState(found) }];
  });
  const unknown = [...leftOut, ...unmoved, ...findings.filter(({ verdict }) => isUnknown(verdict))].map(
    ({ path }) => path,
  );
  const id = await store(input, assessment, observers, results, readings, points, {
    unknown,
    seen,
    spent: decisions.spent,
  });
  return { assessment, id, nextSource: nextSourceOf({ db, loaded, context, tools, verdicts, now: input.now }) };
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new RollcallError('Interrupted while judging. No assessment was stored; the scans are kept.', {
    exit: EXIT.interrupted,
    next: 'run the same command again: it continues from the scans that are complete',
  });
}

/** Whether the content of a file that is gone, or its size and exact time, stands under another name. */
async function elsewhereOf(
  client: Queryable,
  { roots, observers }: Loaded,
  gone: readonly Subject[],
): Promise<(subject: Subject) => boolean> {
  const live = roots.find((root) => root.live);
  const lastOf = ({ facts }: Subject): Version | null => {
    const version = versionAt(facts.sights, lastSeenAt(facts, observers.length - 1));
    return version?.kind === 'file' && (version.size ?? 0) > 0 ? version : null;
  };
  const wanted = gone.flatMap((subject) => {
    const version = lastOf(subject);
    return version === null ? [] : [{ size: version.size ?? 0, digest: version.digest, mtimeNs: version.mtimeNs }];
  });
  const standing = live === undefined ? new Set<string>() : await standingAlike(client, live, wanted);
  return (subject) => {
    const version = lastOf(subject);
    if (version === null) return false;
    const { size, digest, mtimeNs } = version;
    return (digest !== null && standing.has(`${size} ${digest}`)) || standing.has(`${size} at ${mtimeNs}`);
  };
}

function seriesOf(
  series: { readonly name: string; readonly pattern: string },
  observers: readonly Observer[],
): Assessment['series'][number] {
  const own = observers.filter((observer) => observer.volume === series.name);
  const newest = own.findLast(({ scan }) => scan.pruned === null) ?? own.at(-1);
  return {
    name: series.name,
    pattern: series.pattern,
    snapshots: own.length,
    newest: newest === undefined ? null : (newest.scan.snapshot ?? newest.scan.path),
    newestAsOf: newest === undefined ? null : isoAsOf(newest.scan.asOf),
  };
}

async function store(
  input: ReconcileInput,
  assessment: Assessment,
  observers: readonly Observer[],
  results: readonly { readonly verdicted: Verdicted; readonly finding: Finding }[],
  readings: readonly SubjectReading[],
  points: readonly number[],
  stands: Pick<StoreFindings, 'unknown' | 'seen' | 'spent'>,
): Promise<bigint> {
  const { findings: _findings, ...summary } = assessment;
  const result = JSON.stringify(summary, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return inTransaction(input.db, async (client) => {
    await recordReadings(
      client,
      readings.flatMap((read) => copyRead(read, observers) ?? []),
    );
    await storeFindings(client, {
      volumeId: input.volume.id,
      nowMs: assessment.createdMs,
      rows: results.flatMap(({ finding, verdicted }) => rowOf(finding, verdicted, observers, points) ?? []),
      ...stands,
    });
    return recordAssessment(client, {
      volumeId: input.volume.id,
      liveScan: assessment.liveScan.id,
      scans: observers.map(({ scan }) => scan.id),
      result,
      nowMs: assessment.createdMs,
    });
  });
}

function copyRead({ subject, reading }: SubjectReading, observers: readonly Observer[]): CopyRead | null {
  const scan = observers[reading.observer]?.scan;
  const version = versionAt(subject.facts.sights, reading.observer);
  if (scan === undefined || version === null || version.kind !== 'file') return null;
  if (subject.directory === null || reading.digest === null) return null;
  return {
    root: scan.rootId,
    seq: scan.seq,
    directory: subject.directory,
    name: subject.name,
    version,
    digest: reading.digest,
    zeroFrom: reading.zeroFrom ?? null,
    inode: reading.inode,
    ctimeNs: reading.ctimeNs,
    btimeNs: reading.btimeNs,
    nlink: reading.nlink,
    racy: reading.racy,
  };
}
