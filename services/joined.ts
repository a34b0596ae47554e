// Assessments whose live volume lies on one host and its backup on another. A task leads through them: both sides are
// scanned where they lie, any worker judges, and whatever judging or the bundle ask of a disk is asked of its host
// (joined-work.ts). No worker waits: a task that has left others ends, and the last of those wakes it.
import { EXIT } from '../domain/exit.ts';
import type { Queryable } from './catalog/scans.ts';
import { endedTasks, type EndedTask, type Json, leaveTask, type NewTask } from './catalog/tasks.ts';
import { seriesVolumeAt } from './catalog/volumes.ts';
import { servedOf } from './catalog/workers.ts';
import type { TaskAnswer, TaskOutcome, TaskWork } from './fleet/crew.ts';
import type { TaskKind } from './queue/catalogue.ts';
import type { JudgedSeries, JudgeReference, JudgeSaid, ProveReference, ScanSaid } from './joined-work.ts';
import type { JoinedRequest } from './joined-request.ts';
import type { ScanRequest } from './scan.ts';
import type { TaskTools } from './tasks.ts';
import { hostsOf } from './typed/placed.ts';

export async function leaveJoined(client: Queryable, request: JoinedRequest, nowMs: number): Promise<bigint> {
  return leaveTask(client, { host: null, kind: 'assess-hosts', reference: { ...request }, parent: null, nowMs });
}

type Step = 'scan' | 'judge' | 'prove' | 'bundle';

/** Leads from step to step: what has ended says what comes next. */
export async function assessHosts({ db }: TaskTools, { task }: TaskWork): Promise<TaskOutcome> {
  const asked = task.reference as unknown as JoinedRequest;
  const host = task.made['liveHost'] as string | undefined;
  const request = host === undefined ? asked : { ...asked, live: { ...asked.live, host } };
  const step = task.made['step'] as Step | undefined;
  const ended = await endedTasks(db.pool, task.id);
  const last = (kind: TaskKind): EndedTask | undefined => ended.findLast((one) => one.kind === kind);
  switch (step) {
    case undefined:
      return begun(db.pool, request);
    case 'scan':
      return afterScans(db.pool, request, ended);
    case 'judge':
      return afterJudging(task.made, last('judge'));
    case 'prove':
      return afterProving(request, task.made, last('prove'));
    case 'bundle':
      return afterBundle(request, task.made, last('bundle'));
  }
}

/** Bricks on several hosts are read by any of them: by one that is there. */
async function begun(client: Queryable, request: JoinedRequest): Promise<TaskOutcome> {
  const liveHost = await servedOf(client, hostsOf(request.live));
  const scans = scansOf({ ...request, live: { ...request.live, host: liveHost } });
  return { wait: scans, made: { step: 'scan' satisfies Step, liveHost } };
}

function scansOf(request: JoinedRequest): NewTask[] {
  const { live, backups, snapshotsMax, excludes, crossMounts, tz, reread, newState, notGluster, bricksRescued } =
    request;
  const common = { exportFile: null, excludes, crossMounts, tz, reread, notGluster, bricksRescued };
  const task = (host: string, scan: ScanRequest): NewTask => {
    return { host, kind: 'scan', reference: { cwd: '/', stateDir: null, program: request.program, scan } };
  };
  return [
    task(live.host, { ...common, target: live.path, role: 'live', snapshotsMax: null, newState }),
    ...backups.map(({ host, pattern, ...own }) =>
      task(host, { ...common, snapshotsMax, ...own, target: pattern, role: 'backup', newState: false }),
    ),
  ];
}

const SILENT_NEXT =
  'Start a worker there (rollcall worker), and run the same command again: what is known is not read again.';

