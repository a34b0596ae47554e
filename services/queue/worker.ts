// Being woken: the side of the queue that takes jobs out, of one host and of all, and of serves.
import { redisTrouble } from './advice.ts';
import { openJobWorker, type JobWorker, type QueueAddress } from './backend.ts';
import { ANY_QUEUE, decodeJob, type Job, queueName, SERVE_QUEUE } from './catalogue.ts';
import { within } from '../process/within.ts';

export interface WorkerOptions extends QueueAddress {
  readonly host: string;
  /** It is a serve, and takes the jobs of these as well. */
  readonly serves?: boolean;
  /** Jobs of each queue that are taken at once. */
  readonly slots: number;
  /**
   * Does what there is to do, and resolves when that is done: for so long no further job is taken for its slot.
   */
  readonly onJob: (job: Job) => Promise<void>;
  /** Told of lost connections, of jobs that failed, and of jobs that nobody here has written. */
  readonly onError: (error: Error) => void;
}

export interface QueueWorker {
  /** Resolves once jobs are taken. */
  ready(): Promise<void>;
  /** Takes no more jobs, and ends the connections, after limitMs in any case. What runs is not waited for. */
  close(limitMs: number): Promise<void>;
}

export function openWorker(options: WorkerOptions): QueueWorker {
  const work = async (name: string, data: unknown): Promise<void> => {
    const job = decodeJob(name, data);
    if (job === null)
      return options.onError(new Error('the queue holds a job that Rollcall has not written; it was dropped'));
    await options.onJob(job);
  };
  const { slots, redisUrl } = options;
  const onError =
    redisUrl === undefined ? options.onError : (error: Error): void => options.onError(redisTrouble(error));
  const names = [queueName(options.host), ANY_QUEUE, ...(options.serves === true ? [SERVE_QUEUE] : [])];
  const workers = names.map((name) => lasting(() => openJobWorker(options, name, { slots, work, onError }), onError));
  return {
    async ready() {
      await Promise.all(workers.map((worker) => worker.ready()));
    },
    async close(limitMs) {
      await within(limitMs, Promise.all(workers.map((worker) => worker.close())).catch(onError));
      for (const worker of workers) worker.end();
    },
  };
}

const OPEN_AGAIN_MS = 2_000;

/** One that found its server away when it was opened stays broken, and is opened again until it is not. */
function lasting(open: () => JobWorker, onError: (error: Error) => void): JobWorker {
  let worker = open();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const isReady = new Promise<void>((resolve) => {
    const tryIt = (): void => {
      const tried = worker;
      tried.ready().then(resolve, (error: unknown) => {
        if (isClosed) return;
        onError(error instanceof Error ? error : new Error(String(error)));
        void tried.close().catch(() => undefined);
        tried.end();
        timer = setTimeout(() => {
          worker = open();
          tryIt();
        }, OPEN_AGAIN_MS);
      });
    };
    tryIt();
  });
  return {
    ready: () => isReady,
    close() {
      isClosed = true;
      clearTimeout(timer);
      return worker.close();
    },
    end: () => worker.end(),
  };
}
