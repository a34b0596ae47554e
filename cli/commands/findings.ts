// rollcall findings: what is worth a person's attention, and a person's word that some of it is as it should be.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, type ExitCode, worstExit } from '../../domain/exit.ts';
import { type Verdict, VERDICT, VERDICTS } from '../../domain/verdicts.ts';
import type { StoredFinding } from '../../services/findings.ts';
import { collect, quietOption, type Context, type Run, whole } from '../command.ts';
import { actor } from '../config.ts';

const FINDING_STATES = ['open', 'resolved', 'accepted', 'all'] as const;

export interface ListFindingsArguments {
  readonly volume: string | null;
  readonly state: (typeof FINDING_STATES)[number];
  readonly verdicts: readonly Verdict[];
  readonly path: string | null;
  /** Lines in all; null for no limit given: then text has its own, and JSON none. 0 is none. */
  readonly limit: number | null;
  readonly json: boolean;
}

export interface AcceptFindingsArguments {
  /** Ids of findings, or paths. */
  readonly findings: readonly string[];
  readonly volume: string | null;
  readonly reason: string;
  readonly json: boolean;
}

interface ListOptions {
  readonly volume?: string;
  readonly state: (typeof FINDING_STATES)[number];
  readonly verdict?: readonly string[];
  readonly path?: string;
  readonly limit?: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

interface AcceptOptions {
  readonly volume?: string;
  readonly reason: string;
  readonly json?: boolean;
}

function collectVerdict(value: string, before: readonly string[] | undefined): readonly string[] {
  if (!(VERDICTS as readonly string[]).includes(value))
    throw new InvalidArgumentError(`The verdicts are ${VERDICTS.join(', ')}.`);
  return collect(value, before);
}

export function define(program: Command, run: Run): void {
  const findings = program
    .command('findings')
    .summary('list findings, or accept some with a reason')
    .description(
      'Lists what is worth attention until it is resolved, and accepts, with a reason, that a file is as it should be.',
    );
  findings
    .command('list', { isDefault: true })
    .description('list findings, the worst first (the default)')
    .option('--volume <name>', 'of this volume only')
    .addOption(new Option('--state <state>', 'of this state only').choices(FINDING_STATES).default('open'))
    .option('--verdict <verdict>', 'of this verdict only, such as missing; may be repeated', collectVerdict)
    .option('--path <path>', 'only what is there or below: from the root of the volume, or absolute')
    .option('--limit <n>', 'print at most this many; 0 for all (default: 50, with --json all)', whole)
    .addOption(quietOption())
    .option('--json', 'print them as one JSON object')
    .action(async (options: ListOptions) => {
      const args: ListFindingsArguments = {
        volume: options.volume ?? null,
        state: options.state,
        verdicts: (options.verdict ?? []) as readonly Verdict[],
        path: options.path ?? null,
        limit: options.limit ?? null,
        json: options.json ?? false,
      };
      await run((context) => listFindingsBody(context, args), {
        json: options.json,
        quiet: options.quiet,
      });
    });
  findings
    .command('accept')
    .description('accept findings: what is there now is as it should be, until it changes again')
    .argument('<finding...>', 'ids of findings, or paths (./7 is the path 7)')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--volume <name>', 'of this volume only')
    .option('--json', 'print what was accepted as one JSON object')
    .action(async (ids: string[], options: AcceptOptions) => {
      const args: AcceptFindingsArguments = {
        findings: ids,
        volume: options.volume ?? null,
        reason: options.reason,
        json: options.json ?? false,
      };
      await run((context) => acceptFindingsBody(context, args), {
        json: options.json,
      });
    });
}

function record(finding: StoredFinding): unknown {
  const { openedMs, seenMs, closedMs, id, ...rest } = finding;
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return { id: String(id), ...rest, opened: iso(openedMs), seen: iso(seenMs), closed: iso(closedMs) };
}

export async function listFindingsBody(context: Context, args: ListFindingsArguments): Promise<ExitCode> {
  const [{ findingsOf }, { workingDirectory }] = await Promise.all([
    import('../../services/findings.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  const { volume, state, verdicts, path } = args;
  const found = await findingsOf(db, {
    volume,
    state,
    verdicts,
    path,
    host: context.config.host,
    cwd: workingDirectory(),
  });
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
  for (const line of await lines(found, args, context.config.program)) output.line(line);
  return exit;
}

async function lines(found: readonly StoredFinding[], args: ListFindingsArguments, program: string): Promise<string[]> {
  const isAll = args.volume === null && args.path === null && args.verdicts.length === 0;
  if (found.length === 0)
    return [`No ${args.state === 'all' ? '' : `${args.state} `}findings${isAll ? '' : ' that match'}.`];
  const [{ isSideUnknown }, { findingLines, SHOWN_MAX }] = await Promise.all([
    import('../../services/findings.ts'),
    import('../../services/report/terminal/findings.ts'),
  ]);
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
  const [{ acceptFindings }, { workingDirectory }] = await Promise.all([
    import('../../services/findings.ts'),
    import('../../services/process/working-directory.ts'),
  ]);
  const { db } = await context.session();
  const accepted = await acceptFindings(db, {
    findings: args.findings,
    volume: args.volume,
    host: context.config.host,
    cwd: workingDirectory(),
    reason: args.reason,
    actor: actor(),
    nowMs: context.now(),
  });
  if (args.json) context.output.json({ accepted: accepted.map(record) });
  else for (const one of accepted) context.output.line(`accepted ${String(one.id)}: ${one.verdict} ${one.path}`);
  return EXIT.nothing;
}
