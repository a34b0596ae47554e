// The body of `worker`: holds the catalog open and watches over the process that does the work, until that ends or is to be ended.
import { hostname } from 'node:os';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { idleStart } from '../../services/files/idle.ts';
import { startWorkerProcess } from '../../services/queue/process.ts';
import { threadsAllowed } from '../../services/scan/pool.ts';
import type { Context } from '../command.ts';
import type { WorkerArguments } from '../commands/worker.ts';

const CODES: readonly ExitCode[] = Object.values(EXIT);

export async function workerBody(context: Context, args: WorkerArguments): Promise<ExitCode> {
  const { config, signal } = context;
  const { address } = await context.session();
  const settings = {
    address,
    ...(config.redisUrl === null ? {} : { redisUrl: config.redisUrl }),
    host: args.host ?? hostname(),
    // Each slot opens a thread of its own, and none of them sees the others.
    slots: threadsAllowed(args.threads ?? undefined),
    once: args.once,
    json: args.json,
    ...(args.gentle.bytesPerSecond === null ? {} : { bytesPerSecond: args.gentle.bytesPerSecond }),
  };
  const { words, lacks } = args.gentle.idle ? idleStart() : { words: [], lacks: null };
  if (lacks !== null) context.output.note(`rollcall: ${lacks}`);
  const worker = startWorkerProcess(settings, 'inherit', words);
  if (signal.aborted) worker.stop();
  signal.addEventListener('abort', () => worker.stop(), { once: true });
  const code = await worker.ended;
  return CODES.find((known) => known === code) ?? EXIT.failure;
}
