// Scans and assessments that are left to a worker: what was typed is checked at once and kept; a worker does the same
// as the command would.
import type { Database } from './catalog/database.ts';
import type { Queryable } from './catalog/scans.ts';
import { type DueTask, leaveTask } from './catalog/tasks.ts';
import { isPattern } from '../domain/snapshot-pattern.ts';
import type { QueueAddress } from './queue/backend.ts';
import type { TaskKind } from './queue/catalogue.ts';
import { openQueue } from './queue/queue.ts';
import { checkBackup, checkInputs, checkLive } from './typed/inputs.ts';
import type { AssessRequest } from './assess.ts';
import type { ScanRequest } from './scan.ts';

export type { DueTask } from './catalog/tasks.ts';

/** Where the command was given: relative paths start from cwd. Plain JSON. */
interface Place {
  readonly cwd: string;
  readonly stateDir: string | null;
  readonly program: string;
}

export type DetachedScan = Place & { readonly scan: ScanRequest };
/** One for each live volume, in the order given. */
export type DetachedAssess = Place & {
  readonly volumes: readonly AssessRequest[];
  /** The directories that bundles go into are made where they are not there. */
  readonly makesParents?: true;
};

export type DetachedWork = ({ readonly kind: 'scan' } & DetachedScan) | ({ readonly kind: 'assess' } & DetachedAssess);

/**
 * Keeps the work for workers on the host.
 * @throws RollcallError for input that assess would refuse, before anything is kept
 */
export async function leave(
  tools: { readonly db: Database; readonly host: string; readonly nowMs: () => number },
  work: DetachedWork,
): Promise<bigint> {
  const { kind, ...reference } = work;
  const { stateDir, cwd } = work;
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
  return leaveTask(tools.db.pool, {
    host: tools.host,
    kind,
    reference,
    parent: null,
    nowMs,
  });
}

/** Keeps a scan of what lies on another host, which is looked at there. */
export function leaveScanOn(
  client: Queryable,
  { host, scan, program, nowMs }: { host: string; scan: ScanRequest; program: string; nowMs: number },
): Promise<bigint> {
  const reference: DetachedScan = { cwd: '/', stateDir: null, program, scan };
  return leaveTask(client, { host, kind: 'scan', reference: { ...reference }, parent: null, nowMs });
}

/** Wakes a worker for it. @returns what stood in the way, null for nothing: workers look for themselves as well */
export async function wakeFor({ id, kind, host }: DueTask, where: QueueAddress): Promise<string | null> {
  const queue = openQueue({ ...where, onError: () => undefined });
  try {
    await queue.wake(host, { kind: kind as TaskKind, id }, 1);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await queue.close();
  }
}
