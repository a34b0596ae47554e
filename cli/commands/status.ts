// rollcall status and rollcall log: what is going on, and who decided what, when and why.
import type { Command } from 'commander';
import { positive, quietOption, type Run } from '../command.ts';

export interface StatusArguments {
  readonly json: boolean;
}

export interface LogArguments {
  readonly entries: number;
  readonly json: boolean;
}

const ENTRIES = 50;

export function define(program: Command, run: Run): void {
  program
    .command('status')
    .summary('what runs, what became of detached requests, and what is still open')
    .description(
      'Shows the scans that run and who holds them, the requests that --detach queued and their results, and the last ' +
        'assessment of each volume. Ends with 1 while findings are open, and with 3 where the last audit of a volume failed, was stopped ' +
        'by a guard, or is incomplete.',
    )
    .addOption(quietOption())
    .option('--json', 'print it as one JSON object')
    .action(async (options: { readonly quiet?: boolean; readonly json?: boolean }) => {
      const args: StatusArguments = { json: options.json ?? false };
      await run(async (context) => (await import('../bodies/status.ts')).statusBody(context, args), {
        json: options.json,
        quiet: options.quiet,
      });
    });
  program
    .command('log')
    .summary('who accepted, restored or rebased what, when and why')
    .description('Prints the audit log: every decision of a person and every proven restore, the newest last.')
    .option('--entries <n>', `how many, counted from the newest (default: ${ENTRIES})`, positive)
    .option('--json', 'print them as one JSON object')
    .action(async (options: { readonly entries?: number; readonly json?: boolean }) => {
      const args: LogArguments = { entries: options.entries ?? ENTRIES, json: options.json ?? false };
      await run(async (context) => (await import('../bodies/status.ts')).logBody(context, args), {
        json: options.json,
      });
    });
}
