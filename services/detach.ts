// Scans and assessments that are left to a worker: what was typed is checked at once and kept; a worker does the same
// as the command would.
import { EXIT, RollcallError, worstExit, type ExitCode } from '../domain/exit.ts';
import { isTransient } from './catalog/advice.ts';
import type { Database } from './catalog/database.ts';
import { leaveRequest, type RequestAnswer, type RequestHolder, type RequestKind } from './catalog/requests.ts';
import type { QueueAddress } from './queue/backend.ts';
import { openQueue } from './queue/queue.ts';
import { bytes, count } from './report/wording.ts';
import { isPattern } from './files/pattern-tokens.ts';
import { checkBackup, checkInputs, checkLive } from './typed/inputs.ts';
import type { ScanTools } from './scan/scan-volume.ts';
import { assess, type AssessRequest } from './assess.ts';
import { scan, type ScanRequest } from './scan.ts';

/** Where the command was given: relative paths start from cwd. Plain JSON. */
interface Place {
  readonly cwd: string;
  readonly stateDir: string | null;
  readonly program: string;
}

export type DetachedWork =
  | (Place & { readonly kind: 'scan'; readonly scan: ScanRequest })
  /** One for each live volume, in the order given. */
  | (Place & { readonly kind: 'assess'; readonly volumes: readonly AssessRequest[] });

/**
 * Keeps the request for workers on the host.
 * @throws RollcallError for input that assess would refuse, before anything is kept
 */
export async function leave(
  tools: { readonly db: Database; readonly host: string; readonly nowMs: () => number },
  work: DetachedWork,
): Promise<bigint> {
  const { kind, stateDir, cwd } = work;
  const nowMs = tools.nowMs();
  if (work.kind === 'assess') {
    for (const volume of work.volumes)
      await checkInputs({ ...volume, limit: volume.snapshotsMax, stateDir, cwd, nowMs });
  } else {
    const { scan: request } = work;
    const nothing = { live: request.target, backups: [], outDir: null };
    const checks = { ...request, ...nothing, limit: request.snapshotsMax, stateDir, cwd, nowMs };
    if (request.role === 'backup' || (request.role === null && isPattern(request.target)))
      await checkBackup(request.target, checks);
    else checkLive(request.target, checks);
  }
  return leaveRequest(tools.db.pool, { host: tools.host, kind, arguments: work, nowMs });
}

/** Wakes a worker for it. @returns what stood in the way, null for nothing: workers look for themselves as well */
export async function wakeFor(id: bigint, where: QueueAddress & { readonly host: string }): Promise<string | null> {
  const queue = openQueue({ ...where, onError: () => undefined });
  try {
    await queue.ask(id);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await queue.close();
  }
}

/** A request that failed this often for another reason than its input or a guard is answered with the failure. */
const ATTEMPTS_MAX = 3;

export interface DetachedTools extends ScanTools {
  readonly owners: ReadonlyMap<number, string>;
}

/**
 * Does one request, if it is still to be done, and keeps the answer. What the operator can help with (RollcallError) is
 * an answer; an interruption or another failure gives the request back, until it was tried ATTEMPTS_MAX times.
 * @returns the answer; null when another worker has it, or it was given back
 */
export async function runRequest(
  tools: DetachedTools,
  holder: RequestHolder,
  id: bigint,
): Promise<{ readonly kind: RequestKind; readonly answer: RequestAnswer } | null> {
  const taken = await holder.take(id);
  if (taken === null) return null;
  try {
    const answer = await answerTo(tools, taken.arguments as DetachedWork);
    await holder.finish(id, answer, tools.nowMs());
    return { kind: taken.kind, answer };
  } catch (error) {
    const interrupted = tools.signal.aborted || (error instanceof RollcallError && error.exit === EXIT.interrupted);
    // A database that went away is no answer, with whatever advice it is told.
    const comesBack = !(error instanceof RollcallError) || isTransient(error.cause);
    if (interrupted || (comesBack && taken.attempts < ATTEMPTS_MAX)) {
      await holder.giveBack(id);
      if (!interrupted) throw error;
      return null;
    }
    const answer = failure(error);
    await holder.finish(id, answer, tools.nowMs());
    return { kind: taken.kind, answer };
  }
}

function failure(error: unknown): RequestAnswer {
  if (error instanceof RollcallError)
    return { exit: error.exit, message: error.message, next: error.next, bundle: null };
  const message = error instanceof Error ? error.message : String(error);
  return { exit: EXIT.failure, message, next: null, bundle: null };
}

async function answerTo(tools: DetachedTools, work: DetachedWork): Promise<RequestAnswer> {
  const at = { ...tools, cwd: work.cwd, stateDir: work.stateDir, program: work.program, onPlan: () => undefined };
  if (work.kind === 'scan') {
    const { volume, totals, gaps } = await scan(at, work.scan);
    const incomplete = gaps.some((gap) => gap.status !== 'boundary');
    return {
      exit: incomplete ? EXIT.incomplete : EXIT.nothing,
      message: `${volume}: ${count(totals.files)} files, ${bytes(totals.bytes)}`,
      next: null,
      bundle: null,
    };
  }
  const said: string[] = [];
  const bundles: string[] = [];
  const exits: ExitCode[] = [];
  for (const volume of work.volumes) {
    const { assessment, bundle, exit } = await assess(at, volume);
    exits.push(exit);
    said.push(`${assessment.volume}: not intact: ${count(assessment.findings.length)}`);
    if (bundle !== null) bundles.push(bundle.directory);
  }
  return {
    exit: worstExit(exits),
    message: said.join('; '),
    next: `${work.program} findings`,
    bundle: bundles.length === 0 ? null : bundles.join(', '),
  };
}
