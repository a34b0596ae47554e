// What `rollcall worker` does: takes jobs from the queue, and looks into the catalog by itself, so that no lost job and
// no lost queue leaves a scan lying.
import { EXIT, type ExitCode } from '../domain/exit.ts';
import { runRequest } from './detach.ts';
import { openPool } from './catalog/database.ts';
import { openRequestHolder, requestsToRun } from './catalog/requests.ts';
import { scansToDrain } from './catalog/to-drain.ts';
import { ownersOfMachine } from './process/owners.ts';
import { limitReading } from './process/pace.ts';
import { WAKE_EVERY_MS } from './queue/catalogue.ts';
import type { QueueAddress } from './queue/backend.ts';
import { openQueue } from './queue/queue.ts';
import { openWorker } from './queue/worker.ts';
import { drain } from './scan/drain.ts';
import { RESUME_WITHIN_MS } from './scan/limits.ts';
import { threadsAllowed } from './scan/pool.ts';
import { openSlots, told } from './scan/slots.ts';

export interface WorkerOptions {
  /** Of the catalog, which is migrated; a queue without redisUrl lies beside it. */
  readonly address: NonNullable<QueueAddress['address']>;
  readonly redisUrl: string | null;
  /** Whose roots are read: the name that the scans of this machine were begun with. */
  readonly host: string;
  /** Shards that are done at once, one thread each, as far as memory allows; null for one per core. */
  readonly slots: number | null;
  /** Bytes that are read in a second, over all slots; null for no limit. */
  readonly bytesPerSecond: number | null;
  /** How often the catalog is looked into; WAKE_EVERY_MS unless given. */
  readonly lookEveryMs?: number;
  /** End when nothing is left to do. */
  readonly once: boolean;
  readonly nowMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** Ends the work in order when it fires. */
  readonly signal: AbortSignal;
}

/** Each phase of the end has its own bound: whatever hangs, a service manager does not have to kill. */
const STOP_MS = { jobs: 20_000, threads: 5_000, queue: 6_000, catalog: 5_000 } as const;

/**
 * Works until the signal fires (then 0), with `once` until nothing is left to do, or until no thread is left (then 2,
 * loudly).
 */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  const { log, host, nowMs } = options;
  const where = options.redisUrl === null ? { address: options.address } : { redisUrl: options.redisUrl };
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
  // For this thread, too, which reads when it judges and writes bundles.
  const pace = limitReading(options.bytesPerSecond);
  // Each slot opens a thread of its own, and none of them sees the others.
  const count = threadsAllowed(options.slots ?? undefined);
  const slots = openSlots({ address: options.address, count, pace, log, onNoneLeft });
  const onError = quietly(log, nowMs);
  const queue = openQueue({ ...where, host, onError });
  const bell = newBell(stop.signal);

  const drainScan = async (scanId: bigint, signal: AbortSignal): Promise<void> => {
    await slots.use(`scan ${scanId}`, signal, async (threads) => {
      const { outcome } = await drain({
        db,
        threads,
        scanId,
        host,
        nowMs,
        signal,
        waitForOthers: false,
        onProgress: () => undefined,
        onFailure: (error) => log(`scan ${scanId}: a shard failed: ${told(error)}`),
      });
      if (outcome === 'complete' || outcome === 'unchanged') log(`scan ${scanId}: ${outcome}`);
    });
  };

  const request = async (id: bigint, signal: AbortSignal): Promise<void> => {
    await slots.use(`request ${id}`, signal, async (threads) => {
      const holder = await openRequestHolder(options.address);
      // With each scan that begins there is work for the other slots, here and in other workers.
      let doing = '';
      const onProgress = (phase: string): void => {
        if (phase !== doing) bell.ring();
        doing = phase;
      };
      try {
        const onNotice = (text: string): void => log(`request ${id}: ${text}`);
        const tools = { db, threads, host, nowMs, signal, onProgress, onNotice, owners: ownersOfMachine() };
        const done = await runRequest(tools, holder, id);
        if (done === null) return;
        const { exit: code, message, next, bundle } = done.answer;
        const more = [bundle === null ? '' : ` Bundle: ${bundle}.`, next === null ? '' : ` Next: ${next}`].join('');
        log(
          `request ${id} (${done.kind}) ended with exit code ${code}: ${message}${message.endsWith('.') ? '' : '.'}${more}`,
        );
      } finally {
        await holder.close();
      }
    });
  };

  const handlers = {
    'drain-scan': ({ scanId }: { scanId: bigint }, signal: AbortSignal) => drainScan(scanId, signal),
    'run-request': ({ requestId }: { requestId: bigint }, signal: AbortSignal) => request(requestId, signal),
  };
  const worker = openWorker({ ...where, host, slots: count, handlers, onError });
  const own = new Set<Promise<void>>();

  /** Wakes the host for it; without a queue it is done from here. */
  const see = async (wake: Promise<number>, work: () => Promise<void>): Promise<void> => {
    try {
      await wake;
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
      if (slots.free() === 0 || stop.signal.aborted) return;
      const running = work().finally(() => own.delete(running));
      own.add(running);
    }
  };

  /**
   * What jobs should have told: every request and every scan with something to do.
   * @returns whether there was anything
   */
  const look = async (): Promise<boolean> => {
    const requests = await requestsToRun(db.pool, host);
    for (const id of requests) await see(queue.ask(id), () => request(id, stop.signal));
    const scans = await scansToDrain(db.pool, { host, liveSinceMs: nowMs() - RESUME_WITHIN_MS });
    for (const { scanId, shards } of scans) {
      const wanted = Math.min(count, Math.max(1, shards));
      await see(queue.wake(scanId, wanted), () => drainScan(scanId, stop.signal));
    }
    return requests.length + scans.length > 0;
  };

  log(`worker on ${host}: ${count} slots, queue on ${options.redisUrl === null ? 'Postgres' : 'Redis'}`);
  while (!stop.signal.aborted) {
    try {
      const found = await look();
      if (options.once && !found && slots.busy() === 0 && own.size === 0) break;
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)));
    }
    await bell.pause(options.once ? ONCE_LOOK_MS : (options.lookEveryMs ?? WAKE_EVERY_MS));
  }

  log('stopping: no new work; running work returns to the queue');
  stop.abort();
  if (!(await worker.close(STOP_MS.jobs))) log('some work did not end in time; its leases run out by themselves');
  await within(STOP_MS.jobs, Promise.all(own));
  await within(STOP_MS.threads, slots.close());
  await within(STOP_MS.queue, queue.close());
  await within(STOP_MS.catalog, db.close());
  return exit;
}

/** Somebody waits for a worker that ends by itself. */
const ONCE_LOOK_MS = 500;

interface Bell {
  /** Ends the pause that is on, or the next one at once. */
  ring(): void;
  pause(ms: number): Promise<void>;
}

function newBell(signal: AbortSignal): Bell {
  let rung = false;
  let wake: (() => void) | null = null;
  signal.addEventListener('abort', () => wake?.());
  return {
    ring() {
      rung = true;
      wake?.();
    },
    async pause(ms) {
      if (!rung && !signal.aborted) {
        let timer: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
          timer = setTimeout(resolve, ms);
        });
        clearTimeout(timer);
        wake = null;
      }
      rung = false;
    },
  };
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

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
