// rollcall export: what a volume held, as a list of digests that xxhsum checks, or two states compared as rclone prints
// it.
import { Option, type Command } from 'commander';
import { EXIT, type ExitCode, worstExit } from '../../domain/exit.ts';
import { WRITE_FORMATS, type WriteFormat } from '../../domain/list-formats.ts';
import type { ManifestSummary } from '../../services/export.ts';
import { count, plural } from '../../services/report/wording.ts';
import type { StateChoice } from '../../services/typed/state-of.ts';
import { parseWhen } from '../../services/typed/when.ts';
import type { Context, Run } from '../command.ts';

export interface ExportStateArguments {
  readonly volume: string;
  readonly asOf: string | null;
  readonly snapshot: string | null;
}

export interface ExportArguments {
  readonly state: ExportStateArguments;
  readonly against: ExportStateArguments | null;
  readonly format: WriteFormat;
  readonly zero: boolean;
  /** Null for standard output. */
  readonly file: string | null;
  readonly overwrite: boolean;
  readonly tz: string | null;
  readonly json: boolean;
}

interface Options {
  readonly format: WriteFormat;
  readonly snapshot?: string;
  readonly asOf?: string;
  readonly against?: string;
  readonly againstSnapshot?: string;
  readonly againstAsOf?: string;
  readonly zero?: boolean;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly tz?: string;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('export');
  command
    .summary('write what a volume held as a list for xxhsum and other tools')
    .description(
      'Writes what a volume held at one scan as a list of digests (XXH64) that other tools read, or compares two states as rclone check ' +
        '--combined does. Reads no file: the scans have. A name that the format cannot hold is refused by name, never changed. ' +
        '(To carry a series with its history to another machine: rollcall scan PATTERN --export FILE.)',
    )
    .argument('<volume>', 'a volume, by its name, its path or its pattern')
    .option('--snapshot <name>', 'the snapshot of that name (default: the newest state)')
    .option('--as-of <when>', 'the newest state taken by then')
    .addOption(
      new Option(
        '--format <format>',
        'xxhsum and xxhsum-tag: for every xxhsum, names raw; gnu and bsd: for xxhsum from 0.8.2 on, names escaped as coreutils does; jsonl; combined',
      )
        .choices(WRITE_FORMATS)
        .default('xxhsum'),
    )
    .option('--against <volume>', 'compare with this volume (with --format combined)')
    .option('--against-snapshot <name>', 'with its snapshot of that name')
    .option('--against-as-of <when>', 'with its newest state taken by then')
    .option('-z, --zero', 'end lines with NUL and leave names as they are (gnu only)')
    .option('-o, --output <file>', "write to this file, whole or not at all ('-': standard output, the default)")
    .option('--overwrite', 'replace the file if it exists')
    .option('--tz <zone>', 'time zone of --as-of (default: that of this machine)')
    .option('--json', 'print what was written and what was left out as one JSON object (with -o FILE)')
    .action(async (volume: string, options: Options) => {
      const file = options.output === undefined || options.output === '-' ? null : options.output;
      const wrong = misuse(options, file);
      if (wrong !== null) return command.error(`error: ${wrong}`);
      const args: ExportArguments = {
        state: { volume, asOf: options.asOf ?? null, snapshot: options.snapshot ?? null },
        against:
          options.against === undefined
            ? null
            : {
                volume: options.against,
                asOf: options.againstAsOf ?? null,
                snapshot: options.againstSnapshot ?? null,
              },
        format: options.format,
        zero: options.zero ?? false,
        file,
        overwrite: options.overwrite ?? false,
        tz: options.tz ?? null,
        json: options.json ?? false,
      };
      await run((context) => exportBody(context, args), {
        json: options.json,
      });
    });
}

function misuse(options: Options, file: string | null): string | null {
  if (options.against === undefined && (options.againstSnapshot ?? options.againstAsOf) !== undefined)
    return '--against-snapshot and --against-as-of choose a state of --against VOLUME: name that volume (it may be the same one).';
  if ((options.format === 'combined') !== (options.against !== undefined))
    return '--format combined and --against VOLUME belong together.';
  if (options.zero === true && options.format !== 'gnu') return '--zero is of --format gnu only.';
  if (options.json === true && file === null) return '--json wants -o FILE: standard output is the list.';
  return null;
}

const GAPS_SHOWN = 20;

export async function exportBody(context: Context, args: ExportArguments): Promise<ExitCode> {
  const { output, signal } = context;
  const choice = (typed: ExportStateArguments, option: string): StateChoice => ({
    volume: typed.volume,
    snapshot: typed.snapshot,
    asOf: typed.asOf === null ? null : parseWhen(typed.asOf, { option, nowMs: context.now(), tz: args.tz }),
  });
  const request = {
    ...args,
    state: choice(args.state, '--as-of'),
    against: args.against === null ? null : choice(args.against, '--against-as-of'),
  };
  const [{ exportManifest, gapText }, { workingDirectory }] = await Promise.all([
    import('../../services/export.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  const summary = await exportManifest(
    {
      db,
      host: context.config.host,
      cwd: workingDirectory(),
      signal,
      write: (piece) => void process.stdout.write(piece),
      onRefused: (path) => output.note(`refused: ${path}`),
    },
    request,
  );
  if (args.json) output.json(summary);
  for (const line of leftOut(summary, args.format, summary.gaps.map(gapText))) output.note(line);
  if (!args.json && summary.file !== null)
    output.line(`${summary.file}: ${plural(summary.written, 'line')} of ${summary.state}`);
  return exitOf(summary);
}

/** The list does not hold everything that the state holds (3), or the two states differ (1). */
function exitOf({ refused, unread, gaps, signs }: ManifestSummary): ExitCode {
  const codes: ExitCode[] = [];
  if (refused > 0 || unread.files > 0 || gaps.length > 0 || (signs !== null && signs['!'] > 0))
    codes.push(EXIT.incomplete);
  if (signs !== null && signs['-'] + signs['+'] + signs['*'] > 0) codes.push(EXIT.findings);
  return worstExit(codes);
}

function leftOut(summary: ManifestSummary, format: ExportArguments['format'], gaps: readonly string[]): string[] {
  const { refused, unread, others } = summary;
  const lines: string[] = [];
  if (refused > 0)
    lines.push(
      `${plural(refused, 'name')} with a line feed or carriage return, which --format ${format} cannot hold: not in the list.` +
        (format === 'combined' ? '' : ' --format gnu and bsd escape them; jsonl holds every name.'),
    );
  for (const path of unread.first) lines.push(`unread: ${path}`);
  if (unread.files > 0)
    lines.push(
      `${plural(unread.files, 'file')} in all that no scan has read: without a digest ${format === 'jsonl' ? 'in' : 'they are not in'} the list.` +
        ' For snapshots, rollcall scan PATTERN --export FILE reads every version once.',
    );
  for (const gap of gaps.slice(0, GAPS_SHOWN)) lines.push(`not read: ${gap}`);
  if (gaps.length > 0)
    lines.push(
      `${plural(gaps.length, 'place')} in all that the scan could not read: what is there is not in the list.`,
    );
  if (summary.notListed > 0)
    lines.push(`${plural(summary.notListed, 'name')} that a list lacks which does not claim to be complete: left out.`);
  if (others > 0)
    lines.push(
      `Left out, as in every such list: ${count(others)} that are not files (directories, links and the like).`,
    );
  return lines;
}
