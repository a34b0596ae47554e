// Waiting for the catalog before a worker begins: it starts when it starts, whatever else does not yet.
import { setTimeout as pause } from 'node:timers/promises';
import { type DatabaseAddress, openPool } from '../catalog/database.ts';
import { migrate } from '../catalog/migrate.ts';
import { workersOfOtherVersions } from '../catalog/workers.ts';
import { rollcallEdition } from '../process/edition.ts';
import { isDelay } from './delay.ts';
import { quietly } from './loop.ts';

const CATALOG_AGAIN_MS = 2_000;

/**
 * Waits for a catalog that is away, and for workers of an older version to end before it is migrated: they would write
 * what the new one does not take.
 *
 * @returns null where the signal came first
 * @throws RollcallError for what waiting does not mend: a wrong password, a catalog that is newer
 */
export async function waitForCatalog(
  address: DatabaseAddress,
  {
    log,
    signal,
    nowMs,
  }: { readonly log: (line: string) => void; readonly signal: AbortSignal; readonly nowMs: () => number },
): Promise<DatabaseAddress | null> {
  const onError = quietly(log, nowMs);
  while (!signal.aborted) {
    const db = openPool(address, { applicationName: 'rollcall worker', connectionsMax: 1 });
    try {
      const others = await workersOfOtherVersions(db, rollcallEdition());
      if (others.length === 0) {
        await migrate(db);
        return address;
      }
      onError(
        new Error(
          `the catalog waits to be migrated until these workers have ended or are updated: ${others.join(', ')}`,
        ),
      );
    } catch (error) {
      if (!isDelay(error)) throw error;
      onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      await db.close();
    }
    await pause(CATALOG_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}
