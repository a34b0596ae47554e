// rollcall import: a list of names and digests that another tool made becomes evidence of what a volume held at some time.
import { Option, type Command } from 'commander';
import { READ_FORMATS, type ReadFormat } from '../../services/exchange/formats.ts';
import type { ImportRequest } from '../../services/import.ts';
import type { Run } from '../command.ts';

export interface ImportArguments extends Omit<ImportRequest, 'asOf'> {
  /** As typed; forget does without. */
  readonly asOf: string | null;
  readonly tz: string | null;
  readonly forget: boolean;
  readonly json: boolean;
}

interface Options {
  readonly volume: string;
  readonly asOf?: string;
  readonly tz?: string;
  readonly format?: ReadFormat;
  readonly root?: string;
  readonly below?: string;
  readonly side?: 'src' | 'dst';
  readonly complete?: boolean;
  readonly partial?: boolean;
  readonly unlike?: boolean;
  readonly forget?: boolean;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('import');
  command
    .summary('take a list that xxhsum or another tool made as evidence of what a volume held')
    .description(
      'Reads a list that another tool made (xxhsum, md5sum, sha256sum, borg, hashdeep, rclone) as evidence of what a volume held at some time: ' +
        'assess then knows of files that only the list names, and of contents that have changed silently since. It is no backup: nothing ' +
        'is restored from it. (An export that rollcall scan --export wrote is given to assess as --backup FILE.)',
    )
    .argument('<file>', "the list; '-' is standard input")
    .requiredOption(
      '--volume <volume>',
      'the volume that the list describes, live or backup: its name, path or pattern',
    )
    .option('--as-of <when>', 'when the tool began to read the files (a date, a time, an age)')
    .option('--tz <zone>', 'time zone of --as-of (default: that of this machine)')
    .addOption(
      new Option(
        '--format <format>',
        'checksum (xxhsum, md5sum, rclone hashsum; GNU or BSD layout), borg ({xxh64} {path}), hashdeep, combined (rclone check), lsf (rclone), jsonl (default: recognized by the content; lsf must be named)',
      ).choices(READ_FORMATS),
    )
    .option(
      '--root <path>',
      "the directory, as the list writes it, that is the volume's root (default: the volume's own path)",
    )
    .option('--below <dir>', "the directory of the volume where the list's relative paths begin")
    .addOption(new Option('--side <side>', 'of rclone check: which side the volume is').choices(['src', 'dst']))
    .option('--complete', 'the list names every file: what it lacks was not there')
    .option('--partial', 'leave out lines that cannot be understood (default: then nothing is imported)')
    .option('--unlike', 'it is of this volume although nothing in it was ever seen there')
    .option('--forget', 'remove what was imported from this file')
    .option('--json', 'print what was imported as one JSON object')
    .action(async (file: string, options: Options) => {
      if (options.forget !== true && options.asOf === undefined)
        return command.error("error: required option '--as-of <when>' not specified");
      if (options.complete === true && options.partial === true)
        return command.error('error: a list of which lines are left out (--partial) is not --complete.');
      const args: ImportArguments = {
        file,
        volume: options.volume,
        asOf: options.asOf ?? null,
        tz: options.tz ?? null,
        format: options.format ?? null,
        root: options.root ?? null,
        below: options.below ?? null,
        side: options.side ?? null,
        complete: options.complete ?? false,
        partial: options.partial ?? false,
        unlike: options.unlike ?? false,
        forget: options.forget ?? false,
        json: options.json ?? false,
      };
      await run(async (context) => (await import('../bodies/import.ts')).importBody(context, args), {
        json: options.json,
      });
    });
}
