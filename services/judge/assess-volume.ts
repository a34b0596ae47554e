// Reconciliation: every path of a live volume is judged against its history and its backups. From the catalog to an
// Assessment.
import { toJson } from '../../domain/assessment-json.ts';
import type { Assessment } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { Observer } from '../../domain/facts.ts';
import { versionAt } from '../../domain/facts.ts';
import { judgeContext, type JudgeContext } from '../../domain/judge/context.ts';
import { contentKeyOfState } from '../../domain/judge/keys.ts';
import { compareBytes } from '../../domain/path.ts';
import { isUnknown } from '../../domain/verdicts.ts';
import type { Version } from '../../domain/version.ts';
import { type DecidedIntervals, decideIntervals, joinedSpans, windowOf } from '../../domain/window/intervals.ts';
import { isoAsOf, type Span } from '../../domain/window/timeline.ts';
import { recordAssessment } from '../catalog/assessments.ts';
import type { Debug } from '../process/debug.ts';
import { inTransaction } from '../catalog/database.ts';
import { storeFindings } from '../catalog/findings.ts';
import { standingAlike } from '../catalog/neighbours.ts';
import { type CopyRead, recordReadings } from '../catalog/readings.ts';
import type { Queryable } from '../catalog/scans.ts';
import { absenceConditions } from './absence-conditions.ts';
import { type Absences, addAbsences } from './absences.ts';
import { findingOf, isoOrNull, rowOf } from './compose.ts';
import { conditionsOf } from './conditions.ts';
import { happenedIn, withDamage } from './happened.ts';
import { followFiles } from './histories.ts';
import { incompleteOf } from './incomplete.ts';
import { type Case, type CaseReading, judgeAll, type JudgingTools, verdictOf } from './judging.ts';
import { load, type Loaded, type LoadInput } from './load.ts';
import { byListingOnly } from './lookup.ts';
import { lastSeenAt, movesOf } from './movement.ts';
import { type NextSource, nextSourceOf } from './next-source.ts';
import { type ExecuteRequests, readInProcess } from './readings.ts';
import { judgeWithCopies, lookAtSuspects, settleDirectories } from './settle.ts';
import { addSurroundings } from './surroundings.ts';
import { tallyOf } from './tally.ts';
import { type Undecided, undecidedOf } from './undecided.ts';

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
  readonly debug?: Debug;
}

export interface Reconciled {
  readonly assessment: Assessment;
  /** For the writer of the bundle; reads copies as judging does. */
  readonly nextSource: NextSource;
  /** Id in the catalog, for recordBundle. */
  readonly id: bigint;
}

/** What the passes of one judging share. */
interface Judging {
  readonly input: ReconcileInput;
  readonly tools: JudgingTools & { readonly now: () => number };
  readonly loaded: Loaded;
  readonly absences: Absences | null;
  readonly decided: DecidedIntervals;
  readonly spans: readonly Span[];
  readonly context: JudgeContext;
}

/**
 * Judges a live volume as its newest complete scan saw it. Reads copies where judging asks for them, looks at every
 * path that is not intact once more, stores readings, findings and the assessment. Throws RollcallError without a
 * complete live scan, or when the live root cannot be read any more; Error when the classes do not add up to the
 * universe (a bug).
 */
export async function reconcile(input: ReconcileInput): Promise<Reconciled> {
  const onPhase = input.onPhase ?? (() => {});
  const read: Read = { bytes: 0, copies: [] };
  onPhase('loading');
  const everything = await load(input);
  onPhase('judging');
  const judging = await prepare(input, everything, toolsOf(input, everything.observers, read));
  const { loaded, context, tools } = judging;
  await judgeAll(loaded.cases, context, tools);
  await judgeWithCopies(input.db.pool, loaded, context, tools);
  onPhase('looking again');
  await lookAtSuspects(input.volume.path, loaded.cases, context, tools);
  await settleDirectories(loaded.cases, context, tools);
  const told = tell(judging);
  tellDebug(judging, told);
  const undecided = await undecidedOf(input.db.pool, loaded);
  const assessment = assessmentOf(judging, told, undecided.unmoved.length, read.bytes);
  stopIfAborted(input.signal);
  onPhase('storing');
  const id = await store(judging, assessment, told, { copies: read.copies, ...undecided });
  return { assessment, id, nextSource: nextSourceOf({ db: input.db, loaded, context, tools, now: input.now }) };
}

