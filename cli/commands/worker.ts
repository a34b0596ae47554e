// rollcall worker: takes the work that --detach leaves, until it is stopped.
import type { Command } from 'commander';
import { positive, type Run } from '../command.ts';

export interface WorkerArguments {
  /** The host whose roots it scans; null means the name of this machine. */
  readonly host: string | null;
  readonly threads: number | null;
  /** Ends when nothing is left to do. */
  readonly once: boolean;
  readonly json: boolean;
}

interface Options {
  readonly host?: string;
  readonly threads?: number;
  readonly once?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('worker')
    .summary('do the work that --detach leaves')
    .description(
      'Takes scans that `scan --detach` and `assess --detach` leave in the catalog, woken by the queue (Postgres, or Redis with REDIS_URL).',
    )
    .option('--host <name>', 'scan the roots of this host (default: the name of this machine)')
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    )
    .option('--once', 'end when nothing is left to do')
    .option('--json', 'print what was done as JSON, one object a line')
    .action(async (options: Options) => {
      const args: WorkerArguments = {
        host: options.host ?? null,
        threads: options.threads ?? null,
        once: options.once ?? false,
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/worker.ts')).workerBody(context, args), {
        json: options.json,
        service: true,
      });
    });
}
