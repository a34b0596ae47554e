// rollcall assess: what is lost on a live volume, since when, and how it comes back.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, worstExit, type ExitCode } from '../../domain/exit.ts';
import { encodeText } from '../../domain/path.ts';
import type { AssessOptions, AssessResult } from '../../services/assess.ts';
import { answerJson } from '../../services/report/json.ts';
import { renderAssessment } from '../../services/report/terminal/assessment.ts';
import { planLines } from '../../services/report/terminal/plan.ts';
import type { SeriesPlan } from '../../services/assess.ts';
import type { PartRequest } from '../../services/typed/asked.ts';
import { expandedByShell } from '../../services/typed/unquoted.ts';
import { parseSince } from '../../services/typed/when.ts';
import type { Placed } from '../../services/typed/placed.ts';
import type { Context, Run } from '../command.ts';
import type { JoinedAsked } from '../joined.ts';
import type { Output } from '../output.ts';
import { addPartOptions, partOf, type PartOptions } from './part-options.ts';
import { addScanOptions, detachedProblem, type ScanOptions, type ScanSettings, scanSettings } from './scan-options.ts';

/** One live volume and the patterns of its own backups. */
export interface LiveAndBackups {
  readonly live: string;
  readonly backups: readonly string[];
}

export interface AssessArguments extends ScanSettings {
  /** A volume that was assessed before, by name; null where --live says which. */
  readonly volume: string | null;
  readonly volumes: readonly LiveAndBackups[];
  /** As the person wrote it; parsed by the use case, which knows the time zone. */
  readonly since: string | null;
  readonly out: string | null;
  readonly side: 'backup' | null;
  readonly part: PartRequest;
}

interface Options extends PartOptions, ScanOptions {
  readonly live?: string;
  readonly since?: string;
  readonly out?: string;
  readonly side?: 'backup';
}

