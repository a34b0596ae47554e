// rollcall export: what a volume held, as a list of digests that xxhsum checks, or two states compared as rclone prints it.
import { Option, type Command } from 'commander';
import { WRITE_FORMATS, type WriteFormat } from '../../services/exchange/formats.ts';
import type { Run } from '../command.ts';

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
      await run(async (context) => (await import('../bodies/export.ts')).exportBody(context, args), {
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
