// rollcall scan: one look at a live tree or at the snapshots of a backup, kept in the catalog or exported to a file.
import { Option, type Command } from 'commander';
import { errnoText } from '../../domain/errno.ts';
import { evidenceOf, evidenceSentences } from '../../domain/gluster/evidence.ts';
import { orphanOf } from '../../domain/gluster/orphans.ts';
import { hidesNothing } from '../../domain/scan.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { encodeText, joinPath } from '../../domain/path.ts';
import { planLines } from '../../services/report/terminal/plan.ts';
import { bytes, count, shellWord } from '../../services/report/wording.ts';
import type { ScanResult } from '../../services/scan.ts';
import { expandedByShell } from '../../services/typed/unquoted.ts';
import type { Context, Run } from '../command.ts';
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
    .argument(
      '<pattern>',
      "a directory, or a quoted pattern of snapshots ('/backup/snapshots/*/userdata'); HOST:/path on another host",
    )
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
    if ((options.detach === true || options.wait === true) && options.export !== undefined) {
      return command.error('error: --export is written by this process: leave out --detach and --wait.');
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
    await run((context) => scanBody(context, args), {
      json: options.json,
      quiet: options.quiet,
      progress: options.progress,
      threads: true,
      idle: options.idle === true,
    });
  });
}

export async function scanBody(context: Context, args: ScanArguments): Promise<ExitCode> {
  const { config, output } = context;
  const { hostsOf, placed, refuseRelative } = await import('../../services/typed/placed.ts');
  const { host, path } = placed(args.pattern, args.host ?? config.host);
  const request = {
    target: path,
    role: args.role,
    exportFile: args.exportFile,
    snapshotsMax: args.snapshots,
    excludes: args.excludes,
    crossMounts: args.crossMounts,
    tz: args.tz,
    reread: args.reread,
    newState: args.newState,
    notGluster: args.notGluster,
    bricksRescued: args.bricksRescued,
  };
  if (hostsOf({ host, path }).some((one) => one !== config.host)) {
    refuseRelative({ host, path }, 'what is scanned,');
    const { scanOn } = await import('../joined.ts');
    return scanOn(context, host, request, { ...args, detach: args.detach && !args.wait });
  }
  const stateDir = config.databaseUrl === null ? encodeText(config.stateDir) : null;
  const [{ workingDirectory }, { refuseStateInside }] = await Promise.all([
    import('../../services/process/working-directory.ts'),
    import('../../services/typed/outside.ts'),
  ]);
  const cwd = workingDirectory();
  if (stateDir !== null) await refuseStateInside({ ...args, stateDir, cwd, trees: [], patterns: [path] });
  if (args.detach) {
    const { detach } = await import('../detach.ts');
    return detach(context, { kind: 'scan', scan: request }, args);
  }
  const { withScanTools } = await import('../scan-tools.ts');
  const load = () => import('../../services/scan.ts');
  return withScanTools(context, args, load, async ({ scan }, { tools }) => {
    const result = await scan(
      {
        ...tools,
        cwd,
        stateDir,
        onPlan: (pattern, plan) => {
          for (const line of planLines(pattern, plan)) output.note(line);
        },
      },
      request,
    );
    const { volumeId: _, ...told } = result;
    if (args.json) output.json(told);
    else for (const line of lines(result, config.program)) output.line(line);
    const unread = result.exported !== null && result.exported.failures + result.exported.unread.files > 0;
    return unread || result.gaps.some(isUnread) ? EXIT.incomplete : EXIT.nothing;
  });
}

/** Content that has lost its name was read; whether anybody misses it is told when the volume is judged. */
function isUnread(gap: ScanResult['gaps'][number]): boolean {
  return gap.status !== 'boundary' && orphanOf(gap) === null;
}

function lines(result: ScanResult, program: string): string[] {
  const { totals } = result;
  const shown = [
    `${result.volume}: ${count(totals.files)} files, ${bytes(totals.bytes)}; ${count(totals.filesRead)} of them read (${bytes(totals.bytesRead)})`,
    `  found ${count(totals.found)}, changed ${count(totals.changed)}, vanished ${count(totals.vanished + totals.belowGone)}; of the names known before, ${count(totals.unknown + totals.belowUnknown)} could not be checked`,
  ];
  for (const gap of result.gaps.slice(0, 20)) {
    // What only speaks of names that stand is called by its directory, or by the name.
    const name = hidesNothing(gap) ? gap.name.replace(/^\/+/, '') : gap.name;
    const place = name === '' ? gap.directory : joinPath(gap.directory, name);
    const bricks = evidenceOf(gap.detail);
    const detail = bricks === null ? gap.detail : evidenceSentences(bricks).join(' ');
    shown.push(
      `  ${gap.status}${gap.errno === null ? '' : ` (${errnoText(gap.errno)})`}: ${place === '' ? '.' : place}${detail === null ? '' : ` (${detail})`}`,
    );
  }
  if (result.gaps.length > 20)
    shown.push(`  … and ${count(result.gaps.length - 20)} more places that could not be read`);
  if (result.gaps.some(({ status, name }) => name === '' && status !== 'boundary'))
    shown.push('  What is below a directory that could not be read, and was never seen, is in none of these numbers.');
  const { exported } = result;
  if (exported !== null) {
    shown.push(
      `Exported to ${exported.file}: ${count(exported.scans - exported.pruned)} snapshots, ${count(exported.versions)} versions; ${count(exported.read.files)} files read for it (${bytes(exported.read.bytes)})`,
    );
    for (const { directory, name, errno, detail } of exported.unreadable)
      shown.push(
        `  not read${errno === null ? '' : ` (${errnoText(errno)})`}: ${joinPath(directory, name)} (${detail})`,
      );
    if (exported.failures > exported.unreadable.length)
      shown.push(`  … and ${count(exported.failures - exported.unreadable.length)} more copies that could not be read`);
    if (exported.unread.files > 0)
      shown.push(
        `  ${count(exported.unread.files)} versions are in it without a digest: nothing can be restored from them`,
      );
    shown.push(`On the machine of the live volume: ${program} assess --live PATH --backup ${shellWord(exported.file)}`);
  } else if (result.role === 'live')
    shown.push(`Next: ${program} assess --live ${shellWord(result.path)} --backup 'PATTERN'`);
  return shown;
}
