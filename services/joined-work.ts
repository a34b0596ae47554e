// The work of an assessment across hosts: judging and proving in rounds of questions, answering them, and writing the
// bundle from what was kept.
import { type AssessmentJson, fromJson } from '../domain/assessment-json.ts';
import type { Assessment } from '../domain/assessment.ts';
import { EXIT, type ExitCode, RollcallError } from '../domain/exit.ts';
import { wantsBundle } from '../domain/restore/eligible.ts';
import { grouped } from '../domain/grouped.ts';
import { parentOf } from '../domain/path.ts';
import { choose, EVERYTHING } from '../domain/restore/selection.ts';
import type { ScopeRules } from '../domain/scope.ts';
import { type AnyAnswer, type AnyAsk, anyAnswerFromText, isProofAsk, PROOF_KINDS } from './bundle/asks.ts';
import { makeBundlesDirectory } from './bundle/bundles-directory.ts';
import { keptLine } from './bundle/kept.ts';
import { parseFindingLine } from './bundle/manifest.ts';
import { proveSources } from './bundle/prove.ts';
import { type BundleSummary, withUnread, writeBundle } from './bundle/write.ts';
import { answersTo, type KeyedAsk, judgingBefore, provingOf } from './catalog/asks.ts';
import { recordBundle } from './catalog/assessments.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { keepFindings, keptAssessment } from './catalog/kept-findings.ts';
import { rootsOn } from './catalog/hosts.ts';
import type { Queryable } from './catalog/scans.ts';
import { snapshotPathsOn } from './catalog/snapshots.ts';
import { endedTasks, type NewTask } from './catalog/tasks.ts';
import { createHasher } from './files/hash.ts';
import type { TaskOutcome, TaskWork } from './fleet/crew.ts';
import { type Answer, answerFromText, keyOf, toText } from './judge/asks.ts';
import { nextSourceAfresh, reconcileInRounds } from './judge/assess-volume.ts';
import { ROUNDS_MAX, type Wanted } from './judge/hosts.ts';
import type { TaskKind } from './queue/catalogue.ts';
import { count } from './report/wording.ts';
import { type PartRequest, selectionIn } from './typed/asked.ts';
import { exitOf } from './assess.ts';
import type { JoinedRequest } from './joined-request.ts';
import type { TaskTools } from './tasks.ts';

/** What a scan says to the task that left it, besides its answer. */
export interface ScanSaid {
  readonly volume: { readonly id: number; readonly name: string; readonly path: string };
  readonly bytesRead: number;
}

export interface JudgedSeries {
  readonly id: number;
  readonly name: string;
  readonly pattern: string;
}

/** What judging is left with. Plain JSON. */
export interface JudgeReference {
  readonly volume: ScanSaid['volume'];
  readonly series: readonly JudgedSeries[];
  readonly scope: ScopeRules;
  readonly bytesScanned: number;
  /** Sentences on what was not looked at. */
  readonly incomplete: readonly string[];
  readonly request: JoinedRequest;
}

/** What is read again, and what it was judged by. Plain JSON. */
export interface ProveReference {
  readonly assessment: string;
  readonly judge: JudgeReference;
}

/** What judging says to the task that left it. */
export interface JudgeSaid {
  readonly assessment: string;
  readonly wantsBundle: boolean;
}

/** What of it decides: no host is this process's own, each is asked. */
function judgedBy({ volume, series, scope, request: { sinceMs, side } }: JudgeReference) {
  return { volume, series, scope, sinceMs, side, host: null };
}

/** Judges, with what hosts have answered so far; leaves for them what is still to be asked. */
export async function judgeHosts({ db, nowMs }: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const { task, signal, say } = work;
  const judge = task.reference as unknown as JudgeReference;
  const { bytesScanned, incomplete, request } = judge;
  const round = Number(task.made['round'] ?? 0);
  const result = await reconcileInRounds({
    db,
    ...judgedBy(judge),
    now: nowMs,
    answered: { ...(await answeredSoFar(db.pool, task.id, answerFromText)), isLast: round >= ROUNDS_MAX },
    bytesScanned,
    incomplete,
    signal,
    onProgress: (done, total) => say(`judging, ${done} of ${total} paths`),
  });
  if ('wanted' in result) return { wait: asksFor(result.wanted, request), made: { round: round + 1 } };
  const { assessment, id } = result;
  await inTransaction(db, (client) => keepFindings(client, id, assessment.findings.map(keptLine)));
  const exit = exitOf(assessment, await selectionIn(assessment, request.part));
  const said: JudgeSaid = {
    assessment: String(id),
    wantsBundle: wantsBundle(assessment),
  };
  const message = `${assessment.volume}: not intact: ${count(assessment.findings.length)}`;
  const next = assessment.findings.length === 0 ? null : `${request.program} findings`;
  return { done: { exit, message, next, said } };
}

