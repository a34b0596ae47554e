// rollcall pause: for a time nothing that is due begins; it ends by itself.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { iso } from '../../domain/window/timeline.ts';
import { localTime, visible } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';
import { actor } from '../config.ts';

interface Options {
  readonly all?: boolean;
  readonly until?: string;
  readonly end?: boolean;
  readonly reason?: string;
  readonly json?: boolean;
}

export function define(program: Command, run: Run): void {
  const command = program.command('pause');
  command
    .summary('pause the schedule of a volume or backup for a time, or list pauses')
    .description(
      'Starts nothing scheduled for a volume or backup until a given time. A pause ends by itself; what was due meanwhile then runs once. Time without an audit still counts. Without an argument: lists the pauses.',
    )
    .argument('[subject]', 'the name of a volume or backup in the configuration')
    .option('--all', 'everything')
    .option('--until <when>', '2h, "3 days", 06:00, 2026-12-01 (its end) or 2026-12-01T08:00')
    .option('--end', 'end the pause now')
    .option('--reason <text>', 'why, also with --end; kept in the audit log')
    .option('--json', 'print the pauses as one JSON object')
    .action(async (subject: string | undefined, options: Options) => {
      const problem = problemOf(subject, options);
      if (problem !== null) return command.error(`error: ${problem}`);
      await run((context) => pauseBody(context, { ...options, subject: subject ?? null }), { json: options.json });
    });
}

function problemOf(subject: string | undefined, { all = false, until, end = false, reason }: Options): string | null {
  if (subject === undefined && !all)
    return until === undefined && !end && reason === undefined
      ? null
      : 'Name a volume or backup, or say --all for everything.';
  if (subject !== undefined && all) return 'Name a volume or backup, or say --all, not both.';
  if ((until === undefined) !== end) return 'Say until when with --until WHEN, or --end to end it now.';
  return reason === undefined ? 'Say why with --reason TEXT.' : null;
}

export async function pauseBody(
  { output, session, now }: Context,
  {
    subject,
    until,
    end = false,
    all = false,
    reason = '',
    json = false,
  }: Options & { readonly subject: string | null },
): Promise<ExitCode> {
  const { pause, pauses, resume } = await import('../../services/pause.ts');
  const { db } = await session();
  const decision = { subject, reason, actor: actor(), nowMs: now() };
  const asked = subject !== null || all;
  if (asked && end) await resume(db, decision);
  if (asked && until !== undefined) await pause(db, { ...decision, until });
  const held = await pauses(db.pool, decision.nowMs);
  if (json) {
    output.json({
      pauses: held.map(({ fromMs, untilMs, ...one }) => ({ ...one, from: iso(fromMs), until: iso(untilMs) })),
    });
    return EXIT.nothing;
  }
  if (held.length === 0) output.line('Nothing is paused.');
  for (const { subject, untilMs, reason, actor } of held)
    output.line(visible(`${subject ?? 'everything'}: paused until ${localTime(iso(untilMs))} by ${actor}: ${reason}`));
  return EXIT.nothing;
}
