// The worker: takes jobs from the queue, and looks into the catalog by itself, so that no lost job and no lost queue leaves a scan lying.
import { EXIT, type ExitCode } from '../domain/exit.ts';
import { openPool } from '../services/catalog/database.ts';
import { scansToDrain } from '../services/catalog/to-drain.ts';
import { WAKE_EVERY_MS } from '../services/queue/catalogue.ts';
import type { WorkerSettings } from '../services/queue/process.ts';
import { openQueue } from '../services/queue/queue.ts';
import { openWorker } from '../services/queue/worker.ts';
import { RESUME_WITHIN_MS } from '../services/scan/limits.ts';
import { openSlots } from './slots.ts';

/** The settings as they come from the process that started the worker, and what they are used with. */
export interface WorkerOptions extends WorkerSettings {
  readonly nowMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** Ends the work in order when it fires. */
  readonly signal: AbortSignal;
}

/** Each phase of the end has its own bound: whatever hangs, a service manager does not have to kill. */
const STOP_MS = { drains: 20_000, threads: 5_000, queue: 6_000, catalog: 5_000 } as const;

/**
 * Works until the signal fires (then 0), or until no thread is left (then 2, loudly). The database must be migrated.
 * Throws RollcallError when the queue cannot be opened at all.
 */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  const { log, host, nowMs } = options;
  const where = options.redisUrl === undefined ? { address: options.address } : { redisUrl: options.redisUrl };
  const db = openPool(options.address, { applicationName: 'rollcall worker' });
  const stop = new AbortController();
  let exit: ExitCode = EXIT.nothing;
  const onNoneLeft = (): void => {
    log('no thread is left: the storage does not answer. Look at dmesg and findmnt; this worker ends.');
    exit = EXIT.failure;
    stop.abort();
  };
  if (options.signal.aborted) stop.abort();
  options.signal.addEventListener('abort', () => stop.abort(), { once: true });
  const slots = openSlots({ db, count: options.slots, nowMs, log, onNoneLeft });
  const onError = quietly(log, nowMs);
  const queue = openQueue({ ...where, host, onError });
  const handlers = {
    'drain-scan': ({ scanId }: { scanId: bigint }, signal: AbortSignal) => slots.drain(scanId, signal),
  };
  const worker = openWorker({ ...where, host, slots: options.slots, handlers, onError });
  const ownDrains = new Set<Promise<void>>();

  /** What jobs should have told: every scan with something to do, woken again; without a queue it is drained from here. */
  const look = async (): Promise<void> => {
    const liveSinceMs = nowMs() - RESUME_WITHIN_MS;
    for (const { scanId, shards } of await scansToDrain(db.pool, { host, liveSinceMs })) {
      if (stop.signal.aborted) return;
      try {
        await queue.wake(scanId, Math.min(options.slots, Math.max(1, shards)));
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)));
        if (slots.free() === 0) return;
        const own = slots.drain(scanId, stop.signal).finally(() => ownDrains.delete(own));
        ownDrains.add(own);
      }
    }
  };

  log(`worker on ${host}: ${options.slots} slots, queue on ${options.redisUrl === undefined ? 'Postgres' : 'Redis'}`);
  while (!stop.signal.aborted) {
    await look().catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))));
    await pause(options.lookEveryMs ?? WAKE_EVERY_MS, stop.signal);
  }

  log('worker ends: no more work is taken, what runs is given back');
  const left = await worker.close(STOP_MS.drains);
  if (!left) log('some drains did not end in time; their leases run out by themselves');
  await within(STOP_MS.drains, Promise.all(ownDrains));
  await within(STOP_MS.threads, slots.close());
  await within(STOP_MS.queue, queue.close());
  await within(STOP_MS.catalog, db.close());
  return exit;
}

/** The same trouble (a database that is away) is told once a minute, not with every try. */
function quietly(log: (line: string) => void, nowMs: () => number): (error: Error) => void {
  const toldAtMs = new Map<string, number>();
  return (error) => {
    const { cause } = error;
    const line = cause instanceof Error && cause.message !== '' ? `${error.message} (${cause.message})` : error.message;
    if (nowMs() - (toldAtMs.get(line) ?? Number.NEGATIVE_INFINITY) < 60_000) return;
    if (toldAtMs.size > 100) toldAtMs.clear();
    toldAtMs.set(line, nowMs());
    log(line === '' ? error.name : line);
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
