// rollcall demo: the story that Rollcall is for, played on a small tree from the loss to the proof.
import type { Command } from 'commander';
import type { Run } from '../command.ts';

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
      await run(async (context) => (await import('../bodies/demo.ts')).demoBody(context, args), {
        tidies: true,
      });
    });
}
