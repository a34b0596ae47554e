// One scan of one volume, from the beginning or from where an earlier one stopped, to its close.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { ScanTotals } from '../catalog/close.ts';
import type { Connection, Database } from '../catalog/database.ts';
import type { Debug } from '../process/debug.ts';
import { usedBelow } from '../files/used.ts';
import { inTransaction } from '../catalog/database.ts';
import { giveUpScan } from '../catalog/abort-scan.ts';
import { beginScan, filesOfLastScan, runningScan, scanState } from '../catalog/scans.ts';
import type { BeginScan, RunningScan } from '../catalog/scans.ts';
import { drain, type DrainOutcome } from './drain.ts';
import type { Progress } from './flight.ts';
import { interrupted } from './interrupted.ts';
import { ENDS_WITHIN_MS, RESUME_WITHIN_MS } from './limits.ts';
import type { Leases } from './limits.ts';
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
  /** Of a worker, whose slots share the shards of a scan (DrainOptions). */
  readonly shared?: {
    readonly share: (client: Connection, scanId: bigint) => Promise<number>;
    readonly onFull: () => void;
  };
  /** LEASES unless given. */
  readonly leases?: Leases;
  readonly debug?: Debug;
}

export type NewScan = Omit<BeginScan, 'startedMs'> & { readonly mode: ScanMode };

export interface ScanRun {
  readonly scanId: bigint;
  readonly outcome: DrainOutcome;
  /**
   * The scan as it was found running: another process had begun it, or an earlier run of this one. Null for one that
   * was begun here.
   */
  readonly joined: RunningScan | null;
}

/**
 * A running scan is joined, waited for or aborted. 'wanted': one of those that are to be made, so that it is continued;
 * 'other', begun with other options, so that it is waited for while somebody is at work on it, and else aborted;
 * 'gone', of a state that is no longer on disk.
 */
export type Standing = 'wanted' | 'other' | 'gone';

/** Begins of a scan in a row that other processes abort. */
const ABORTED_MAX = 3;

const MODE_RANK: Readonly<Record<ScanMode, number>> = { list: 0, read: 1, reread: 2 };

export function looksAsCloselyAs(mode: ScanMode, wanted: ScanMode): boolean {
  return MODE_RANK[mode] >= MODE_RANK[wanted];
}

/** Whether a running scan looks at all that is wanted, and as closely. */
export function servesAs(
  running: RunningScan,
  wanted: { mode: ScanMode; scope: ScopeRules; newState: boolean },
): boolean {
  const { scope } = running;
  return (
    looksAsCloselyAs(running.scan.mode, wanted.mode) &&
    running.newState === wanted.newState &&
    scope.crossMounts === wanted.scope.crossMounts &&
    scope.excludes.length === wanted.scope.excludes.length &&
    scope.excludes.every((pattern, at) => pattern === wanted.scope.excludes[at])
  );
}

export interface RunOptions {
  /** The scan that is wanted; null where nothing is left to do. */
  readonly next: () => Promise<NewScan | null>;
  /** What becomes of a scan of the volume that is running. */
  readonly standingOf: (running: RunningScan) => Standing;
  /** False for a live tree, which moves on: a scan that stood still for long is aborted. */
  readonly keepsForever: boolean;
}

/**
 * Runs `next` (asked again each time, because seq and identity depend on what is complete by then). A scan of the
 * volume that is running comes first, as `standingOf` says. Null when `next` finds nothing left to do. One without
 * progress for 12 h is aborted; its digests serve the next.
 * @throws RollcallError when a guard stops the scan (exit 4) or the command is interrupted (130)
 */
