// Taking jobs: the side of the queue that hands them to their handlers, a bounded number at a time.
import { openJobWorker, type QueueAddress } from './backend.ts';
import { CATALOGUE, isJobName, type Handlers, type JobName } from './catalogue.ts';

export interface WorkerOptions extends QueueAddress {
  readonly host: string;
  /** Jobs that run at once in this process. */
  readonly slots: number;
  readonly handlers: Handlers;
  /** Told of lost connections and of jobs that failed; neither stops the worker. */
  readonly onError: (error: Error) => void;
}

export interface QueueWorker {
  /**
   * Resolves once jobs are taken; throws when the backend refuses (a schema that is too new, a password that is wrong).
   */
  ready(): Promise<void>;
  /**
   * Takes no more jobs, tells the running handlers by their signal, and waits for them, limitMs at most. What still
   * runs then is left to its leases: true if everything ended in time.
   */
  close(limitMs: number): Promise<boolean>;
}

/** Throws at once if a job of the catalogue has no handler. */
export function openWorker(options: WorkerOptions): QueueWorker {
  for (const name of Object.keys(CATALOGUE)) {
    if (!isJobName(name) || typeof options.handlers[name] !== 'function') throw new Error(`job ${name} has no handler`);
  }
  const stop = new AbortController();
  const work = async (name: string, data: unknown): Promise<void> => {
    if (!isJobName(name)) throw new Error(`no such job: ${name}`);
    await run(name, data, options.handlers, stop.signal);
  };
  const worker = openJobWorker(options, { host: options.host, slots: options.slots, work, onError: options.onError });
  return {
    ready: () => worker.ready(),
    async close(limitMs) {
      stop.abort();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<boolean>((resolve) => {
        timer = setTimeout(() => resolve(false), limitMs);
      });
      const done = worker.close().then(() => true);
      try {
        return await Promise.race([done, late]);
      } finally {
        clearTimeout(timer);
        done.catch(options.onError);
        worker.end();
      }
    },
  };
}

/** One call for each name, so that payload and handler are of the same job. */
function run(name: JobName, data: unknown, handlers: Handlers, signal: AbortSignal): Promise<void> {
  switch (name) {
    case 'drain-scan':
      return handlers[name](CATALOGUE[name].decode(data), signal);
    case 'run-request':
      return handlers[name](CATALOGUE[name].decode(data), signal);
  }
}
