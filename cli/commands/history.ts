// rollcall history: every version of a path that any scan has seen, live and per snapshot, and where a good copy is.
import type { Command } from 'commander';
import type { Run } from '../command.ts';

export interface HistoryArguments {
  /** Absolute, or relative to the working directory or to a volume. */
  readonly path: string;
  /** The label of a volume; null searches all. */
  readonly volume: string | null;
  readonly json: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('history')
    .summary('every version of a path, and where a good copy is')
    .description(
      'Prints every version of a path that any scan has seen, on the live volume and in each snapshot, and where a good copy is now.',
    )
    .argument('<path>', 'a path on a live volume or in a snapshot; it need not exist any more')
    .option('--volume <name>', 'look in this volume only')
    .option('--json', 'print the versions as one JSON object')
    .action(async (path: string, options: { readonly volume?: string; readonly json?: boolean }) => {
      const args: HistoryArguments = { path, volume: options.volume ?? null, json: options.json ?? false };
      await run(async (context) => (await import('../bodies/history.ts')).historyBody(context, args), {
        json: options.json,
      });
    });
}
