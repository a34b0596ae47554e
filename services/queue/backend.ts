// The choice of the queue's backend: BullMQ on the catalog's own Postgres, or on Redis. Nothing else knows which of the
// two it is.
import { createPostgresBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { LastingClient } from './lasting-client.ts';
import { IDLE_LOOK_S, JOB_OPTIONS } from './catalogue.ts';

/** Where Postgres listens: a URL, or host (a name, or the directory of a socket) and the rest. */
export type PostgresAddress =
  | { readonly connectionString: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

/** redisUrl (redis://, rediss:// or the path of a socket) wins where both are given. */
export interface QueueAddress {
  readonly address?: PostgresAddress;
  readonly redisUrl?: string;
}

/** BullMQ's own schema in the catalog's database; and the prefix of its keys in Redis. */
const SCHEMA = 'rollcall_queue';
const PREFIX = 'rollcall';
const REDIS_RETRY_MAX_MS = 2_000;

/** What Rollcall asks of a queue: operations, and no connection to be seen. */
export interface JobQueue {
  /** The data of the jobs that wait, `max` of them at most. */
  waiting(max: number): Promise<readonly unknown[]>;
  /**
   * Adds `count` jobs under ids of the backend's choice: one of ours that is known already, finished or active, would
   * be ignored.
   */
  add(name: string, data: Record<string, string>, count: number): Promise<void>;
  /** From now on one job each `everyMs`, whoever says so and however often. */
  addEach(everyMs: number, name: string, data: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

export function openJobQueue(where: QueueAddress, name: string, onError: (error: Error) => void): JobQueue {
  const defaultJobOptions = {
    attempts: JOB_OPTIONS.attempts,
    removeOnComplete: JOB_OPTIONS.removeOnComplete,
    removeOnFail: JOB_OPTIONS.removeOnFail,
  };
  if (where.redisUrl === undefined) {
    const connection = postgres(where);
    return jobQueue(
      new Queue(name, { connection, defaultJobOptions }, createPostgresBackend),
      onError,
      () => undefined,
    );
  }
  const connection = redis(where.redisUrl);
  const queue = new Queue(name, { connection, prefix: PREFIX, defaultJobOptions });
  return jobQueue(queue, onError, () => connection.disconnect());
}

type AnyQueue = Pick<Queue, 'addBulk' | 'upsertJobScheduler'> & {
  getWaiting(start: number, end: number): Promise<readonly { readonly data: unknown }[]>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
};

function jobQueue(queue: AnyQueue, onError: (error: Error) => void, end: () => void): JobQueue {
  queue.on('error', (error) => onError(tellable(error)));
  return {
    async waiting(max) {
      try {
        return (await queue.getWaiting(0, max - 1)).map((job) => job.data);
      } catch (error) {
        // Among them is one that nobody of ours has written.
        if (error instanceof SyntaxError) return [];
        throw error;
      }
    },
    async add(name, data, count) {
      await queue.addBulk(Array.from({ length: count }, () => ({ name, data })));
    },
    async addEach(every, name, data) {
      await queue.upsertJobScheduler(name, { every }, { name, data });
    },
    async close() {
      try {
        await queue.close();
      } finally {
        end();
      }
    },
  };
}

/** What Rollcall asks of a worker of the queue. */
export interface JobWorker {
  /** Resolves when jobs are taken. */
  ready(): Promise<void>;
  /**
   * Takes no more jobs. Running ones are not waited for: their work is the worker's own, and Postgres knows of it. (One
   * whose server is away would wait for it.)
   */
  close(): Promise<void>;
  /** Ends the connections whatever still runs. */
  end(): void;
}

export interface JobWorkerOptions {
  /** Jobs that are done at once. */
  readonly slots: number;
  readonly work: (name: string, data: unknown) => Promise<void>;
  readonly onError: (error: Error) => void;
}

export function openJobWorker(
  where: QueueAddress,
  name: string,
  { slots, work, onError }: JobWorkerOptions,
): JobWorker {
  const process = async (job: { readonly name: string; readonly data: unknown }): Promise<void> =>
    work(job.name, job.data);
  const options = {
    concurrency: slots,
    lockDuration: JOB_OPTIONS.lockMs,
    maxStalledCount: JOB_OPTIONS.stalledMax,
    drainDelay: IDLE_LOOK_S,
    // After a lost connection the loop begins again soon: nothing else would tell a worker that it is needed.
    runRetryDelay: IDLE_LOOK_S * 1_000,
    removeOnComplete: { count: 0 },
    removeOnFail: JOB_OPTIONS.removeOnFail,
  };
  if (where.redisUrl === undefined) {
    // Moving jobs and renewing locks share one connection; listening has another.
    const connection = postgres(where);
    return jobWorker(
      new Worker(name, process, { connection, ...options }, createPostgresBackend),
      onError,
      () => undefined,
    );
  }
  const connection = redis(where.redisUrl);
  const worker = new Worker(name, process, { connection, prefix: PREFIX, ...options });
  return jobWorker(worker, onError, () => connection.disconnect());
}

interface AnyWorker {
  waitUntilReady(): Promise<unknown>;
  close(force: boolean): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'failed', listener: (job: unknown, error: Error) => void): unknown;
}

function jobWorker(worker: AnyWorker, onError: (error: Error) => void, end: () => void): JobWorker {
  worker.on('error', (error) => onError(tellable(error)));
  worker.on('failed', (_job, cause) => onError(new Error(`a job failed: ${tellable(cause).message}`)));
  return {
    async ready() {
      await worker.waitUntilReady();
    },
    close: () => worker.close(true),
    end,
  };
}

/**
 * Of a server what it says. What BullMQ says of a job may repeat its id or its content, and anybody who can write into
 * the queue can write those.
 */
function tellable(error: Error): Error {
  if (error instanceof SyntaxError) return new Error('the queue holds a job that is not JSON; it was dropped');
  return /\bjob\b/i.test(error.message) ? new Error('the queue has lost a job, or holds one that is damaged') : error;
}

/** Workers wait for ever for Redis to come back (BullMQ demands it), in steps that do not grow without bound. */
function redis(url: string): Redis {
  return new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(attempt * 100, REDIS_RETRY_MAX_MS),
  });
}

type PostgresOptions = PostgresAddress & {
  readonly schema: string;
  readonly migrate: boolean;
  readonly max: number;
  readonly application_name: string;
  readonly Client: typeof LastingClient;
};

function postgres(where: QueueAddress): PostgresOptions {
  if (where.address === undefined) throw new Error('a queue needs the address of Postgres or of Redis');
  return {
    ...where.address,
    schema: SCHEMA,
    migrate: true,
    max: 1,
    application_name: 'rollcall queue',
    Client: LastingClient,
  };
}
