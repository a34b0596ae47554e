// Reconciliation: every path of a live volume is judged against its history and its backups. From the catalog to an
// Assessment.
import type { Assessment } from '../../domain/assessment.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { Observer } from '../../domain/facts.ts';
import { judgeContext, type JudgeContext } from '../../domain/judge/context.ts';
import { compareBytes } from '../../domain/path.ts';
import { type DecidedIntervals, decideIntervals, joinedSpans, windowOf } from '../../domain/window/intervals.ts';
import { isoAsOf, type Span } from '../../domain/window/timeline.ts';
import type { Debug } from '../process/debug.ts';
import type { Place } from './asks.ts';
import { absenceConditions } from './absence-conditions.ts';
import { type Absences, addAbsences } from './absences.ts';
import { findingOf, isoOrNull, seriesOf } from './compose.ts';
import { conditionsOf } from './conditions.ts';
import { happenedIn, withDamage } from './happened.ts';
import { followFiles } from './histories.ts';
import { type Answered, Hosts, type Wanted } from './hosts.ts';
import { incompleteOf } from './incomplete.ts';
import { type Case, type CaseReading, judgeAll, type JudgingTools, verdictOf } from './judging.ts';
import { load, type Loaded, type LoadInput } from './load.ts';
import { byListingOnly, listingOnlyAt } from './lookup.ts';
import { movesOf } from './movement.ts';
import { type NextSource, nextSourceOf } from './next-source.ts';
import { orphansByContent, saidOfBricks } from './orphans-left.ts';
import { readingsOf } from './readings.ts';
import { judgeWithCopies, lookAtSuspects, settleDirectories } from './settle.ts';
import { settleSilences } from './silence.ts';
import { elsewhereOf } from './stands-elsewhere.ts';
import { store } from './stored.ts';
import { addSurroundings } from './surroundings.ts';
import { tallyOf } from './tally.ts';
import { undecidedOf } from './undecided.ts';

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
  /** Sentences on what the scans before it did not look at. */
  readonly incomplete?: readonly string[];
  /** Bytes that the scans of this run have read, for the report. */
  readonly bytesScanned?: number;
  /**
   * Of this process: copies there are read as judging asks for them. Null where every host is asked in rounds, this one
   * too.
   */
  readonly host: string | null;
  /** What other hosts have answered. Left out, what lies on them stays unknown. */
  readonly answered?: Answered;
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
  readonly tools: JudgingTools & { readonly now: () => number; readonly hosts: Hosts };
  readonly loaded: Loaded;
  readonly absences: Absences | null;
  readonly decided: DecidedIntervals;
  readonly spans: readonly Span[];
  readonly context: JudgeContext;
}

/** What other hosts must be asked before there is an assessment. Nothing was stored. */
export interface Asking {
  readonly wanted: Wanted;
}

/**
 * Judges a live volume as its newest complete scan saw it. Reads copies where judging asks for them, looks at every
 * path that is not intact once more, stores readings, findings and the assessment. What lies on hosts other than
 * `input.host` and was not answered stays unknown: such paths are never intact, and the assessment is incomplete.
 * Throws RollcallError without a complete live scan, or when the live root cannot be read any more; Error when the
 * classes do not add up to the universe (a bug).
 */
export async function reconcile(input: ReconcileInput): Promise<Reconciled> {
  const answered = input.answered === undefined ? {} : { answered: { ...input.answered, isLast: true } };
  const result = await reconcileInRounds({ ...input, ...answered });
  if ('wanted' in result) throw new Error('judging waits for hosts that nobody will ask');
  return result;
}

/**
 * The same where other hosts are asked: the answers of the rounds before go in; out comes what is to be asked next, by
 * host, or the assessment. All cases of a pass go on as far as answers carry them, so that rounds are few. Each answer
 * is kept by keyOf(ask), and every round is given all of them. With `answered.isLast`, and for silent hosts, it ends.
 */
