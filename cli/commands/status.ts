// rollcall status and rollcall log: what is going on, and who decided what, when and why.
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { iso } from '../../domain/window/timeline.ts';
import { bytes, count, plural, localTime, visible } from '../../services/report/wording.ts';
import { watchLines, watchRecord } from '../../services/report/watch/listed.ts';
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
      'Shows the workers, the scans that run and who holds them, the tasks that --detach queued and their results, and the last ' +
        'assessment of each volume; and first, where rollcall apply has taken a configuration, the state of all that it names. Ends with 1 while findings are open or a task failed, and with 3 where the last audit of a volume failed, was stopped ' +
        'by a guard, or is incomplete, a task waits for a host without a worker, or what is watched is blind or overdue.',
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

/** As services/status.ts has it. */
const WAITING_LONG_MS = 120_000;
const INCOMPLETE_MAX = 3;

export async function statusBody(context: Context, args: StatusArguments): Promise<ExitCode> {
  const { statusOf } = await import('../../services/status.ts');
  const { db } = await context.session();
  const status = await statusOf(db.pool, {
    nowMs: context.now(),
    isShared: context.config.databaseUrl !== null,
  });
  if (args.json) context.output.json(record(status));
  else for (const line of lines(status, context.now(), context.config.program)) context.output.line(line);
  return status.exit;
}

function record({ running, workers, unserved, tasks, assessments, troubles, watch, exit }: Status): unknown {
  return {
    running: running.map(({ startedMs, progressedMs, scanId, heldBy, bytesRead, filesExpected, ...scan }) => ({
      scan: String(scanId),
      ...scan,
      bytes_read: bytesRead,
      files_expected: filesExpected,
      ...rateOf(startedMs, progressedMs, { files: scan.files, bytesRead, filesExpected }),
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
    workers: workers.map(({ host, version, pid, slots, doing, isAlive, startedMs, seenMs, clockOffsetMs }) => ({
      host,
      version,
      pid,
      slots,
      alive: isAlive,
      doing: doing.map(({ what, sinceMs }) => ({ what, since: iso(sinceMs) })),
      started: iso(startedMs),
      seen: iso(seenMs),
      clock_offset_ms: clockOffsetMs,
    })),
    unserved,
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
    watch: watch === null ? null : watchRecord(watch),
    exit,
  };
}

/** On average since the scan began, by the shards that are done; null before the first. */
function rateOf(
  startedMs: number,
  progressedMs: number,
  { files, bytesRead, filesExpected }: Pick<Status['running'][number], 'files' | 'bytesRead' | 'filesExpected'>,
) {
  const seconds = (progressedMs - startedMs) / 1_000;
  if (files === 0 || seconds < 1) return { files_per_second: null, bytes_per_second: null, remaining_seconds: null };
  const left = filesExpected === null || filesExpected <= files ? null : filesExpected - files;
  return {
    files_per_second: files / seconds,
    bytes_per_second: bytesRead / seconds,
    remaining_seconds: left === null ? null : Math.ceil((left * seconds) / files),
  };
}

const CLOCK_OFFSET_MS = 2_000;
const ROOTS_MAX = 3;

/** One line for each worker that is there; those that are missing where nobody else serves their host. */
function workerLines({ workers, unserved }: Status): string[] {
  const shown: string[] = [];
  for (const { host, isAlive, version, slots, doing, seenMs, clockOffsetMs } of workers) {
    const name = `worker on ${visible(host)}`;
    if (isAlive) {
      const does = doing.length === 0 ? 'idle' : doing.map(({ what }) => visible(what)).join('; ');
      shown.push(`${name} (${visible(version)}, ${plural(slots, 'slot')}): ${does}`);
      if (Math.abs(clockOffsetMs) > CLOCK_OFFSET_MS)
        shown.push(`  its clock is ${clockOffsetMs} ms off that of the database; set it (chrony, ntpd)`);
    } else if (!workers.some((other) => other.isAlive && other.host === host))
      shown.push(`${name} is missing: last seen ${localTime(iso(seenMs))}`);
  }
  for (const host of new Set(unserved.map((root) => root.host))) {
    const paths = unserved.filter((root) => root.host === host).map(({ path }) => visible(path));
    const more = paths.length > ROOTS_MAX ? ` and ${paths.length - ROOTS_MAX} more` : '';
    shown.push(`no worker serves ${visible(host)}: ${paths.slice(0, ROOTS_MAX).join(', ')}${more}`);
  }
  return shown;
}

function lines(status: Status, nowMs: number, program: string): string[] {
  const { running, tasks, assessments, troubles, watch } = status;
  const shown = [...(watch === null ? [] : watchLines(watch, program)), ...workerLines(status)];
  for (const scan of running) {
    const { shards, heldBy, files, filesExpected } = scan;
    const of = filesExpected === null ? '' : ` of about ${count(filesExpected)}`;
    const rate = rateOf(scan.startedMs, scan.progressedMs, scan);
    shown.push(
      `scanning ${visible(scan.path)} (${scan.role}, on ${scan.host}) since ${localTime(iso(scan.startedMs))}`,
      `  ${count(files)}${of} files, ${bytes(scan.bytesRead)} read; ${plural(shards.done, 'shard')} done, ${shards.held} in hand, ${shards.open} waiting`,
      ...(rate.files_per_second === null || heldBy.length === 0
        ? []
        : [
            `  ${count(Math.round(rate.files_per_second))} files/s, ${bytes(rate.bytes_per_second)}/s on average${rate.remaining_seconds === null ? '' : `; about ${plural(Math.ceil(rate.remaining_seconds / 60), 'minute')} left`}`,
          ]),
      heldBy.length === 0
        ? `  not running; last progress ${localTime(iso(scan.progressedMs))}. The same command, or ${program} worker, continues it.`
        : `  ${heldBy.map((holder) => `held from ${holder.from ?? 'this machine'} since ${localTime(holder.since)} (${holder.shards === 0 ? 'being completed' : plural(holder.shards, 'shard')})`).join('; ')}`,
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
