// rollcall worker: takes the work that --detach leaves, until it is stopped.
import type { Command } from 'commander';
import { positive, type Run } from '../command.ts';
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
      await run(async (context) => (await import('../bodies/worker.ts')).workerBody(context, args), {
        json: options.json,
        service: true,
      });
    });
}
