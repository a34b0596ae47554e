// rollcall status and rollcall log: what is going on, and who decided what, when and why.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { iso } from '../../domain/window/timeline.ts';
import { bytes, count, plural, localTime, visible } from '../../services/report/wording.ts';
import type { Status } from '../../services/status.ts';
import { positive, quietOption, type Context, type Run } from '../command.ts';

export interface StatusArguments {
  readonly json: boolean;
}

export interface LogArguments {
  readonly entries: number;
  readonly json: boolean;
}

const ENTRIES = 50;

export function define(program: Command, run: Run): void {
  program
    .command('status')
    .summary('what runs, what became of detached tasks, and what is still open')
    .description(
      'Shows the scans that run and who holds them, the tasks that --detach queued and their results, and the last ' +
        'assessment of each volume. Ends with 1 while findings are open, and with 3 where the last audit of a volume failed, was stopped ' +
        'by a guard, or is incomplete.',
    )
    .addOption(quietOption())
    .option('--json', 'print it as one JSON object')
    .action(async (options: { readonly quiet?: boolean; readonly json?: boolean }) => {
      const args: StatusArguments = { json: options.json ?? false };
      await run((context) => statusBody(context, args), {
        json: options.json,
        quiet: options.quiet,
      });
    });
  program
    .command('log')
    .summary('who accepted, restored or rebased what, when and why')
    .description('Prints the audit log: every decision of a person and every proven restore, the newest last.')
    .option('--entries <n>', `how many, counted from the newest (default: ${ENTRIES})`, positive)
    .option('--json', 'print them as one JSON object')
    .action(async (options: { readonly entries?: number; readonly json?: boolean }) => {
      const args: LogArguments = { entries: options.entries ?? ENTRIES, json: options.json ?? false };
      await run((context) => logBody(context, args), {
        json: options.json,
      });
    });
}

/** A task that waits for so long has probably no worker. */
const WAITING_LONG_MS = 120_000;
const INCOMPLETE_MAX = 3;

export async function statusBody(context: Context, args: StatusArguments): Promise<ExitCode> {
  const { statusOf } = await import('../../services/status.ts');
  const { db } = await context.session();
  const status = await statusOf(db.pool);
  if (args.json) context.output.json(record(status));
  else for (const line of lines(status, context.now(), context.config.program)) context.output.line(line);
  return status.exit;
}

function record({ running, tasks, assessments, troubles, exit }: Status): unknown {
  return {
    running: running.map(({ startedMs, progressedMs, scanId, heldBy, bytesRead, filesExpected, ...scan }) => ({
      scan: String(scanId),
      ...scan,
      bytes_read: bytesRead,
      files_expected: filesExpected,
      started: iso(startedMs),
      progressed: iso(progressedMs),
      held_by: heldBy,
    })),
    tasks: tasks.map(({ askedMs, endedMs, id, troubles: met, waitsFor, ...task }) => ({
      task: Number(id),
      ...task,
      troubles: met.map(({ atMs, ...trouble }) => ({ at: iso(atMs), ...trouble })),
      waits_for: waitsFor,
      asked: iso(askedMs),
      ended: endedMs === null ? null : iso(endedMs),
    })),
    assessments: assessments.map(
      ({ createdMs, volumeId: _volumeId, exact, older, none, incomplete, ...assessment }) => ({
        ...assessment,
        incomplete: incomplete.length,
        incomplete_places: incomplete,
        judged: iso(createdMs),
        recovery: { exact, older, none },
      }),
    ),
    troubles: troubles.map(({ atMs, volumeId: _volumeId, exit: stopped, ...trouble }) => ({
      ...trouble,
      exit: stopped,
      at: iso(atMs),
    })),
    exit,
  };
}