/** Live must have been looked at now. A backup is judged by what is known of it, where its host says nothing. */
async function afterScans(
  client: Queryable,
  request: JoinedRequest,
  ended: readonly EndedTask[],
): Promise<TaskOutcome> {
  const [live, ...backups] = ended.filter(({ kind }) => kind === 'scan');
  if (live === undefined || backups.length !== request.backups.length)
    throw new Error('what was left is not what has ended');
  const stopped = stopOf(live);
  if (stopped !== null) return { done: stopped };
  const series: JudgedSeries[] = [];
  const incomplete: string[] = [];
  let bytesScanned = saidBy(live)?.bytesRead ?? 0;
  for (const [index, { host, pattern }] of request.backups.entries()) {
    const scan = backups[index];
    const said = scan === undefined ? null : saidBy(scan);
    if (scan !== undefined && said !== null && scan.state === 'done') {
      series.push({ ...said.volume, pattern: `${host}:${pattern}` });
      bytesScanned += said.bytesRead;
      continue;
    }
    const why = scan === undefined ? null : stopOf(scan);
    // A guard, or a pattern that cannot be used: what was typed is to be mended first.
    if (why !== null && why.exit !== EXIT.incomplete) return { done: why };
    const known = await seriesVolumeAt(client, host, pattern);
    if (known === null)
      return { done: silent(host, `Nothing is known yet of the backup ${pattern} there, so nothing was judged.`) };
    series.push({ ...known, pattern: `${host}:${pattern}` });
    incomplete.push(
      `${host} did not answer: snapshots of ${pattern} that came since it was scanned last were not looked at.`,
    );
  }
  const volume = saidBy(live)?.volume;
  if (volume === undefined) throw new Error('a scan that is done says of which volume');
  const scope = { excludes: request.excludes, crossMounts: request.crossMounts };
  const reference: JudgeReference = { volume, series, scope, bytesScanned, incomplete, request };
  return {
    wait: [{ host: null, kind: 'judge', reference: { ...reference } }],
    made: { step: 'judge' satisfies Step, judge: reference },
  };
}

function saidBy({ result }: EndedTask): ScanSaid | null {
  return result !== null && 'said' in result ? (result['said'] as ScanSaid) : null;
}

/** Null where the scan looked at all that it was to look at, or at what it could. */
function stopOf({ host, state, result }: EndedTask): TaskAnswer | null {
  if (result?.['silent'] === true) return silent(host ?? '', 'Nothing was judged: live was not looked at now.');
  if (state === 'done' && result !== null && 'said' in result) return null;
  if (state === 'cancelled') return { exit: EXIT.interrupted, message: 'It was cancelled.', next: null };
  const answer = result as TaskAnswer | null;
  const exit = answer?.exit ?? EXIT.failure;
  return { exit, message: `On ${host}: ${answer?.message ?? 'it failed'}`, next: answer?.next ?? null };
}

function silent(host: string, what: string): TaskAnswer {
  return { exit: EXIT.incomplete, message: `${host} did not answer: no worker serves it. ${what}`, next: SILENT_NEXT };
}

function afterJudging(made: Json, judged: EndedTask | undefined): TaskOutcome {
  const answer = answerOfStep(judged, 'judging');
  if (!('said' in answer)) return { done: answer };
  const { assessment, wantsBundle } = answer['said'] as JudgeSaid;
  const kept = { answer, assessment };
  if (!wantsBundle) return { done: { ...answer, assessment, wantsBundle } };
  const reference: ProveReference = { assessment, judge: made['judge'] as JudgeReference };
  return {
    wait: [{ host: null, kind: 'prove', reference: { ...reference } }],
    made: { step: 'prove' satisfies Step, ...kept },
  };
}

function afterProving(request: JoinedRequest, made: Json, proved: EndedTask | undefined): TaskOutcome {
  const answer = answerOfStep(proved, 'reading the sources');
  const judged = made['answer'] as TaskAnswer;
  const assessment = String(made['assessment']);
  const writes = `${request.program} bundle --assessment ${assessment}`;
  // Found is found, whether or not its sources could be read again.
  if (answer.exit === EXIT.failure || answer.exit === EXIT.guard)
    return {
      done: { ...judged, assessment, wantsBundle: true, message: `${judged.message}; ${answer.message}`, next: writes },
    };
  if (request.out === null) return { done: { ...judged, assessment, wantsBundle: true, next: writes } };
  const { host, directory } = request.out;
  const reference = { assessment, directory, request };
  return { wait: [{ host, kind: 'bundle', reference }], made: { step: 'bundle' satisfies Step } };
}

function afterBundle(request: JoinedRequest, made: Json, written: EndedTask | undefined): TaskOutcome {
  const judged = made['answer'] as TaskAnswer;
  const assessment = String(made['assessment']);
  const answer = answerOfStep(written, 'writing the bundle');
  if ('bundle' in answer)
    return { done: { ...judged, exit: answer.exit, assessment, next: answer.next, bundle: answer['bundle'] } };
  const next = `${request.program} bundle --assessment ${assessment} --out DIR`;
  return {
    done: { ...judged, assessment, message: `${judged.message}; no bundle was written: ${answer.message}`, next },
  };
}

/** The answer of a step, also where it has none of its own. */
function answerOfStep(ended: EndedTask | undefined, what: string): TaskAnswer {
  if (ended === undefined) throw new Error(`nothing of ${what} was left`);
  if (ended.result?.['silent'] === true) return silent(ended.host ?? '', `${what} was left for it.`);
  if (ended.state === 'cancelled') return { exit: EXIT.interrupted, message: 'It was cancelled.', next: null };
  return ended.result as TaskAnswer;
}
