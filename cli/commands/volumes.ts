// rollcall volumes: the volumes that the catalog knows, and a person's word that one is on another file system now, or is to be forgotten.
import type { Command } from 'commander';
import type { Run } from '../command.ts';

export interface ListVolumesArguments {
  readonly json: boolean;
}

export interface RebaseVolumeArguments {
  /** The label of a volume, or the path of its root. */
  readonly volume: string;
  readonly reason: string;
  readonly newState: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly json: boolean;
}

export interface ForgetVolumeArguments {
  /** The label of a volume, the path of its root, or the pattern of its snapshots. */
  readonly volume: string;
  readonly reason: string;
  readonly json: boolean;
}

interface RebaseOptions {
  readonly reason: string;
  readonly newState?: boolean;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const volumes = program
    .command('volumes')
    .summary('list volumes, accept that one is on another file system now, or forget one')
    .description('Lists the volumes that the catalog knows, accepts a new file system below one, and forgets one.');
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
    .description('accept what is at a root now as the same volume, for instance on a new file system after a disaster')
    .argument('<volume>', 'the label of a volume, or the path of its root')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--new-state', 'accept the root also if it is empty, or holds none of the names that are known at its top')
    .option('--not-gluster', 'this FUSE mount of unknown type is not GlusterFS (fuse.glusterfs needs --bricks-rescued)')
    .option('--bricks-rescued', 'the bricks behind this GlusterFS mount were scanned, and their hidden files rescued')
    .option('--json', 'print the new identity as one JSON object')
    .action(async (volume: string, options: RebaseOptions) => {
      const args: RebaseVolumeArguments = {
        volume,
        reason: options.reason,
        newState: options.newState ?? false,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/volumes.ts')).rebaseVolumeBody(context, args), {
        json: options.json,
      });
    });
  volumes
    .command('forget')
    .description('forget a volume: its scans, file versions, findings and assessments; its files are not touched')
    .argument('<volume>', 'the label of a volume, the path of its root, or the pattern of its snapshots (quoted)')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print what was forgotten as one JSON object')
    .action(async (volume: string, options: { readonly reason: string; readonly json?: boolean }) => {
      const args: ForgetVolumeArguments = { volume, reason: options.reason, json: options.json ?? false };
      await run(async (context) => (await import('../bodies/volumes.ts')).forgetVolumeBody(context, args), {
        json: options.json,
      });
    });
}
