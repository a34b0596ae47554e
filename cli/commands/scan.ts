// rollcall scan: one look at a live tree or at the snapshots of a backup, kept in the catalog or exported to a file.
import { Option, type Command } from 'commander';
import type { Run } from '../command.ts';
import { expandedByShell } from '../../services/typed/unquoted.ts';
import { addScanOptions, detachedProblem, type ScanOptions, type ScanSettings, scanSettings } from './scan-options.ts';

export interface ScanArguments extends ScanSettings {
  /** A directory, or a pattern whose matches are the snapshots of one series. */
  readonly pattern: string;
  /** null: a pattern is a backup, a plain directory is live. */
  readonly role: 'live' | 'backup' | null;
  readonly exportFile: string | null;
}

interface Options extends ScanOptions {
  readonly role?: 'live' | 'backup';
  readonly export?: string;
}

export function define(program: Command, run: Run): void {
  const command = program.command('scan');
  command
    .summary('scan a volume into the catalog, or export what was seen')
    .description(
      'Scans a live tree, or the snapshots that a pattern matches, into the catalog. With --export the result goes to a file that ' +
        'assess takes as --backup on another machine.',
    )
    .argument('<pattern>', "a directory, or a quoted pattern of snapshots ('/backup/snapshots/*/userdata')")
    .addOption(
      new Option('--role <role>', 'what it is (default: a pattern is a backup, a directory is live)').choices([
        'live',
        'backup',
      ]),
    )
    .option(
      '--export <file>',
      'write what was seen to this file; only an earlier export of the same series is replaced',
    );
  // A pattern that was not quoted is many words: that is told below, and better.
  addScanOptions(command.allowExcessArguments()).action(async (pattern: string, options: Options) => {
    if (command.args.length > 1)
      return command.error(expandedByShell('rollcall scan', command.args, command.args.length - 1));
    if (options.detach === true && options.export !== undefined) {
      return command.error('error: --export waits for the scan, --detach does not: give one of them.');
    }
    const settings = scanSettings(options);
    const problem = detachedProblem(settings);
    if (problem !== null) return command.error(problem);
    const args: ScanArguments = {
      ...settings,
      pattern,
      role: options.role ?? null,
      exportFile: options.export ?? null,
    };
    await run(async (context) => (await import('../bodies/scan.ts')).scanBody(context, args), {
      json: options.json,
      quiet: options.quiet,
      progress: options.progress,
      threads: true,
      idle: options.idle === true,
    });
  });
}
