// rollcall worker: takes the work that --detach leaves, until it is stopped.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import type { Context, Run } from '../command.ts';
import {
  addServiceOptions,
  type ServiceArguments,
  serviceArguments,
  type ServiceOptions,
  serviceRun,
} from './service-options.ts';

export interface WorkerArguments extends ServiceArguments {
  /** Ends when nothing is left to do. */
  readonly once: boolean;
}

interface Options extends ServiceOptions {
  readonly once?: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('worker');
  command
    .summary('do the work that --detach queues')
    .description(
      'Does the scans and assessments that --detach has queued, woken by the queue (Postgres, or Redis with REDIS_URL).',
    );
  addServiceOptions(command)
    .option('--once', 'end when nothing is left to do')
    .option('--json', 'print what was done as JSON, one object a line')
    .action(async (options: Options) => {
      const args: WorkerArguments = {
        ...serviceArguments(options),
        once: options.once ?? false,
      };
      await run((context) => workerBody(context, args), serviceRun(options));
    });
}

export async function workerBody(context: Context, args: WorkerArguments): Promise<ExitCode> {
  const [{ runWorker }, { serviceStart }] = await Promise.all([
    import('../../services/work.ts'),
    import('../service.ts'),
  ]);
  const start = await serviceStart(context, args);
  return start === null ? EXIT.nothing : runWorker({ ...start, once: args.once });
}