export async function runScan(
  tools: ScanTools,
  volumeId: number,
  phase: string,
  options: RunOptions,
): Promise<ScanRun | null> {
  let aborted = 0;
  for (;;) {
    if (tools.signal.aborted) throw interrupted();
    const running = await runningScan(tools.db.pool, volumeId);
    if (running === null) {
      const wanted = await options.next();
      if (wanted === null) return null;
      const scanId = await inTransaction(tools.db, (client) =>
        beginScan(client, { ...wanted, startedMs: tools.nowMs() }),
      );
      if (scanId === null) continue;
      const place = { id: scanId, path: wanted.roots[0]?.path ?? '', relistOf: wanted.relistOf };
      const outcome = await drainHere(tools, volumeId, place, phase);
      if (outcome.outcome !== 'aborted') return { scanId, outcome, joined: null };
      if (++aborted >= ABORTED_MAX) throw abortedByAnother(phase, outcome.reason);
      continue;
    }
    const { scan } = running;
    const nowMs = tools.nowMs();
    const stale = !options.keepsForever && nowMs - running.progressedMs > RESUME_WITHIN_MS;
    const standing = options.standingOf(running);
    // Whoever ends a scan holds no shard of it any more.
    const attended = running.attended || (running.openShards === 0 && nowMs - running.progressedMs < ENDS_WITHIN_MS);
    if (stale || standing === 'gone' || (standing === 'other' && !attended)) {
      const reason = stale ? 'no progress for 12 hours' : WHY_ABORTED[standing];
      await giveUpScan(tools.db, scan.id, { reason, nowMs });
      continue;
    }
    const began = new Date(scan.startedMs).toISOString();
    tools.onNotice(
      standing === 'wanted'
        ? `${phase}: continuing the scan that began ${began}.`
        : `${phase}: another run has been scanning this volume since ${began}; this run helps it, then scans itself.`,
    );
    const outcome = await drainHere(tools, volumeId, { ...scan, relistOf: running.relistOf }, phase);
    if (outcome.outcome !== 'aborted' && standing === 'wanted') return { scanId: scan.id, outcome, joined: running };
    if (outcome.outcome === 'aborted' && ++aborted >= ABORTED_MAX) throw abortedByAnother(phase, outcome.reason);
  }
}

const WHY_ABORTED: Readonly<Record<Standing, string>> = {
  wanted: 'given up',
  other: 'it was started with other options, and is not running',
  gone: 'what it was scanning is no longer there',
};

function abortedByAnother(phase: string, reason: string): RollcallError {
  return new RollcallError(`${phase}: another process gave the scan up: ${reason}`, {
    exit: reason.startsWith('quarantined') ? EXIT.guard : EXIT.failure,
    next: 'Run the command again when no other run uses this volume.',
  });
}

/** What a scan counted, whoever closed it; null where it counted nothing. */
export function totalsOf({ outcome }: ScanRun): ScanTotals | null {
  return 'totals' in outcome ? outcome.totals : null;
}

/** What the scans read, whoever read it. */
export function bytesReadBy(runs: readonly ScanRun[]): number {
  return runs.reduce((sum, run) => sum + (totalsOf(run)?.bytesRead ?? 0), 0);
}

async function drainHere(
  tools: ScanTools,
  volumeId: number,
  scan: { readonly id: bigint; readonly path: string; readonly relistOf: bigint | null },
  phase: string,
): Promise<DrainOutcome> {
  const outcome = await drainOf(tools, volumeId, scan, phase);
  if (outcome.outcome !== 'closed by another' || outcome.totals !== null || scan.relistOf === null) return outcome;
  // Nothing had changed: it became part of the scan that it looked at again, which has met the same.
  const totals = (await scanState(tools.db.pool, scan.relistOf)).totals as ScanTotals | null;
  return { ...outcome, totals: totals === null ? null : { ...totals, bytesRead: 0 } };
}

async function drainOf(
  tools: ScanTools,
  volumeId: number,
  scan: { readonly id: bigint; readonly path: string },
  phase: string,
): Promise<DrainOutcome> {
  const { shared } = tools;
  const filesExpected = await filesOfLastScan(tools.db.pool, volumeId);
  const atMost = filesExpected === null ? usedBelow(scan.path) : null;
  return drain({
    db: tools.db,
    threads: tools.threads,
    scanId: scan.id,
    host: tools.host,
    nowMs: tools.nowMs,
    signal: tools.signal,
    waitForOthers: true,
    ...(shared === undefined ? {} : { share: (client) => shared.share(client, scan.id), onFull: shared.onFull }),
    ...(tools.leases === undefined ? {} : { leases: tools.leases }),
    ...(tools.debug === undefined ? {} : { debug: tools.debug }),
    onProgress: (progress) => tools.onProgress(phase, { ...progress, filesExpected, atMost }),
    onFailure: (error) => tools.onNotice(`${phase}: ${error instanceof Error ? error.message : String(error)}`),
  });
}