/** Has the sources read again, and what is in their way, each by its host. The answers are kept for the bundle. */
export async function proveHosts({ db, nowMs }: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const { task, signal, say } = work;
  const { assessment: id, judge } = task.reference as unknown as ProveReference;
  const { request } = judge;
  const round = Number(task.made['round'] ?? 0);
  const assessment = await reopenAssessment(db.pool, BigInt(id));
  const selection = (await selectionIn(assessment, request.part)) ?? EVERYTHING;
  const answered = { ...(await answeredProofs(db.pool, task.id)), isLast: round >= ROUNDS_MAX };
  const afresh = nextSourceAfresh({ db, ...judgedBy(judge), now: nowMs, signal, answered: ofJudging(answered) });
  const proved = await proveSources({
    findings: choose(assessment.findings, selection).findings,
    livePath: assessment.livePath,
    liveHost: assessment.liveHost,
    host: null,
    answered,
    nextSource: afresh.nextSource,
    hasher: await createHasher(),
    now: nowMs,
    signal,
    onProgress: (done, total) => say(`sources, ${done} of ${total}`),
  });
  if ('wanted' in proved) {
    const wanted = [...asksFor(proved.wanted, request), ...asksFor(afresh.wanted(), request)];
    return { wait: wanted, made: { round: round + 1 } };
  }
  return { done: { exit: EXIT.nothing, message: 'every source was asked for', next: null } };
}

/** Writes the bundle on this host, from what was kept. */
export async function bundleHere({ db, host, nowMs, owners, log }: TaskTools, work: TaskWork): Promise<TaskOutcome> {
  const { task, signal } = work;
  const {
    assessment: id,
    directory,
    request,
  } = task.reference as unknown as {
    assessment: string;
    directory: string;
    request: JoinedRequest;
  };
  if (request.out?.makesParent === true) makeBundlesDirectory(parentOf(directory), await rootsOn(db.pool, host));
  const { bundle, exit } = await bundleOfAssessment(
    { db, host, nowMs, owners, signal, program: request.program, taskId: task.id },
    { id: BigInt(id), outDir: directory, part: request.part },
  );
  log(`task ${task.id}: wrote ${bundle.directory}`);
  return { done: { exit, message: `wrote ${bundle.directory}`, next: null, bundle: bundle.directory } };
}

export interface BundleTools {
  readonly db: Database;
  readonly host: string;
  readonly nowMs: () => number;
  readonly owners: ReadonlyMap<number, string>;
  readonly signal: AbortSignal;
  readonly program: string;
  readonly taskId?: bigint;
}

/**
 * Writes the bundle of an assessment from the catalog alone: what was found, and what hosts answered when the sources
 * were read again.
 * @throws RollcallError where there is no such assessment (2)
 */
export async function bundleOfAssessment(
  { db, host, nowMs, owners, signal, program, taskId }: BundleTools,
  {
    id,
    outDir,
    part,
  }: { readonly id: bigint; readonly outDir: string | (() => string); readonly part: PartRequest | null },
): Promise<{ assessment: Assessment; bundle: BundleSummary; exit: ExitCode }> {
  const assessment = await reopenAssessment(db.pool, id);
  const selection = await selectionIn(assessment, part);
  const proving = await provingOf(db.pool, id);
  if (proving === null) {
    throw new RollcallError(`Assessment ${id} was made on one host alone: its bundle was written with it.`, {
      next: `${program} bundle writes another one; ${program} status says where it is.`,
    });
  }
  const { judge } = proving.reference as ProveReference;
  const answered = { ...(await answeredProofs(db.pool, proving.id)), isLast: true };
  const bundle = await writeBundle({
    assessment,
    host,
    answered,
    nextSource: nextSourceAfresh({ db, ...judgedBy(judge), now: nowMs, signal, answered: ofJudging(answered) })
      .nextSource,
    ...(selection === null ? {} : { selection }),
    ...(taskId === undefined ? {} : { taskId }),
    outDir,
    now: nowMs,
    program,
    owners,
    backupRoots: await snapshotPathsOn(
      db.pool,
      judge.request.live.host,
      judge.series.map((one) => one.id),
    ),
    signal,
  });
  await recordBundle(db.pool, id, bundle.directory);
  const told = withUnread(assessment, bundle.unread);
  return { assessment: told, bundle, exit: exitOf(told, selection) };
}

