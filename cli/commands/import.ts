// rollcall import: a list of names and digests that another tool made becomes evidence of what a volume held at some
// time.
import { Option, type Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { READ_FORMATS, type ReadFormat } from '../../domain/list-formats.ts';
import type { ImportRequest, ImportSummary } from '../../services/import.ts';
import { plural } from '../../services/report/wording.ts';
import { parseWhen } from '../../services/typed/when.ts';
import type { Context, Run } from '../command.ts';

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
      await run((context) => importBody(context, args), {
        json: options.json,
      });
    });
}

const PROBLEMS_SHOWN = 20;

export async function importBody(context: Context, args: ImportArguments): Promise<ExitCode> {
  const [{ forgetList, importList }, { workingDirectory }] = await Promise.all([
    import('../../services/import.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { output } = context;
  const { db } = await context.session();
  const tools = { db, host: context.config.host, cwd: workingDirectory(), nowMs: context.now };
  if (args.forget || args.asOf === null) {
    const forgotten = await forgetList(tools, args);
    if (args.json) output.json(forgotten);
    else output.line(`${plural(forgotten.removed, 'list')} of ${forgotten.of} removed.`);
    return EXIT.nothing;
  }
  const asOf = parseWhen(args.asOf, { option: '--as-of', nowMs: context.now(), tz: args.tz });
  const summary = await importList(tools, { ...args, asOf });
  if (args.json) output.json(summary);
  else for (const line of lines(summary)) output.line(line);
  return summary.problems.length + summary.ambiguous.length > 0 ? EXIT.incomplete : EXIT.nothing;
}

function lines(summary: ImportSummary): string[] {
  const { files, digests, foreign, problems, likeness } = summary;
  const shown = [
    summary.outcome === 'unchanged'
      ? `This list is known already as ${summary.volume}/${summary.name}: nothing was changed.`
      : `${summary.volume}/${summary.name}: ${plural(files, 'file')}, ${digests} with a digest that can be compared`,
  ];
  for (const [algorithm, count] of Object.entries(foreign))
    shown.push(
      algorithm === 'no digest'
        ? `  ${plural(count, 'line')} without a digest: the list says that these files were there, not what they held`
        : `  ${plural(count, 'line')} with ${algorithm}, which Rollcall does not compute: these files were there; what they held is not known`,
    );
  if (summary.duplicates > 0) shown.push(`  ${plural(summary.duplicates, 'line')} that repeat an earlier one`);
  if (summary.elsewhere > 0)
    shown.push(
      `  ${plural(summary.elsewhere, 'name')} that are only on the other side, or that rclone could not compare`,
    );
  if (summary.undigested > 0)
    shown.push(
      `  ${plural(summary.undigested, 'name')} without a digest (directories, links, further names of one file) left out`,
    );
  if (summary.crlf) shown.push('  all lines end as on Windows; their carriage returns are no part of the names');
  const { spelled, ambiguous } = summary;
  if (spelled.length > 0)
    shown.push(
      `  ${plural(spelled.length, 'name')} that the volume spells in other bytes, as the same text (accents as a Mac writes them): taken for these files. The first is ${spelled[0]?.known}`,
    );
  if (ambiguous.length > 0)
    shown.push(
      `  left out: ${plural(ambiguous.length, 'name')} that may be one of several, which differ in the bytes of their accents. The first is ${ambiguous[0]}`,
    );
  for (const { line, why } of problems.slice(0, PROBLEMS_SHOWN)) shown.push(`  left out, line ${line}: ${why}`);
  if (problems.length > PROBLEMS_SHOWN) shown.push(`  … and ${problems.length - PROBLEMS_SHOWN} more lines left out`);
  if (likeness !== null && likeness.known) {
    const { met, comparable, equal } = likeness;
    const compared =
      comparable === 0
        ? 'no digest can be compared'
        : `of ${comparable} digests that can be compared ${equal} are equal`;
    shown.push(`  ${met} of its names are known of ${summary.of}; ${compared}`);
  }
  shown.push(
    summary.complete
      ? '  It claims to be complete: what it lacks was not there.'
      : '  It does not claim to be complete: what it lacks says nothing (--complete says otherwise).',
    'Next: rollcall assess, as before; the list counts as evidence from now on.',
  );
  return shown;
}
