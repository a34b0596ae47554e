// rollcall findings: what is worth a person's attention, and a person's word that some of it is as it should be.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { type Verdict, VERDICTS } from '../../domain/verdicts.ts';
import { collect, quietOption, type Run, whole } from '../command.ts';

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
      await run(async (context) => (await import('../bodies/findings.ts')).listFindingsBody(context, args), {
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
      await run(async (context) => (await import('../bodies/findings.ts')).acceptFindingsBody(context, args), {
        json: options.json,
      });
    });
}