/** @throws RollcallError where it is not known, or was made on one host alone */
export async function reopenAssessment(client: Queryable, id: bigint): Promise<Assessment> {
  const kept = await keptAssessment(client, id);
  if (kept === null) {
    throw new RollcallError(`There is no assessment ${id}.`, { next: 'rollcall status lists what was assessed.' });
  }
  if (kept.lines === null) {
    throw new RollcallError(
      `What assessment ${id} found is not kept whole: it was made on one host, or others came after it.`,
      {
        next: 'rollcall status says where the last bundle of each volume is; another assessment makes a new one.',
      },
    );
  }
  const findings = kept.lines.map((line) => parseFindingLine(line).finding);
  return fromJson(kept.result as AssessmentJson, findings);
}

interface Answers<A> {
  readonly answers: ReadonlyMap<string, A>;
  readonly silent: ReadonlySet<string>;
}

/** @param read answerFromText for judging, anyAnswerFromText for sources */
async function answeredSoFar<A>(client: Queryable, task: bigint, read: (text: string) => A): Promise<Answers<A>> {
  const texts = await answersTo(client, task);
  const ended = await endedTasks(client, task);
  return {
    answers: new Map([...texts].map(([key, text]) => [key, read(text)])),
    // Who did not answer once, or was stopped by a guard, is not asked in every further round.
    silent: new Set(
      ended.flatMap(({ host, state, result }) => {
        const answered = state === 'done' && result?.['exit'] === EXIT.nothing;
        return answered || host === null ? [] : [host];
      }),
    ),
  };
}

/** What hosts said when the sources of an assessment were read, and before that, when it was judged. */
async function answeredProofs(client: Queryable, proving: bigint): Promise<Answers<AnyAnswer>> {
  const own = await answeredSoFar(client, proving, anyAnswerFromText);
  const judging = await judgingBefore(client, proving);
  if (judging === null) return own;
  const before = await answeredSoFar(client, judging, anyAnswerFromText);
  return { answers: new Map([...before.answers, ...own.answers]), silent: own.silent };
}

function ofJudging<T extends Answers<AnyAnswer>>(all: T): T & Answers<Answer> {
  const isOfJudging = (one: [string, AnyAnswer]): one is [string, Answer] =>
    !PROOF_KINDS.some((kind) => kind === one[1].kind);
  return { ...all, answers: new Map([...all.answers].filter(isOfJudging)) };
}

/** So many questions are one task: several slots and workers of a host share them. */
const ASKS_A_TASK = 2_000;

function asksFor(wanted: Wanted<AnyAsk>, request: JoinedRequest): NewTask[] {
  const reference = { accepted: { notGluster: request.notGluster, bricksRescued: request.bricksRescued } };
  const tasks: NewTask[] = [];
  for (const [host, asks] of wanted) {
    for (const [kind, own] of grouped(asks, (ask) => kindOf(ask, host === request.live.host)))
      for (let start = 0; start < own.length; start += ASKS_A_TASK) {
        const keyed = own
          .slice(start, start + ASKS_A_TASK)
          .map((ask): KeyedAsk => ({ key: keyOf(ask), question: toText(ask) }));
        tasks.push({ host, kind, reference, asks: keyed });
      }
  }
  return tasks;
}

function kindOf(ask: AnyAsk, isLive: boolean): TaskKind {
  if (isProofAsk(ask)) return isLive ? 'prove-obstacles' : 'prove-sources';
  return ask.kind === 'look' || ask.kind === 'mount' ? 'second-look' : 'read-copies';
}