export async function reconcileInRounds(input: ReconcileInput): Promise<Reconciled | Asking> {
  const onPhase = input.onPhase ?? (() => {});
  const read: Read = { bytes: 0, copies: [] };
  const hosts = new Hosts(input.host, input.answered ?? null);
  onPhase('loading');
  const everything = await load(input);
  onPhase('judging');
  const judging = await prepare(input, everything, toolsOf(input, { observers: everything.observers, read, hosts }));
  const { loaded, context, tools } = judging;
  await judgeAll(loaded.cases, context, tools);
  await judgeWithCopies(input.db.pool, loaded, context, tools);
  onPhase('looking again');
  const live = livePlace(input, loaded);
  await lookAtSuspects(live, loaded.cases, context, tools);
  const listingOnly = listingOnlyOf(live, hosts);
  if (hosts.isWanted) return { wanted: hosts.wanted() };
  await settleDirectories(loaded.cases, context, tools);
  settleSilences(loaded.cases, context);
  const told = tell(judging);
  tellDebug(judging, told);
  const undecided = await undecidedOf(input.db.pool, loaded);
  const assessment = assessmentOf(judging, told, {
    unmoved: undecided.unmoved.length,
    bytesRead: read.bytes,
    listingOnly,
  });
  stopIfAborted(input.signal);
  onPhase('storing');
  const id = await store(judging, assessment, told, { copies: read.copies, ...undecided });
  return { assessment, id, nextSource: nextSourceOf({ db: input.db, loaded, context, tools, now: input.now }) };
}

function liveOf({ observers }: Pick<Loaded, 'observers'>): Observer {
  const live = observers.at(-1);
  if (live === undefined) throw new Error('the last observer is live now');
  return live;
}

function livePlace({ volume }: ReconcileInput, loaded: Loaded): Place {
  const { scan, mark = null } = liveOf(loaded);
  return { host: scan.host, root: volume.path, mark };
}

/** The file system of the live root, where names were not looked up on it; null also where nobody answers. */
function listingOnlyOf(live: Place, hosts: Hosts): string | null {
  if (live.host === hosts.own) return listingOnlyAt(live.root);
  const answer = hosts.find({ kind: 'mount', ...live });
  return typeof answer === 'string' ? null : answer.listingOnly;
}

/**
 * The next best source of findings that were judged before, maybe by another process: judges their paths once more by
 * what the catalog holds now. Loads it when it is asked first. `wanted` is what other hosts have to be asked before it
 * can say.
 */
export function nextSourceAfresh(input: ReconcileInput): { readonly nextSource: NextSource; wanted(): Wanted } {
  const hosts = new Hosts(input.host, input.answered ?? null);
  let opened: Promise<NextSource> | null = null;
  const open = async (): Promise<NextSource> => {
    const everything = await load(input);
    const tools = toolsOf(input, { observers: everything.observers, read: { bytes: 0, copies: [] }, hosts });
    const { loaded, context } = await prepare(input, everything, tools);
    return nextSourceOf({ db: input.db, loaded, context, tools, now: input.now });
  };
  return {
    nextSource: async (finding, failed) => (await (opened ??= open()))(finding, failed),
    wanted: () => hosts.wanted(),
  };
}

/** What was read for judging, as it goes. */
interface Read {
  bytes: number;
  readonly copies: CaseReading[];
}

function toolsOf(
  input: ReconcileInput,
  { observers, read, hosts }: { readonly observers: readonly Observer[]; readonly read: Read; readonly hosts: Hosts },
): Judging['tools'] {
  return {
    observers,
    hosts,
    now: input.now,
    execute: readingsOf({ hosts, now: input.now }),
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
    ...orphansByContent(everything),
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
  { input, tools, loaded, absences, decided, spans }: Judging,
  told: readonly Case[],
  more: { readonly unmoved: number; readonly bytesRead: number; readonly listingOnly: string | null },
): Assessment {
  const { unmoved, bytesRead, listingOnly } = more;
  const { observers, cases, gaps, trusted } = loaded;
  const nowMs = input.now();
  const findings = told.flatMap(({ finding }) => finding ?? []);
  const { conditions, incomplete, ...left } = saidOfBricks(loaded, findings);
  const timeline = withDamage(decided.timeline, spans, cases);
  const window = windowOf(decided, timeline, input.sinceMs);
  const liveScan = liveOf(loaded).scan;
  const series = input.series.map((one) => ({ ...one, pattern: one.pattern ?? one.name }));
  return {
    volume: input.volume.name,
    livePath: input.volume.path,
    liveHost: liveScan.host,
    liveScan: { id: liveScan.id, asOf: isoAsOf(liveScan.asOf) },
    series: series.map((one) => seriesOf(one, observers)),
    window,
    timeline,
    ...tallyOf(cases, loaded.plain),
    findings,
    ...left,
    incomplete: [
      ...(input.incomplete ?? []),
      ...incomplete,
      ...incompleteOf(observers, gaps, findings, { unmoved, unanswered: tools.hosts.unanswered() }),
    ],
    conditions: [
      ...conditionsOf({ ...loaded, series, window, nowMs }),
      ...absenceConditions({ absences, series, cases, oldFindings: loaded.decisions.oldFindings }),
      ...conditions,
      ...byListingOnly(input.volume.path, listingOnly),
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
