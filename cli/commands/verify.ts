// rollcall verify: reads what was restored again, file by file, against the bundle.
import type { Command } from 'commander';
import { quietOption, type Run } from '../command.ts';
import { addGentleOptions, type Gentle, gentleOf, type GentleOptions } from './gentle-options.ts';

export interface VerifyArguments {
  readonly bundle: string;
  /** Where the files were restored to; null means the live root that the bundle names. */
  readonly target: string | null;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly gentle: Gentle;
  readonly json: boolean;
}

interface Options extends GentleOptions {
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('verify');
  command
    .summary('check restored files byte for byte')
    .description(
      'Reads every file of a restore bundle again at its target and compares it byte for byte with the manifest. For the live root it closes the findings.',
    )
    .argument('<bundle>', 'the directory that assess wrote')
    .argument('[target]', 'where the files were restored to (default: the live root that the bundle names)')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued');
  addGentleOptions(command)
    .addOption(quietOption())
    .option('--json', 'print the result as one JSON object')
    .option('--no-progress', 'no progress line on the terminal')
    .action(async (bundle: string, target: string | undefined, options: Options) => {
      const args: VerifyArguments = {
        bundle,
        target: target ?? null,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        gentle: gentleOf(options),
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/verify.ts')).verifyBody(context, args), {
        json: options.json,
        quiet: options.quiet,
        progress: options.progress,
        threads: true,
        idle: options.idle === true,
      });
    });
}