function lines({ running, tasks, assessments, troubles }: Status, nowMs: number, program: string): string[] {
  const shown: string[] = [];
  for (const scan of running) {
    const { shards, heldBy, files, filesExpected } = scan;
    const of = filesExpected === null ? '' : ` of about ${count(filesExpected)}`;
    shown.push(
      `scanning ${visible(scan.path)} (${scan.role}, on ${scan.host}) since ${localTime(iso(scan.startedMs))}`,
      `  ${count(files)}${of} files, ${bytes(scan.bytesRead)} read; ${plural(shards.done, 'shard')} done, ${shards.held} in hand, ${shards.open} waiting`,
      heldBy.length === 0
        ? `  not running; last progress ${localTime(iso(scan.progressedMs))}. The same command, or ${program} worker, continues it.`
        : `  ${heldBy.map((holder) => `held from ${holder.from ?? 'this machine'} since ${localTime(holder.since)} (${plural(holder.shards, 'shard')})`).join('; ')}`,
    );
  }
  for (const task of tasks) shown.push(...taskLines(task, nowMs, program));
  for (const trouble of troubles) {
    const what = trouble.exit === EXIT.guard ? 'was stopped by a guard' : 'failed';
    shown.push(
      `${visible(trouble.volume)}: the last audit ${what}, ${localTime(iso(trouble.atMs))}: ${visible(trouble.message)}`,
    );
    if (trouble.next !== null) shown.push(`  next: ${visible(trouble.next)}`);
  }
  for (const last of assessments) {
    const open = VERDICTS.filter((verdict) => (last.open[verdict] ?? 0) > 0).map(
      (verdict) => `${verdict} ${count(last.open[verdict] ?? 0)}`,
    );
    shown.push(
      `${visible(last.volume)}: assessed ${localTime(iso(last.createdMs))}; ${
        open.length === 0 ? 'no open findings' : `open findings: ${open.join(', ')}`
      }`,
      ...last.incomplete.slice(0, INCOMPLETE_MAX).map((text) => `  INCOMPLETE: ${visible(text)}`),
    );
    if (last.incomplete.length > INCOMPLETE_MAX)
      shown.push(`  INCOMPLETE: ${count(last.incomplete.length - INCOMPLETE_MAX)} more (--json lists them all)`);
    if (last.bundle !== null) shown.push(`  bundle ${visible(last.bundle)}`);
  }
  if (assessments.some(({ open }) => Object.keys(open).length > 0)) shown.push(`Next: ${program} findings`);
  if (shown.length === 0)
    shown.push(
      `Nothing is running, and nothing has been assessed yet. Next: ${program} assess --live PATH --backup 'PATTERN'`,
    );
  return shown;
}

const STATE: Readonly<Record<Status['tasks'][number]['state'], string>> = {
  waiting: 'waiting for a worker',
  'at work': 'at work',
  left: 'waiting for what it has left',
  done: 'done',
  failed: 'given up',
  cancelled: 'cancelled',
};

function taskLines(task: Status['tasks'][number], nowMs: number, program: string): string[] {
  const { id, kind, about, host, answer, endedMs, state, troubles, waitsFor } = task;
  const where = host === null ? 'for any host' : `on ${visible(host)}`;
  const said =
    endedMs === null || answer === null
      ? STATE[state]
      : `ended ${localTime(iso(endedMs))} with exit code ${answer.exit}: ${visible(answer.message)}`;
  const shown = [
    `task ${id} (${kind} ${visible(about.join(', '))}, ${where}), asked ${localTime(iso(task.askedMs))}: ${said}`,
  ];
  for (const one of waitsFor)
    shown.push(`  task ${one.task} (${one.kind}) is for ${one.host === null ? 'any host' : visible(one.host)}`);
  const last = troubles.at(-1);
  if (last !== undefined && state !== 'done')
    shown.push(
      `  ${localTime(iso(last.atMs))}${last.host === null ? '' : ` on ${visible(last.host)}`}: ${visible(last.why)}`,
    );
  if (answer?.bundle !== null && answer?.bundle !== undefined) shown.push(`  bundle ${visible(answer.bundle)}`);
  if (answer !== null && answer.next !== null) shown.push(`  next: ${visible(answer.next)}`);
  if (state === 'waiting' && nowMs - task.askedMs > WAITING_LONG_MS)
    shown.push(`  no worker has taken it. Start one${host === null ? '' : ` on ${visible(host)}`}: ${program} worker`);
  return shown;
}

export async function logBody(context: Context, args: LogArguments): Promise<ExitCode> {
  const { log } = await import('../../services/status.ts');
  const { db } = await context.session();
  const { output } = context;
  const entries = (await log(db.pool, args.entries)).reverse();
  if (args.json) {
    output.json({ log: entries.map(({ atMs, ...entry }) => ({ at: iso(atMs), ...entry })) });
    return EXIT.nothing;
  }
  if (entries.length === 0) output.line('The audit log is empty.');
  for (const { atMs, actor, action, subject, reason } of entries) {
    const why = reason === null ? '' : `: ${visible(reason)}`;
    output.line(`${localTime(iso(atMs))}  ${visible(actor)}  ${action}  ${visible(subject)}${why}`);
  }
  return EXIT.nothing;
}