/** --live and --backup in the order in which they were written: a backup belongs to the --live before it. */
function openPairs() {
  const pairs: { live: string; backups: string[] }[] = [];
  const early: string[] = [];
  let lastBackup: string | null = null;
  return {
    lastBackup: (): string | null => lastBackup,
    live: (value: string): string => {
      pairs.push({ live: value, backups: [] });
      return value;
    },
    backup: (value: string): string => {
      const last = pairs.at(-1);
      lastBackup = value;
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
    .argument('[volume]', 'a volume that was assessed before, with its backups (instead of --live and --backup)')
    .option(
      '--live <path>',
      'a live volume, HOST:/path where it is on another host; may be repeated, each followed by its own --backup',
      pairs.live,
    )
    .option(
      '--backup <pattern>',
      "snapshots of the --live before it: a quoted pattern ('/backup/*/userdata'), a directory, or an export; may be repeated",
      pairs.backup,
    )
    .option(
      '--since <when>',
      'the loss began then (2026-11-21, 2026-11-21T03:00, "3 days ago"), instead of what the snapshots show',
    )
    .option('--out <dir>', 'where the bundle goes (default ./rollcall-TIME); must not exist');
  addPartOptions(command).addOption(
    new Option(
      '--side <side>',
      "where live and backup differ and you can't tell which is right, trust this one",
    ).choices(['backup']),
  );
  // A pattern that was not quoted is many words: that is told below, and better.
  addScanOptions(command.allowExcessArguments())
    .addHelpText(
      'after',
      `
Example:
  rollcall assess --live /srv/data --backup '/backup/snapshots/*/userdata'`,
    )
    .action(async (volume: string | undefined, options: Options) => {
      const isNamed = volume !== undefined && options.live === undefined;
      if (command.args.length > (isNamed ? 1 : 0)) {
        const last = pairs.lastBackup();
        const words = [...(last === null ? [] : [last]), ...command.args];
        return command.error(expandedByShell('--backup', words, command.args.length));
      }
      let volumes: readonly LiveAndBackups[];
      try {
        volumes = pairs.read();
      } catch (error) {
        return command.error(`error: ${(error as Error).message}`);
      }
      if (options.path !== undefined && volumes.length > 1) {
        return command.error(
          'error: --path belongs to one volume: give one --live, or cut the parts afterwards with rollcall bundle.',
        );
      }
      if (!isNamed && volumes.length === 0)
        return command.error('error: name a volume that was assessed before, or give --live PATH --backup PATTERN.');
      const settings = scanSettings(options);
      const problem = detachedProblem(settings);
      if (problem !== null) return command.error(problem);
      const args: AssessArguments = {
        ...settings,
        volume: isNamed ? volume : null,
        volumes,
        since: options.since ?? null,
        out: options.out ?? null,
        side: options.side ?? null,
        part: partOf(options),
      };
      await run((context) => assessBody(context, args), {
        json: options.json,
        quiet: options.quiet,
        progress: options.progress,
        threads: true,
        idle: options.idle === true,
      });
    });
}

export async function assessBody(context: Context, args: AssessArguments): Promise<ExitCode> {
  const { config, output } = context;
  const sinceMs = args.since === null ? null : parseSince(args.since, { nowMs: context.now(), tz: args.tz });
  const options: AssessOptions = {
    sinceMs,
    snapshotsMax: args.snapshots,
    excludes: args.excludes,
    crossMounts: args.crossMounts,
    tz: args.tz,
    reread: args.reread,
    side: args.side,
    newState: args.newState,
    notGluster: args.notGluster,
    bricksRescued: args.bricksRescued,
  };
  const { part } = args;
  const { volumes, isHere } = await volumesOf(context, args);
  if (!isHere) {
    const { assessJoined } = await import('../joined.ts');
    const asked = volumes.map(({ live, backups }, index): JoinedAsked => {
      const placed = backups.map(({ host, path }) => ({ host, pattern: path }));
      return { ...options, live, backups: placed, part, outDir: outDirOf(args, index) };
    });
    return assessJoined(context, asked, { ...args, detach: args.detach && !args.wait });
  }
  const requests = volumes.map(({ live, backups }, index) => {
    return {
      ...options,
      live: live.path,
      backups: backups.map(({ path }) => path),
      part,
      outDir: outDirOf(args, index),
    };
  });
  const stateDir = config.databaseUrl === null ? encodeText(config.stateDir) : null;
  const [{ workingDirectory }, { refuseStateInside }] = await Promise.all([
    import('../../services/process/working-directory.ts'),
    import('../../services/typed/outside.ts'),
  ]);
  const cwd = workingDirectory();
  if (stateDir !== null) {
    const trees = requests.map(({ live }) => live);
    const patterns = requests.flatMap(({ backups }) => backups);
    await refuseStateInside({ ...args, stateDir, cwd, trees, patterns });
  }
  if (args.detach) {
    const { detach } = await import('../detach.ts');
    return detach(context, { kind: 'assess', volumes: requests }, args);
  }
  const { withScanTools } = await import('../scan-tools.ts');
  const load = () => import('../../services/assess.ts');
  return withScanTools(context, args, load, async ({ assess }, { tools, owners }) => {
    const results: AssessResult[] = [];
    for (const request of requests) {
      const result = await assess(
        {
          ...tools,
          cwd,
          stateDir,
          program: config.program,
          owners,
          onPlan: (pattern, plan) => announce(output, pattern, plan),
        },
        request,
      );
      results.push(result);
      if (!args.json) print(output, result, results.length > 1);
    }
    if (args.json) {
      const answers = results.map(({ assessment, bundle }) => answerJson(assessment, bundle));
      output.json(answers.length === 1 ? answers[0] : answers);
    }
    return results.length === 0 ? EXIT.failure : worstExit(results.map(({ exit }) => exit));
  });
}

interface PlacedVolume {
  readonly live: Placed;
  readonly backups: readonly Placed[];
}

/** What was typed, with the host of each; a volume that was assessed before is known by its name, with its backups. */
async function volumesOf(
  context: Context,
  args: AssessArguments,
): Promise<{ readonly volumes: readonly PlacedVolume[]; readonly isHere: boolean }> {
  const { hostsOf, placed, refuseRelative } = await import('../../services/typed/placed.ts');
  const here = args.host ?? context.config.host;
  const typed = args.volumes.map((volume) => ({
    live: placed(volume.live, here),
    backups: volume.backups.map((backup) => placed(backup, here)),
  }));
  const volumes = args.volume === null ? typed : [await known(context, args.volume)];
  const isHere = volumes.every(({ live, backups }) =>
    [live, ...backups].flatMap(hostsOf).every((host) => host === context.config.host),
  );
  if (!isHere)
    for (const { live, backups } of volumes) {
      refuseRelative(live, '--live');
      for (const backup of backups) refuseRelative(backup, '--backup');
    }
  return { volumes, isHere };
}

async function known(context: Context, name: string): Promise<PlacedVolume> {
  const [{ assessedBefore }, { workingDirectory }] = await Promise.all([
    import('../../services/volumes.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  return assessedBefore(db.pool, { name, here: context.config.host, cwd: workingDirectory() });
}

/** With several volumes each has a bundle of its own: DIR, DIR-2, DIR-3. */
function outDirOf(args: AssessArguments, index: number): string | null {
  if (args.out === null) return null;
  return index === 0 ? args.out : `${args.out}-${index + 1}`;
}

function announce(output: Output, pattern: string, plan: SeriesPlan): void {
  for (const line of planLines(pattern, plan)) output.note(line);
}

function print(output: Output, { assessment, bundle }: AssessResult, another: boolean): void {
  if (another) output.line();
  for (const line of renderAssessment(assessment, bundle?.report ?? null, output)) output.line(line);
}
