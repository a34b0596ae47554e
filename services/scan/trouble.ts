// An audit that is stopped leaves word of it: who asks later what is open must not take silence for health.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { brickList, placesIn } from '../../domain/gluster/brick-places.ts';
import { isBricks } from '../../domain/gluster/named.ts';
import type { Database } from '../catalog/database.ts';
import { recordTrouble, type Trouble } from '../catalog/troubles.ts';
import { realWithoutHarm } from '../files/gluster.ts';
import { meaningsOf } from '../files/location.ts';

interface Tools {
  readonly db: Database;
  readonly host: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
}

/**
 * Does the work on what was typed (a path or a pattern, from cwd) and keeps what stopped it with the volume, until an
 * audit of it goes through. A person who interrupts knows of it: that is not kept.
 */
export async function keepingTrouble<T>(
  tools: Tools,
  typed: { readonly target: string; readonly cwd: string },
  work: () => Promise<T>,
): Promise<T> {
  const { target } = typed;
  const paths = isBricks(target) ? [brickList(placesIn(target))] : meaningsOf(target, typed.cwd);
  const where = { host: tools.host, paths: [target, ...paths, ...paths.map(realWithoutHarm)] };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const trouble = tools.signal.aborted ? null : troubleOf(error, tools.nowMs());
    // A database that is gone takes no word of it; why the audit ended is what counts.
    if (trouble !== null) await recordTrouble(tools.db.pool, where, trouble).catch(() => undefined);
    throw error;
  }
  await recordTrouble(tools.db.pool, where, null);
  return result;
}

function troubleOf(error: unknown, atMs: number): Trouble | null {
  if (error instanceof RollcallError) {
    const { exit, message, next } = error;
    return exit === EXIT.interrupted ? null : { atMs, exit, message, next };
  }
  return { atMs, exit: EXIT.failure, message: error instanceof Error ? error.message : String(error), next: null };
}
