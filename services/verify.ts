// `verify` from end to end: read what was restored, and where the target is the live volume, close its findings.
import { RollcallError } from '../domain/exit.ts';
import type { Database } from './catalog/database.ts';
import { inTransaction } from './catalog/database.ts';
import { markRestored } from './catalog/findings.ts';
import { findVolume } from './catalog/volumes.ts';
import { meaningsOf } from './files/location.ts';
import { type Accepted, refuseGluster } from './files/looking.ts';
import { exists } from './files/snapshots.ts';
import { verifyBundle } from './bundle/verify.ts';
import type { VerifyItem, VerifyResult } from './bundle/verify.ts';
import { isRescued } from './bundle/verify-rescued.ts';

// What the answer is made of.
export { isLeftToPerson, VERIFY_STATUSES } from './bundle/verify.ts';
export { isRescued } from './bundle/verify-rescued.ts';
export type { VerifyItem, VerifyResult, VerifyStatus } from './bundle/verify.ts';

export interface VerifyRequest extends Accepted {
  /** As typed. */
  readonly bundle: string;
  readonly target: string | null;
  readonly cwd: string;
  readonly actor: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, bytesRead: number) => void;
}

export interface Verified {
  readonly result: VerifyResult;
  /** Findings that the proof closed; null where the target is not the live volume, or the catalog does not know it. */
  readonly closed: number | null;
}

/**
 * A bundle stands alone, so the catalog is opened (by `open`) only when there are findings to close.
 * @throws RollcallError for a bundle that is none, was changed, or a target that must not be looked at
 */
export async function verify(request: VerifyRequest, open: () => Promise<Database>): Promise<Verified> {
  const result = await verifyBundle({
    bundleDir: placeOf(request.bundle, request.cwd),
    target: request.target === null ? null : targetOf(request.target, request),
    notGluster: request.notGluster,
    bricksRescued: request.bricksRescued,
    now: request.nowMs,
    signal: request.signal,
    onProgress: request.onProgress,
  });
  // What was hidden on bricks is looked for there, by the next assessment.
  const paths = result.items.filter((item) => isBack(item) && !isRescued(item)).map(({ path }) => path);
  if (!result.isLive || paths.length === 0) return { result, closed: null };
  const db = await open();
  const volume = await findVolume(db.pool, result.volume);
  if (volume === null) return { result, closed: null };
  const closed = await inTransaction(db, (client) =>
    markRestored(client, {
      volumeId: volume.id,
      paths,
      nowMs: request.nowMs(),
      actor: request.actor,
      bundle: result.bundle,
    }),
  );
  return { result, closed };
}

/** Whether a target is there is a lookup by itself. */
function targetOf(argument: string, request: VerifyRequest): string {
  for (const meaning of meaningsOf(argument, request.cwd)) refuseGluster(meaning, request, true);
  return placeOf(argument, request.cwd);
}

/**
 * What was made again and has its old content beside it lacks nothing any more; what was replaced, or cannot be read,
 * is as it was.
 */
function isBack({ status, verdict }: VerifyItem): boolean {
  return status === 'restored' || (status === 'beside' && verdict === 'recreated');
}

function placeOf(argument: string, cwd: string): string {
  if (argument === '') {
    throw new RollcallError('verify was given an empty path.', {
      next: 'Look for a variable that is not set; a dot (.) names the current directory.',
    });
  }
  const meanings = meaningsOf(argument, cwd);
  const place = meanings.find(exists) ?? meanings[0];
  if (place === undefined) throw new RollcallError(`${JSON.stringify(argument)} is not a path.`);
  return place;
}
