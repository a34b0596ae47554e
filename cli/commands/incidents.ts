// rollcall incidents and rollcall mute: what needs a person, and a person's word that it is known.
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, type ExitCode, worstExit } from '../../domain/exit.ts';
import { isLossKind } from '../../domain/watch/conditions.ts';
import type { Incident } from '../../domain/watch/incident.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';

interface MuteOptions {
  readonly until: string;
  readonly reason: string;
  readonly json?: boolean;
}

function idOf(value: string): bigint {
  if (!/^\d{1,18}$/.test(value)) throw new InvalidArgumentError('It is the number of an incident.');
  return BigInt(value);
}

export function define(program: Command, run: Run): void {
  program
    .command('incidents')
    .summary('what needs a person: losses, volumes that cannot be audited, broken promises')
    .description(
      'Lists incidents that are open, and those of the last 14 days that are over; or shows one in detail. Ends with 1 while a loss is open, and with 3 while another one is. ' +
        'rollcall serve opens and closes them.',
    )
    .argument('[incident]', 'its number', idOf)
    .option('--json', 'print it as one JSON object')
    .action(async (id: bigint | undefined, options: { readonly json?: boolean }) => {
      const json = options.json ?? false;
      await run((context) => (id === undefined ? listBody(context, json) : oneBody(context, id, json)), { json });
    });
  program
    .command('mute')
    .summary('send no messages about an incident until a time, unless it gets worse')
    .description(
      'Sends no messages about an incident until a time. The mute ends earlier when the incident gets worse: when more, or other, files are lost. ' +
        'A volume that cannot be audited, a missed schedule and a worker in trouble stay muted when they come back.',
    )
    .argument('<incident>', 'its number', idOf)
    .requiredOption('--until <when>', 'a date, a time, or how long ("3 days")')
    .requiredOption('--reason <text>', 'why; kept in the audit log')
    .option('--json', 'print it as one JSON object')
    .action(async (id: bigint, options: MuteOptions) => {
      await run((context) => muteBody(context, id, options), { json: options.json });
    });
}

/** Losses are findings; whatever keeps audits from being made or trusted is incompleteness. */
function exitOf({ kind, closedMs }: Incident): ExitCode {
  if (closedMs !== null) return EXIT.nothing;
  return isLossKind(kind) ? EXIT.findings : EXIT.incomplete;
}

export async function listBody({ session, output, now, config }: Context, json: boolean): Promise<ExitCode> {
  const [{ areLossesOpen, incidents }, { incidentLine, incidentRecord }] = await Promise.all([
    import('../../services/incidents.ts'),
    import('../../services/report/watch/listed.ts'),
  ]);
  const { db } = await session();
  const found = await incidents(db.pool, now());
  const open = found.filter(({ closedMs }) => closedMs === null);
  if (json) output.json({ incidents: found.map(incidentRecord) });
  else {
    for (const one of found) output.line(incidentLine(one, now()));
    output.line(
      open.length > 0
        ? `Next: ${config.program} incidents N shows one in detail.`
        : (await areLossesOpen(db.pool))
          ? `No incident is open, but losses are: ${config.program} findings. A running serve opens incidents of what rollcall.yaml names within a minute.`
          : `No incident is open. ${config.program} status shows whether every volume was audited recently.`,
    );
  }
  return worstExit(open.map(exitOf));
}

export async function oneBody({ session, output, now, config }: Context, id: bigint, json: boolean): Promise<ExitCode> {
  const [{ incident }, { incidentLines, incidentRecord }] = await Promise.all([
    import('../../services/incidents.ts'),
    import('../../services/report/watch/listed.ts'),
  ]);
  const { db } = await session();
  const story = await incident(db.pool, id);
  if (json)
    output.json({
      incident: incidentRecord(story.incident),
      messages: story.messages.map(({ event, hook, state, attempts, trouble, madeMs, sentMs }) => ({
        event,
        hook,
        state,
        attempts,
        trouble,
        made: new Date(madeMs).toISOString(),
        sent: sentMs === null ? null : new Date(sentMs).toISOString(),
      })),
    });
  else for (const line of incidentLines(story, now(), config.program)) output.line(line);
  return exitOf(story.incident);
}

export async function muteBody(
  { session, output, now }: Context,
  id: bigint,
  { until, reason, json }: MuteOptions,
): Promise<ExitCode> {
  const [{ mute }, { incidentLine, incidentRecord }] = await Promise.all([
    import('../../services/incidents.ts'),
    import('../../services/report/watch/listed.ts'),
  ]);
  const { db } = await session();
  const muted = await mute(db, { id, until, reason, actor: actor(), nowMs: now() });
  if (json === true) output.json({ incident: incidentRecord(muted) });
  else output.line(incidentLine(muted, now()));
  return EXIT.nothing;
}
