// The body of `import`.
import { hostname } from 'node:os';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { parseWhen } from '../../services/typed/when.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { forgetList, importList, type ImportSummary } from '../../services/import.ts';
import { plural } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { ImportArguments } from '../commands/import.ts';

const PROBLEMS_SHOWN = 20;

export async function importBody(context: Context, args: ImportArguments): Promise<ExitCode> {
  const { output } = context;
  const { db } = await context.session();
  const tools = { db, host: hostname(), cwd: workingDirectory(), nowMs: context.now };
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
