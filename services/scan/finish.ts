// The end of a scan: another look at what moved, the guards, the close.
import type { Connection, Database } from '../catalog/database.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { analyzeAfter, closeScan, SumsDiffer } from '../catalog/close.ts';
import type { ScanTotals } from '../catalog/close.ts';
import { mayHaveMoved } from '../catalog/contribution.ts';
import { giveUpScan } from '../catalog/abort-scan.ts';
import { askRelist, relistTarget, scanState, topLevelLoss } from '../catalog/scans.ts';
import type { ScanContext } from '../catalog/scan-context.ts';
import type { ScanState } from '../catalog/scans.ts';
import { identifyRoot, identityDifference, isIdentity } from '../files/identity.ts';
import type { RootIdentity } from '../files/identity.ts';
import { type AskingTools, askingHosts } from './asking-hosts.ts';
import { RELIST_ROUNDS } from './limits.ts';

/** How a scan ended, for this process. */
export type FinishOutcome =
  | { readonly outcome: 'complete'; readonly totals: ScanTotals }
  | { readonly outcome: 'unchanged'; readonly totals: ScanTotals }
  /** Another process closed it; what was counted, null where nothing had changed. */
  | { readonly outcome: 'closed by another'; readonly totals: ScanTotals | null }
  | { readonly outcome: 'aborted'; readonly reason: string };

export interface Finish {
  readonly db: Database;
  readonly client: Connection;
  readonly context: ScanContext;
  readonly nowMs: () => number;
  /** Of the drain: a volume of several hosts is identified by all of them. */
  readonly asking?: AskingTools;
}

/** @returns 'relist' when there is more to drain: a further round of listing was added, here or by another process */
export async function finishScan(finish: Finish, state: ScanState): Promise<FinishOutcome | 'relist'> {
  const { client, context, nowMs } = finish;
  if (state.state !== 'running') return endedElsewhere(state);
  const rounds = context.role === 'live' ? RELIST_ROUNDS : 0;
  if (state.relistRound <= rounds && (await mayHaveMoved(client, context))) {
    if (await askRelist(client, context.scanId, state.relistRound)) return 'relist';
    if ((await scanState(client, context.scanId)).openShards > 0) return 'relist';
  }
  await guard(finish);
  const identity = context.layout === 'snapshots' ? null : context.identity;
  const relistOf = await relistTarget(client, context.scanId);
  const closed = await closing(finish, () => closeScan(client, context, { nowMs: nowMs(), identity, relistOf }));
  if (closed.outcome === 'already closed') {
    const now = await scanState(client, context.scanId);
    return now.state === 'running' ? 'relist' : endedElsewhere(now);
  }
  await analyzeAfter(client, closed.totals);
  return closed;
}

/** An aborted scan concluded nothing: whoever takes it for a complete one would judge by the scan before it. */
export function endedElsewhere({ state, reason, totals }: ScanState): FinishOutcome {
  if (state === 'aborted') return { outcome: 'aborted', reason: reason ?? 'unknown' };
  return { outcome: 'closed by another', totals: totals as ScanTotals | null };
}

/**
 * Sums that differ would differ again: the scan is given up, so that the next one begins anew instead of meeting them
 * for ever.
 */
async function closing<T>({ db, context, nowMs }: Finish, close: () => Promise<T>): Promise<T> {
  try {
    return await close();
  } catch (error) {
    if (!(error instanceof SumsDiffer)) throw error;
    await giveUpScan(db, context.scanId, { reason: error.message, nowMs: nowMs() });
    throw new RollcallError(`the sums of a scan do not add up, and nothing was concluded from it: ${error.message}`, {
      next: 'run the same command again: it starts over. If this happens again, it is a bug in Rollcall: report it with this message',
      cause: error,
    });
  }
}

/** An empty or swapped volume is not a loss (docs/design.md#rule-3). The scan is quarantined; nothing ends. */
async function guard({ db, client, context, nowMs, asking }: Finish): Promise<void> {
  const moved = await askingHosts(asking ?? { host: '' }, context.path, () => rootMoved(context));
  const reason = moved ?? (await emptied(client, context));
  if (reason === null) return;
  await giveUpScan(db, context.scanId, { reason: `quarantined: ${reason}`, nowMs: nowMs() });
  throw new RollcallError(`${context.path}: ${reason}. The scan is quarantined: nothing was concluded from it.`, {
    exit: EXIT.guard,
    next: `Check that the right file system is mounted there (findmnt). If this is the new state of the volume, ${
      moved === null
        ? 'run the same command once with --new-state'
        : 'accept it: rollcall volumes rebase PATH --reason "…"'
    }.`,
  });
}

function rootMoved(context: ScanContext): string | null {
  if (!isIdentity(context.identity)) return null;
  let now: RootIdentity;
  try {
    now = identifyRoot(context.path, context.identity.enteredMounts);
  } catch (error) {
    if (error instanceof RollcallError) return error.message;
    throw error;
  }
  return identityDifference(context.identity, now);
}

async function emptied(client: Connection, context: ScanContext): Promise<string | null> {
  if (context.role !== 'live' || context.newState) return null;
  const loss = await topLevelLoss(client, context);
  if (loss.known === 0 || loss.gone < loss.known) return null;
  return `none of the ${loss.known} names that were known at its top are there any more`;
}
