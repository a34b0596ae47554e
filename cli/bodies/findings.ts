// The bodies of `findings list` and `findings accept`.
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { acceptFindings, findingsOf } from '../../services/audit/findings.ts';
import type { StoredFinding } from '../../services/catalog/findings.ts';
import { workingDirectory } from '../../services/files/location.ts';
import type { Context } from '../command.ts';
import type { AcceptFindingsArguments, ListFindingsArguments } from '../commands/findings.ts';
import { actor } from '../config.ts';

function record(finding: StoredFinding): unknown {
  const { openedMs, seenMs, closedMs, id, ...rest } = finding;
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { id: String(id), ...rest, opened: iso(openedMs), seen: iso(seenMs), closed: iso(closedMs) };
}

export async function listFindingsBody(context: Context, args: ListFindingsArguments): Promise<ExitCode> {
  const { db } = await context.session();
  const found = await findingsOf(db, { volume: args.volume, state: args.state });
  const { output } = context;
  if (args.json) {
    output.json({ findings: found.map(record) });
  } else if (found.length === 0) {
    output.line(args.state === 'open' ? 'No open findings.' : `No findings (${args.state}).`);
  } else {
    let volume = '';
    for (const finding of found) {
      if (finding.volume !== volume) output.line((volume = finding.volume));
      const state =
        finding.state === 'open' ? '' : `  [${finding.state}${finding.reason === null ? '' : `: ${finding.reason}`}]`;
      const recovery =
        finding.recovery === null ? '' : ` (${finding.recovery === 'none' ? 'no copy' : finding.recovery})`;
      output.line(`  ${String(finding.id).padStart(6)}  ${finding.verdict}${recovery}  ${finding.path}${state}`);
    }
    if (args.state === 'open') {
      output.line(
        `Next: ${context.config.program} history PATH shows the evidence; ${context.config.program} findings accept ID --reason "…" takes one as it is.`,
      );
    }
  }
  return args.state === 'open' && found.length > 0 ? EXIT.findings : EXIT.nothing;
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
