// rollcall assess: what is lost on a live volume, since when, and how it comes back.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { collect, positive, type Run } from '../command.ts';

/** One live volume and the patterns of its own backups. */
export interface LiveAndBackups {
  readonly live: string;
  readonly backups: readonly string[];
}

export interface AssessArguments {
  readonly volumes: readonly LiveAndBackups[];
  /** As the person wrote it; parsed by the use case, which knows the time zone. */
  readonly since: string | null;
  readonly out: string | null;
  /** The newest N snapshots of each series; null means all. */
  readonly snapshots: number | null;
  readonly excludes: readonly string[];
  readonly tz: string | null;
  readonly reread: boolean;
  readonly notGluster: boolean;
  readonly bricksRescued: boolean;
  readonly crossMounts: boolean;
  readonly newState: boolean;
  readonly side: 'backup' | null;
  readonly threads: number | null;
  readonly detach: boolean;
  readonly json: boolean;
}

interface Options {
  readonly since?: string;
  readonly out?: string;
  readonly snapshots?: number;
  readonly exclude?: readonly string[];
  readonly tz?: string;
  readonly reread?: boolean;
  readonly notGluster?: boolean;
  readonly bricksRescued?: boolean;
  readonly crossMounts?: boolean;
  readonly newState?: boolean;
  readonly side?: 'backup';
  readonly threads?: number;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly progress: boolean;
}

/** --live and --backup in the order in which they were written: a backup belongs to the --live before it. */
function openPairs() {
  const pairs: { live: string; backups: string[] }[] = [];
  const early: string[] = [];
  return {
    live: (value: string): string => {
      pairs.push({ live: value, backups: [] });
      return value;
    },
    backup: (value: string): string => {
      const last = pairs.at(-1);
      if (last === undefined) early.push(value);
      else last.backups.push(value);
      return value;
    },
    /** Throws InvalidArgumentError where it is not plain which backup belongs to which volume. */
    read(): readonly LiveAndBackups[] {
      const [only] = pairs;
      if (early.length > 0) {
        if (pairs.length !== 1 || only === undefined)
          throw new InvalidArgumentError('--backup belongs after its --live.');
        only.backups.unshift(...early);
      }
      const bare = pairs.find((pair) => pair.backups.length === 0);
      if (bare !== undefined && pairs.some((pair) => pair.backups.length > 0)) {
        throw new InvalidArgumentError(
          `--live ${bare.live} has no --backup of its own: write it right after it, or leave all of them out.`,
        );
      }
      return pairs;
    },
  };
}

export function define(program: Command, run: Run): void {
  const pairs = openPairs();
  const command = program.command('assess');
  command
    .summary('find what is lost or damaged, and write a restore bundle')
    .description(
      'Scans live volumes and their backups, finds when the loss happened, judges every file, and writes a restore bundle. ' +
        'Nothing is ever written inside a volume. A second run is incremental.',
    )
    .requiredOption('--live <path>', 'a live volume; may be repeated, each followed by its own --backup', pairs.live)
    .option(
      '--backup <pattern>',
      "snapshots of the --live before it: a quoted pattern ('/backup/*/userdata'), a directory, or an export; may be repeated",
      pairs.backup,
    )
    .option(
      '--since <when>',
      'the loss began then (2026-11-21, 2026-11-21T03:00, "3 days ago"), instead of what the snapshots tell',
    )
    .option('--out <dir>', 'where the bundle goes (default ./rollcall-TIME); must not exist')
    .option('--snapshots <n>', 'scan the newest N snapshots only; what was scanned before is still judged', positive)
    .option('--exclude <pattern>', 'leave out, as in .gitignore; may be repeated', collect)
    .option('--tz <zone>', 'time zone of dates in snapshot names (default: that of this machine)')
    .option('--reread', 'read every copy again, also those that show no change')
    .option('--not-gluster', 'this FUSE mount is not GlusterFS: looking up names on it destroys nothing')
    .option('--bricks-rescued', 'the bricks below this GlusterFS mount have been scanned and rescued')
    .option('--cross-mounts', 'enter other file systems below the root (default: they are not entered)')
    .option(
      '--new-state',
      'the volume is what it should be, also if it is empty, another one, or shares nothing with its backup',
    )
    .addOption(
      new Option(
        '--side <side>',
        'where live and backup differ and nothing tells which is right, take this one for good',
      ).choices(['backup']),
    )
    .option(
      '--threads <n>',
      'files read at once, 32 at most and as memory allows (default: the number of cores)',
      positive,
    )
    .option('--detach', 'leave the scan to workers (rollcall worker) and return')
    .option('--json', 'print the assessment as one JSON object')
    .option('--no-progress', 'no moving line on the terminal')
    .addHelpText(
      'after',
      `
Example:
  rollcall assess --live /srv/data --backup '/backup/snapshots/*/userdata'`,
    )
    .action(async (options: Options) => {
      let volumes: readonly LiveAndBackups[];
      try {
        volumes = pairs.read();
      } catch (error) {
        return command.error(`error: ${(error as Error).message}`);
      }
      const args: AssessArguments = {
        volumes,
        since: options.since ?? null,
        out: options.out ?? null,
        snapshots: options.snapshots ?? null,
        excludes: options.exclude ?? [],
        tz: options.tz ?? null,
        reread: options.reread ?? false,
        notGluster: options.notGluster ?? false,
        bricksRescued: options.bricksRescued ?? false,
        crossMounts: options.crossMounts ?? false,
        newState: options.newState ?? false,
        side: options.side ?? null,
        threads: options.threads ?? null,
        detach: options.detach ?? false,
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/assess.ts')).assessBody(context, args), {
        json: options.json,
        progress: options.progress,
        threads: true,
      });
    });
}
