// rollcall worker: takes the work that --detach leaves, until it is stopped.
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
        threads: true,
        idle: options.idle === true,
      });
    });
}

export async function workerBody(context: Context, args: WorkerArguments): Promise<ExitCode> {
  const [{ runWorker, waitForCatalog }, { refuseRedisUrl }] = await Promise.all([
    import('../../services/work.ts'),
    import('../../services/typed/redis-url.ts'),
  ]);
  const { config, output, signal } = context;
  if (config.redisUrl !== null) refuseRedisUrl(config.redisUrl);
  const log = (event: string): void => {
    const at = new Date(context.now()).toISOString();
    if (args.json) output.line(JSON.stringify({ at, event }));
    else output.note(`${at} ${event}`);
  };
  const { databaseUrl } = config;
  // A service starts when it starts: a server of one's own is waited for, and the embedded one is started here.
  const address =
    databaseUrl === null
      ? (await context.session()).address
      : await waitForCatalog({ connectionString: databaseUrl }, { log, signal, nowMs: context.now });
  if (address === null) return EXIT.nothing;
  signal.throwIfAborted();
  return runWorker({
    address,
    redisUrl: config.redisUrl,
    host: args.host ?? config.host,
    slots: args.threads,
    bytesPerSecond: args.gentle.bytesPerSecond,
    once: args.once,
    nowMs: context.now,
    log,
    signal,
  });
}
