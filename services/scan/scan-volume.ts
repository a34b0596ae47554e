// One scan of one volume, from the beginning or from where an earlier one stopped, to its close.
import type { ScanMode } from '../../domain/scan.ts';
import type { Database } from '../catalog/database.ts';
import { inTransaction } from '../catalog/database.ts';
import { abortScan, beginScan, runningScan } from '../catalog/scans.ts';
import type { BeginScan } from '../catalog/scans.ts';
import { drain } from './drain.ts';
import type { DrainOutcome, Progress } from './drain.ts';
import { RESUME_WITHIN_MS } from './limits.ts';
import type { ThreadPool } from './pool.ts';

/** What every scanning use case is given. */
export interface ScanTools {
  readonly db: Database;
  readonly threads: ThreadPool;
  readonly host: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** phase: what is being scanned, for people. */
  readonly onProgress: (phase: string, progress: Progress) => void;
  /** One line for people: what was continued, left out, or went wrong. */
  readonly onNotice: (text: string) => void;
}

export type NewScan = Omit<BeginScan, 'startedMs'> & { readonly mode: ScanMode };

export interface ScanRun {
  readonly scanId: bigint;
  readonly outcome: DrainOutcome;
  /** Another process had begun it, or an earlier run of this one. */
  readonly joined: boolean;
}

/**
 * Runs `next` (asked again each time, because seq and identity depend on what is complete by then). A scan of the volume that is running is
 * drained first: joined when it is the same kind of scan, else waited for. One without progress for 12 h is aborted; its digests serve the next.
 */
export async function runScan(
  tools: ScanTools,
  volumeId: number,
  phase: string,
  next: () => Promise<NewScan>,
  options: { mayResume: (running: { path: string; mode: ScanMode }) => boolean; keepsForever: boolean },
): Promise<ScanRun> {
  for (;;) {
    const running = await runningScan(tools.db.pool, volumeId);
    if (running !== null) {
      const nowMs = tools.nowMs();
      const stale = !options.keepsForever && nowMs - running.progressedMs > RESUME_WITHIN_MS;
      if (stale || !options.mayResume({ path: running.scan.path, mode: running.scan.mode })) {
        const reason = stale ? 'no progress for 12 hours' : 'what it was scanning is no longer there';
        await inTransaction(tools.db, (client) =>
          abortScan(client, running.scan.id, { reason, keepDigests: true, nowMs }),
        );
        continue;
      }
      tools.onNotice(`${phase}: a scan that began ${new Date(running.scan.startedMs).toISOString()} is continued.`);
      const outcome = await drainHere(tools, running.scan.id, phase);
      if (outcome.outcome === 'aborted') continue;
      return { scanId: running.scan.id, outcome, joined: true };
    }
    const wanted = await next();
    const scanId = await inTransaction(tools.db, (client) =>
      beginScan(client, { ...wanted, startedMs: tools.nowMs() }),
    );
    if (scanId === null) continue;
    return { scanId, outcome: await drainHere(tools, scanId, phase), joined: false };
  }
}

/** What the scans read, whoever read it; 0 for one that another process closed. */
export function bytesReadBy(runs: readonly ScanRun[]): number {
  return runs.reduce((sum, run) => sum + ('totals' in run.outcome ? run.outcome.totals.bytesRead : 0), 0);
}

function drainHere(tools: ScanTools, scanId: bigint, phase: string): Promise<DrainOutcome> {
  return drain({
    db: tools.db,
    threads: tools.threads,
    scanId,
    nowMs: tools.nowMs,
    signal: tools.signal,
    waitForOthers: true,
    onProgress: (progress) => tools.onProgress(phase, progress),
    onFailure: (error) => tools.onNotice(`${phase}: ${error instanceof Error ? error.message : String(error)}`),
  });
}
