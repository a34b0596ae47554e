// Waking workers: the side of the queue that puts jobs in.
import { openJobQueue, type JobQueue, type QueueAddress } from './backend.ts';
import { CATALOGUE, WAITING_MAX, WAKE_LIMIT_MS, type JobName } from './catalogue.ts';
import { RollcallError } from '../../domain/exit.ts';

export interface QueueOptions extends QueueAddress {
  /** The host whose workers are woken: only they can read its roots. */
  readonly host: string;
  /** Told of every lost connection; the queue itself connects again. */
  readonly onError: (error: Error) => void;
  /** WAKE_LIMIT_MS unless given. */
  readonly limitMs?: number;
}

export interface WakeQueue {
  /**
   * Sees to it that as many jobs wait for this scan as there are slots, under fresh ids; jobs that are being worked on
   * do not count. Returns how many were added. Throws RollcallError when the queue cannot be reached within
   * WAKE_LIMIT_MS: the work stays in Postgres.
   */
  wake(scanId: bigint, slots: number): Promise<number>;
  /** The same for a request, which one worker runs. */
  ask(requestId: bigint): Promise<number>;
  close(): Promise<void>;
}

export function openQueue(options: QueueOptions): WakeQueue {
  const limitMs = options.limitMs ?? WAKE_LIMIT_MS;
  const queue = openJobQueue(options, options.host, options.onError);
  return {
    wake: (scanId, slots) =>
      within(limitMs, add(queue, 'drain-scan', CATALOGUE['drain-scan'].encode({ scanId }), slots)),
    ask: (requestId) => within(limitMs, add(queue, 'run-request', CATALOGUE['run-request'].encode({ requestId }), 1)),
    close: () => within(limitMs, queue.close()).catch(options.onError),
  };
}

async function add(queue: JobQueue, name: JobName, data: Record<string, string>, count: number): Promise<number> {
  const waiting = await queue.waiting(WAITING_MAX);
  const mine = waiting.filter((other) => JSON.stringify(other) === JSON.stringify(data)).length;
  const wanted = waiting.length >= WAITING_MAX ? 0 : Math.max(0, count - mine);
  if (wanted > 0) await queue.add(name, data, wanted);
  return wanted;
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (cause) {
    throw new RollcallError('The queue cannot be reached; the work stays recorded in Postgres.', {
      cause,
      next: 'Check REDIS_URL or DATABASE_URL; a running `rollcall worker` finds the work by itself within half a minute.',
    });
  } finally {
    clearTimeout(timer);
  }
}
