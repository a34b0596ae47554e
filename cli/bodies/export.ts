// The body of `export`: the list on standard output or in a file, and what is not in it on standard error.
import { hostname } from 'node:os';
import { EXIT, type ExitCode, worstExit } from '../../domain/exit.ts';
import { parseWhen } from '../../services/typed/when.ts';
import { workingDirectory } from '../../services/files/location.ts';
import { exportManifest, gapText, type ManifestSummary } from '../../services/export.ts';
import type { StateChoice } from '../../services/typed/state-of.ts';
import { count, plural } from '../../services/report/wording.ts';
import type { Context } from '../command.ts';
import type { ExportArguments, ExportStateArguments } from '../commands/export.ts';

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
  const { db } = await context.session();
  const summary = await exportManifest(
    {
      db,
      host: hostname(),
      cwd: workingDirectory(),
      signal,
      write: (piece) => void process.stdout.write(piece),
      onRefused: (path) => output.note(`refused: ${path}`),
    },
    request,
  );
  if (args.json) output.json(summary);
  for (const line of leftOut(summary, args.format)) output.note(line);
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

function leftOut(summary: ManifestSummary, format: ExportArguments['format']): string[] {
  const { refused, unread, gaps, others } = summary;
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
  for (const gap of gaps.slice(0, GAPS_SHOWN)) lines.push(`not read: ${gapText(gap)}`);
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
