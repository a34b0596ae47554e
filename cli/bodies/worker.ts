// The body of `worker`: holds the catalog open and watches over the process that does the work, until that ends or is to be ended.
import { hostname } from 'node:os';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { idleStart } from '../../services/process/idle.ts';
import { startWorkerProcess } from '../../services/queue/process.ts';
import { refuseRedisUrl } from '../../services/queue/redis-url.ts';
import { threadsAllowed } from '../../services/scan/pool.ts';
import type { Context } from '../command.ts';
import type { WorkerArguments } from '../commands/worker.ts';

const CODES: readonly ExitCode[] = Object.values(EXIT);

export async function workerBody(context: Context, args: WorkerArguments): Promise<ExitCode> {
  const { config, signal } = context;
  if (config.redisUrl !== null) refuseRedisUrl(config.redisUrl);
  const { address } = await context.session();
  signal.throwIfAborted();
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
  const told = CODES.find((known) => known === code);
  // Ctrl-C of a terminal goes to the working process, too, and ends it where it has not come so far as to end in order.
  if (told === undefined) signal.throwIfAborted();
  return told ?? EXIT.failure;
}
