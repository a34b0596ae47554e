// rollcall demo: the story that Rollcall is for, played on a small tree from the loss to the proof.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { operand, shellWord } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { environmentWith, fromAnywhere } from '../config.ts';

export interface DemoArguments {
  /** Where the tree is made; null means a temporary directory that goes when the demo ends. */
  readonly directory: string | null;
  readonly keep: boolean;
}

export function define(program: Command, run: Run): void {
  program
    .command('demo')
    .summary('see it work: a small tree is damaged, assessed, restored and verified')
    .description(
      'Makes a small tree with a week of snapshots, damages it the way a crashed rebalance does, assesses, restores into a copy and ' +
        'verifies, and shows each step with its command. Changes none of your files: its catalog is in a temporary directory, too.',
    )
    .option('--dir <dir>', 'make it here (must not exist), and keep it')
    .option('--keep', 'keep the tree and the bundle to look at')
    .action(async (options: { readonly dir?: string; readonly keep?: boolean }) => {
      const args: DemoArguments = { directory: options.dir ?? null, keep: options.keep ?? options.dir !== undefined };
      await run((context) => demoBody(context, args), {
        tidies: true,
      });
    });
}

export async function demoBody(context: Context, args: DemoArguments): Promise<ExitCode> {
  const { config, output, now, signal } = context;
  const { openOwnCatalog, playDemo } = await import('../../services/demo.ts');
  const own = await openOwnCatalog({
    now,
    binDir: config.pgBin ?? undefined,
    log: (line) => output.note(line),
  });
  try {
    await playDemo({
      directory: args.directory === null ? null : resolve(args.directory),
      keep: args.keep,
      program: operand(config.calledAs),
      realProgram: `${shellWord(process.execPath)} ${shellWord(process.argv[1] ?? '')}`,
      environment: environmentWith({
        DATABASE_URL: own.url,
        // Empty is unset.
        DATABASE_URL_FILE: '',
        ROLLCALL_PROGRAM: fromAnywhere(config.calledAs),
        NO_COLOR: '1',
      }),
      nowMs: now,
      signal,
      print: (line) => output.line(line),
    });
    output.line(
      `The demo's catalog${args.keep ? '' : ', tree and bundle'} ${args.keep ? 'is' : 'are'} removed.${own.made === null ? '' : ` What stays: ${own.made}.`}`,
    );
  } finally {
    await own.close();
  }
  return EXIT.nothing;
}
