// What a serve shows of itself and of what it watches, for Prometheus and for supervisors: made after each tick,
// answered from memory.
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { Database } from '../catalog/database.ts';
import { rollcallEdition } from '../process/edition.ts';
import { openListener } from './listen.ts';
import { createMetrics } from './metrics.ts';
import { pictureOf } from './picture.ts';

export interface Page {
  /** A tick succeeded. Throws nothing: that a page is not made must not hold up what is watched. */
  took(configuration: Configuration | null): Promise<void>;
  /** A tick failed. */
  lost(): Promise<void>;
  close(): Promise<void>;
}

/** @throws RollcallError where the address is refused or taken */
export async function openPage(
  db: Database,
  {
    listen,
    nowMs,
    log,
    onError,
  }: {
    readonly listen: string;
    readonly nowMs: () => number;
    readonly log: (line: string) => void;
    readonly onError: (error: Error) => void;
  },
): Promise<Page> {
  const metrics = await createMetrics(rollcallEdition());
  const listener = await openListener({ address: listen, metrics, nowMs });
  log(`serving /metrics, /healthz and /readyz on ${listener.at}`);
  return {
    async took(configuration) {
      try {
        const atMs = nowMs();
        const picture = configuration === null ? null : await pictureOf(db.pool, configuration, atMs);
        await metrics.take({ picture, atMs });
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)));
        await metrics.lost();
      }
    },
    lost: () => metrics.lost(),
    close: () => listener.close(),
  };
}
