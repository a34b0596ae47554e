// The end of a scan: another look at what moved, the guards, the close.
import type { Connection } from '../catalog/database.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { analyzeAfter, closeScan } from '../catalog/close.ts';
import type { ScanTotals } from '../catalog/close.ts';
import { mayHaveMoved } from '../catalog/contribution.ts';
import { abortScan, askRelist, relistTarget, topLevelLoss } from '../catalog/scans.ts';
import type { ScanContext, ScanState } from '../catalog/scans.ts';
import { identifyRoot, identityDifference, isIdentity } from '../files/identity.ts';
import type { RootIdentity } from '../files/identity.ts';
import { RELIST_ROUNDS } from './limits.ts';

export type FinishOutcome =
  | { readonly outcome: 'complete'; readonly totals: ScanTotals }
  | { readonly outcome: 'unchanged'; readonly totals: ScanTotals }
  /** Another process closed it. */
  | { readonly outcome: 'closed by another' }
  | { readonly outcome: 'aborted'; readonly reason: string };

/** @returns 'relist' when a further round of listing was added for the caller to drain */
export async function finishScan(
  client: Connection,
  context: ScanContext,
  state: ScanState,
  nowMs: () => number,
): Promise<FinishOutcome | 'relist'> {
  if (state.state === 'aborted') return { outcome: 'aborted', reason: state.reason ?? 'unknown' };
  if (state.state === 'complete') return { outcome: 'closed by another' };
  if (context.role === 'live' && state.relistRound <= RELIST_ROUNDS && (await mayHaveMoved(client, context))) {
    if (await askRelist(client, context.scanId, state.relistRound)) return 'relist';
  }
  await guard(client, context, nowMs());
  const identity = context.layout === 'tree' ? context.identity : null;
  const closed = await closeScan(client, context, {
    nowMs: nowMs(),
    identity,
    relistOf: await relistTarget(client, context.scanId),
  });
  if (closed.outcome === 'already closed') return { outcome: 'closed by another' };
  await analyzeAfter(client, closed.totals);
  return closed;
}

/** Rule 3: an empty or swapped volume is not a loss. The scan is quarantined; nothing ends. */
async function guard(client: Connection, context: ScanContext, nowMs: number): Promise<void> {
  const reason = rootMoved(context) ?? (await emptied(client, context));
  if (reason === null) return;
  await abortScan(client, context.scanId, { reason: `quarantined: ${reason}`, keepDigests: true, nowMs });
  throw new RollcallError(`${context.path}: ${reason}. The scan is quarantined: nothing was concluded from it.`, {
    exit: EXIT.guard,
    next: 'Check that the right file system is mounted there (findmnt). If this is the new state of the volume, accept it: rollcall volumes rebase PATH --reason "…"',
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
