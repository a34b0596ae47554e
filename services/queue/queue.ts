// Waking workers: the side of the queue that puts jobs in.
import { redisAdvice, redisTrouble } from './advice.ts';
import { openJobQueue, type JobQueue, type QueueAddress } from './backend.ts';
import { encodeJob, queueOf, TICK, TICK_EVERY_MS, WAITING_MAX, WAKE_LIMIT_MS, type Job } from './catalogue.ts';
import { RollcallError } from '../../domain/exit.ts';
import { within } from '../process/within.ts';

export interface QueueOptions extends QueueAddress {
  /** Told of every lost connection; the queue itself connects again. */
  readonly onError: (error: Error) => void;
  /** WAKE_LIMIT_MS unless given. */
  readonly limitMs?: number;
}

export interface WakeQueue {
  /**
   * Sees to it that as many jobs wait for this piece of work, under fresh ids; jobs that are being worked on do not
   * count. Returns how many were added. Throws RollcallError when the queue cannot be reached within WAKE_LIMIT_MS: the
   * work stays in Postgres.
   *
   * @param host whose workers are woken; null for any
   */
  wake(host: string | null, job: Job, jobs: number): Promise<number>;
  /**
   * Sees to it that a tick is added each minute: a queue that was emptied does so again. Throws as wake does.
   */
  tickEachMinute(): Promise<void>;
  close(): Promise<void>;
}

export function openQueue(options: QueueOptions): WakeQueue {
  const limitMs = options.limitMs ?? WAKE_LIMIT_MS;
  const queues = new Map<string, JobQueue>();
  /** What a Redis said last. Commands wait for it without an end, so this is why none was answered. */
  let said: Error | null = null;
  const onError = (error: Error): void => {
    said = error;
    options.onError(options.redisUrl === undefined ? error : redisTrouble(error));
  };
  const withQueue = async <T>(name: string, act: (queue: JobQueue) => Promise<T>): Promise<T> => {
    let queue = queues.get(name);
    if (queue === undefined) queues.set(name, (queue = openJobQueue(options, name, onError)));
    const opened = queue;
    said = null;
    return inTime(limitMs, act(opened)).catch((cause: unknown) => {
      // One that found its server away when it was opened stays broken: the next wake opens another.
      if (queues.get(name) === opened) queues.delete(name);
      void opened.close().catch(() => undefined);
      throw unreachable(cause, options.redisUrl === undefined ? null : (redisAdvice(cause) ?? redisAdvice(said)));
    });
  };
  return {
    async wake(host, job, jobs) {
      return withQueue(queueOf(job.kind, host), (queue) => add(queue, job, jobs));
    },
    tickEachMinute: () =>
      withQueue(queueOf(TICK.kind, null), (queue) => queue.addEach(TICK_EVERY_MS, TICK.kind, encodeJob(TICK))),
    async close() {
      await Promise.all([...queues.values()].map((queue) => inTime(limitMs, queue.close()).catch(options.onError)));
    },
  };
}

async function add(queue: JobQueue, job: Job, jobs: number): Promise<number> {
  const waiting = await queue.waiting(WAITING_MAX);
  const data = encodeJob(job);
  const mine = waiting.filter((other) => JSON.stringify(other) === JSON.stringify(data)).length;
  const wanted = waiting.length >= WAITING_MAX ? 0 : Math.max(0, jobs - mine);
  if (wanted > 0) await queue.add(job.kind, data, wanted);
  return wanted;
}

async function inTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const came = await within(limitMs, work);
  if (came === 'late') throw new Error(`no answer within ${limitMs} ms`);
  return came;
}

function unreachable(cause: unknown, advice: RollcallError | null): RollcallError {
  const meanwhile = 'a running `rollcall worker` finds the work by itself within half a minute.';
  return new RollcallError(
    `The queue cannot be reached${advice === null ? '' : ` (${advice.message})`}; the work stays recorded in Postgres.`,
    { cause, next: `${advice?.next ?? 'Check REDIS_URL or DATABASE_URL'}; ${meanwhile}` },
  );
}
