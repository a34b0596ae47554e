// rollcall worker: takes the work that --detach leaves, until it is stopped.
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { positive, type Context, type Run } from '../command.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';

export interface WorkerArguments {
  /** The host whose roots it scans; null means the name of this machine. */
  readonly host: string | null;
  readonly threads: number | null;
  readonly gentle: Gentle;
  /** Ends when nothing is left to do. */
  readonly once: boolean;
  readonly json: boolean;
}

interface Options extends GentleOptions {
  readonly host?: string;
  readonly threads?: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('worker');
  command
    .summary('do the work that --detach queues')
    .description(
      'Does the scans and assessments that --detach has queued, woken by the queue (Postgres, or Redis with REDIS_URL).',
    )
    .option('--host <name>', 'scan the roots of this host (default: the name of this machine)')
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    );
  addGentleOptions(command)
    .option('--once', 'end when nothing is left to do')
    .option('--json', 'print what was done as JSON, one object a line')
    .action(async (options: Options) => {
      const args: WorkerArguments = {
        host: options.host ?? null,
        threads: options.threads ?? null,
        gentle: gentleOf(options),
        once: options.once ?? false,
        json: options.json ?? false,
      };
      await run((context) => workerBody(context, args), {
        json: options.json,
        service: true,
      });
    });
}

const CODES: readonly ExitCode[] = Object.values(EXIT);

export async function workerBody(context: Context, args: WorkerArguments): Promise<ExitCode> {
  const { config, signal } = context;
  const [{ startWorkerProcess }, { refuseRedisUrl }, { threadsAllowed }, { idleStart }] = await Promise.all([
    import('../../services/queue/process.ts'),
    import('../../services/queue/redis-url.ts'),
    import('../../services/scan/pool.ts'),
    import('../../services/process/idle.ts'),
  ]);
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
