// The bodies of `findings list` and `findings accept`.
import { EXIT, type ExitCode, worstExit } from '../../domain/exit.ts';
import { VERDICT } from '../../domain/verdicts.ts';
import { acceptFindings, findingsOf, isSideUnknown } from '../../services/findings.ts';
import type { StoredFinding } from '../../services/catalog/findings.ts';
import { workingDirectory } from '../../services/files/location.ts';
import type { Context } from '../command.ts';
import type { AcceptFindingsArguments, ListFindingsArguments } from '../commands/findings.ts';
import { actor } from '../config.ts';
import { findingLines, SHOWN_MAX } from '../../services/report/terminal/findings.ts';

function record(finding: StoredFinding): unknown {
  const { openedMs, seenMs, closedMs, id, ...rest } = finding;
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { id: String(id), ...rest, opened: iso(openedMs), seen: iso(seenMs), closed: iso(closedMs) };
}

export async function listFindingsBody(context: Context, args: ListFindingsArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const { volume, state, verdicts, path } = args;
  const found = await findingsOf(db, { volume, state, verdicts, path, cwd: workingDirectory() });
  const { output } = context;
  const exit = worstExit(
    found.map((finding) => (finding.state === 'open' ? VERDICT[finding.verdict].exit : EXIT.nothing)),
  );
  if (args.json) {
    output.json({
      total: found.length,
      findings: (args.limit === null || args.limit === 0 ? found : found.slice(0, args.limit)).map(record),
    });
    return exit;
  }
  for (const line of lines(found, args, context.config.program)) output.line(line);
  return exit;
}

function lines(found: readonly StoredFinding[], args: ListFindingsArguments, program: string): string[] {
  const isAll = args.volume === null && args.path === null && args.verdicts.length === 0;
  if (found.length === 0)
    return [`No ${args.state === 'all' ? '' : `${args.state} `}findings${isAll ? '' : ' that match'}.`];
  const limit = args.limit === 0 ? null : (args.limit ?? SHOWN_MAX);
  const shown = findingLines(found, limit);
  if (limit !== null && found.length > limit)
    shown.push(`Not all are shown: --limit 0 prints all, --verdict and --path fewer, --json all of it.`);
  const open = found.filter((finding) => finding.state === 'open');
  if (open.some(({ detail }) => isSideUnknown(detail)))
    shown.push(
      "Where you can't tell which copy is right: compare both. If the backup's is, run the same assess with --side backup; if the live one is, accept it.",
    );
  if (open.length > 0)
    shown.push(
      `Next: ${program} history PATH shows every version of a path; ${program} findings accept ID --reason "…" accepts it.`,
    );
  return shown;
}

export async function acceptFindingsBody(context: Context, args: AcceptFindingsArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const accepted = await acceptFindings(db, {
    findings: args.findings,
    volume: args.volume,
    cwd: workingDirectory(),
    reason: args.reason,
    actor: actor(),
    nowMs: context.now(),
  });
  if (args.json) context.output.json({ accepted: accepted.map(record) });
  else for (const one of accepted) context.output.line(`accepted ${String(one.id)}: ${one.verdict} ${one.path}`);
  return EXIT.nothing;
}
