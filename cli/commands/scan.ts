// rollcall scan: one look at a live tree or at the snapshots of a backup, kept in the catalog or exported to a file.
import { Option, type Command } from 'commander';
import { collect, positive, type Run } from '../command.ts';

export interface ScanArguments {
  /** A directory, or a pattern whose matches are the snapshots of one series. */
  readonly pattern: string;
  /** null: a pattern is a backup, a plain directory is live. */
  readonly role: 'live' | 'backup' | null;
  readonly exportFile: string | null;
  readonly snapshots: number | null;
  readonly excludes: readonly string[];
  readonly tz: string | null;
  readonly reread: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly crossMounts: boolean;
  readonly newState: boolean;
  readonly threads: number | null;
  readonly detach: boolean;
  readonly json: boolean;
}

interface Options {
  readonly role?: 'live' | 'backup';
  readonly export?: string;
  readonly snapshots?: number;
  readonly exclude?: readonly string[];
  readonly tz?: string;
  readonly reread?: boolean;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly crossMounts?: boolean;
  readonly newState?: boolean;
  readonly threads?: number;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('scan');
  command
    .summary('look at a volume and remember it, or export what was seen')
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
    )
    .option('--snapshots <n>', 'scan the newest N snapshots only', positive)
    .option('--exclude <pattern>', 'leave out, as in .gitignore; may be repeated', collect)
    .option('--tz <zone>', 'time zone of dates in snapshot names (default: that of this machine)')
    .option('--reread', 'read every copy again, also those that show no change')
    .option('--not-gluster', 'this FUSE mount is not GlusterFS: looking up names on it destroys nothing')
    .option('--bricks-rescued', 'the bricks below this GlusterFS mount have been scanned and rescued')
    .option('--cross-mounts', 'enter other file systems below the root (default: they are not entered)')
    .option('--new-state', 'the volume is what it should be, also if it is empty or another one')
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    )
    .option('--detach', 'leave the scan to workers (rollcall worker) and return')
    .option('--json', 'print the result as one JSON object')
    .option('--no-progress', 'no moving line on the terminal')
    .action(async (pattern: string, options: Options) => {
      if (options.detach === true && options.export !== undefined) {
        return command.error('error: --export waits for the scan, --detach does not: give one of them.');
      }
      const args: ScanArguments = {
        pattern,
        role: options.role ?? null,
        exportFile: options.export ?? null,
        snapshots: options.snapshots ?? null,
        excludes: options.exclude ?? [],
        tz: options.tz ?? null,
        reread: options.reread ?? false,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        crossMounts: options.crossMounts ?? false,
        newState: options.newState ?? false,
        threads: options.threads ?? null,
        detach: options.detach ?? false,
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/scan.ts')).scanBody(context, args), {
        json: options.json,
        progress: options.progress,
        threads: true,
      });
    });
}