/** What was read for judging, as it goes. */
interface Read {
  bytes: number;
  readonly copies: CaseReading[];
}

function toolsOf(input: ReconcileInput, observers: readonly Observer[], read: Read): Judging['tools'] {
  return {
    observers,
    now: input.now,
    execute: input.execute ?? readInProcess({ now: input.now }),
    onReading: (copy) => void read.copies.push(copy),
    onBytes: (bytes) => void (read.bytes += bytes),
    onProgress: (done, total) => {
      stopIfAborted(input.signal);
      input.onProgress?.(done, total);
    },
  };
}

/**
 * Everything that a verdict is based on besides the path's own facts: how names went, where they went, and in which
 * intervals more than usual did.
 */
async function prepare(input: ReconcileInput, everything: Loaded, tools: Judging['tools']): Promise<Judging> {
  const { db } = input;
  const { observers, points, roots, builder, decisions } = everything;
  const live = observers.length - 1;
  const gone = everything.cases.filter(({ facts }) => facts.sights[live] === null);
  const absences = await addAbsences(db, everything);
  const moves = await movesOf(db.pool, gone, everything, tools);
  if (moves.directories.size > 0) await absences?.askAgain(moves);
  const loaded = await followFiles(db.pool, everything, moves);
  const spans = joinedSpans(everything.spans);
  const standsElsewhere = await elsewhereOf(db.pool, loaded, gone);
  const decided = decideIntervals({
    spans,
    happened: happenedIn({ spans, loaded, moves, absences, standsElsewhere }),
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
  await addSurroundings(db.pool, builder, roots, { plainFiles: loaded.plainFiles, cases: loaded.cases, gone });
  return { input, tools, loaded, absences, decided, spans, context };
}

/** Gives the cases that are not intact their findings. Answers with those, by path. */
function tell({ input, loaded: { observers, cases } }: Judging): Case[] {
  const nowMs = input.now();
  const told = cases.filter((one) => verdictOf(one).verdict !== 'intact');
  for (const one of told) one.finding = findingOf(one, input.volume.name, observers, nowMs);
  return told.sort((a, b) => compareBytes(a.facts.path, b.facts.path));
}

/** For whoever debugs: what the verdicts rest on, and each that is not intact. */
function tellDebug({ input, loaded, decided }: Judging, told: readonly Case[]): void {
  const say = input.debug?.judge;
  if (say === undefined) return;
  say(`${loaded.cases.length} paths are not plainly intact, of ${loaded.observers.length} observers`);
  for (const { from, to, rules, vanished, silent, inWindow } of decided.timeline)
    say(
      `${inWindow ? 'loss ' : ''}interval ${from} to ${to}: ${vanished} vanished, ${silent} silently [${rules.join(' ')}]`,
    );
  for (const { finding } of told) {
    if (finding === null) continue;
    const { path, verdict, recovery, cause, flags } = finding;
    say(`${path}: ${[verdict, recovery, cause?.cause ?? null, ...flags].filter((word) => word !== null).join(', ')}`);
  }
}

/** Everything added up. */
function assessmentOf(
  { input, loaded, absences, decided, spans }: Judging,
  told: readonly Case[],
  unmoved: number,
  bytesRead: number,
): Assessment {
  const { observers, cases, gaps, trusted } = loaded;
  const nowMs = input.now();
  const findings = told.flatMap(({ finding }) => finding ?? []);
  const timeline = withDamage(decided.timeline, spans, cases);
  const window = windowOf(decided, timeline, input.sinceMs);
  const liveScan = observers.at(-1)?.scan;
  if (liveScan === undefined) throw new Error('the last observer is live now');
  const series = input.series.map((one) => ({ ...one, pattern: one.pattern ?? one.name }));
  return {
    volume: input.volume.name,
    livePath: input.volume.path,
    liveScan: { id: liveScan.id, asOf: isoAsOf(liveScan.asOf) },
    series: series.map((one) => seriesOf(one, observers)),
    window,
    timeline,
    ...tallyOf(cases, loaded.plain),
    findings,
    incomplete: incompleteOf(observers, gaps, findings, unmoved),
    conditions: [
      ...conditionsOf({ ...loaded, series, window, nowMs }),
      ...absenceConditions({ absences, series, cases, oldFindings: loaded.decisions.oldFindings }),
      ...byListingOnly(input.volume.path),
    ],
    bytesRead: (input.bytesScanned ?? 0) + bytesRead,
    bytesTrusted: trusted.carriedBytes,
    trustedSince: isoOrNull(trusted.sinceMs),
    createdMs: nowMs,
  };
}

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new RollcallError('Interrupted while judging. No assessment was stored; the scans are kept.', {
    exit: EXIT.interrupted,
    next: 'run the same command again: it continues from the scans that are complete',
  });
}

/** Whether what is gone and was touched has its content, or its size and exact time, under another name. */
async function elsewhereOf(
  client: Queryable,
  { roots, observers }: Loaded,
  gone: readonly Case[],
): Promise<(one: Case) => boolean> {
  const live = roots.find((root) => root.live);
  const lastOf = ({ facts }: Case): Version | null => {
    const version = versionAt(facts.sights, lastSeenAt(facts, observers.length - 1));
    return version?.kind === 'file' && (version.size ?? 0) > 0 ? version : null;
  };
  const wanted = gone.flatMap((one) => {
    const version = one.facts.surroundings?.absence?.how === 'touched' ? lastOf(one) : null;
    return version === null ? [] : [{ size: version.size ?? 0, digest: version.digest, mtimeNs: version.mtimeNs }];
  });
  const asks = live !== undefined && wanted.length > 0;
  const standing = asks ? await standingAlike(client, live, wanted) : new Set<string>();
  return (one) => {
    const version = lastOf(one);
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
  { input, loaded }: Judging,
  assessment: Assessment,
  told: readonly Case[],
  { copies, leftOut, unmoved }: Undecided & { readonly copies: readonly CaseReading[] },
): Promise<bigint> {
  const { observers, points, cases, decisions } = loaded;
  const { findings } = assessment;
  const seen = cases.flatMap(({ facts: { path }, judged }) => {
    const found = decisions.accepted.has(path) ? (judged?.found ?? null) : null;
    return found === null ? [] : [{ path, content: contentKeyOfState(found) }];
  });
  const unknown = [...leftOut, ...unmoved, ...findings.filter(({ verdict }) => isUnknown(verdict))];
  return inTransaction(input.db, async (client) => {
    await recordReadings(
      client,
      copies.flatMap((read) => copyRead(read, observers) ?? []),
    );
    await storeFindings(client, {
      volumeId: input.volume.id,
      nowMs: assessment.createdMs,
      rows: told.flatMap((one) => rowOf(one, observers, points) ?? []),
      unknown: unknown.map(({ path }) => path),
      seen,
      spent: decisions.spent,
    });
    return recordAssessment(client, {
      volumeId: input.volume.id,
      liveScan: assessment.liveScan.id,
      scans: observers.map(({ scan }) => scan.id),
      result: JSON.stringify(toJson(assessment)),
      nowMs: assessment.createdMs,
    });
  });
}

function copyRead({ one, reading }: CaseReading, observers: readonly Observer[]): CopyRead | null {
  const scan = observers[reading.observer]?.scan;
  const version = versionAt(one.facts.sights, reading.observer);
  if (scan === undefined || version === null || version.kind !== 'file') return null;
  const { digest, zeroFrom = null, inode, ctimeNs, btimeNs, nlink, racy } = reading;
  if (one.directory === null || digest === null) return null;
  const copy = { digest, zeroFrom, inode, ctimeNs, btimeNs, nlink, racy };
  return { root: scan.rootId, seq: scan.seq, directory: one.directory, name: one.name, version, ...copy };
}
