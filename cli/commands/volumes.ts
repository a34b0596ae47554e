// rollcall volumes: the volumes that the catalog knows, and a person's word that a root is rightly another one now.
import type { Command } from 'commander';
import type { Run } from '../command.ts';

export interface ListVolumesArguments {
  readonly json: boolean;
}

export interface RebaseVolumeArguments {
  /** The label of a volume, or the path of its root. */
  readonly volume: string;
  readonly reason: string;
  readonly json: boolean;
}

export function define(program: Command, run: Run): void {
  const volumes = program
    .command('volumes')
    .summary('list volumes, or accept that one lies on another file system now')
    .description('Lists the volumes that the catalog knows, and accepts a new identity of a root.');
  volumes
    .command('list', { isDefault: true })
    .description('list volumes (the default)')
    .option('--json', 'print them as one JSON object')
    .action(async (options: { readonly json?: boolean }) => {
      const args: ListVolumesArguments = { json: options.json ?? false };
      await run(async (context) => (await import('../bodies/volumes.ts')).listVolumesBody(context, args), {
        json: options.json,
      });
    });
  volumes
    .command('rebase')
    .description('accept what lies at a root now as the same volume: after a disaster it is on a new file system')
    .argument('<volume>', 'the label of a volume, or the path of its root')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print the new identity as one JSON object')
    .action(async (volume: string, options: { readonly reason: string; readonly json?: boolean }) => {
      const args: RebaseVolumeArguments = { volume, reason: options.reason, json: options.json ?? false };
      await run(async (context) => (await import('../bodies/volumes.ts')).rebaseVolumeBody(context, args), {
        json: options.json,
      });
    });
}
