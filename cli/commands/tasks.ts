// rollcall wait, cancel and retry: following and steering what was queued for workers.
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { plural } from '../../services/report/wording.ts';
import type { Context, Run } from '../command.ts';

export interface TaskArguments {
  readonly task: bigint;
  readonly json: boolean;
}

interface Options {
  readonly json?: boolean;
}

const TASK = 'the number of the task; rollcall status lists them';

export function define(program: Command, run: Run): void {
  program
    .command('wait')
    .summary('follow a queued task to its end')
    .description(
      'Follows a task that was queued for workers (--detach) to its end, and ends with its exit code. Ctrl-C stops following, not the task.',
    )
    .argument('<task>', TASK, taskNumber)
    .option('--json', 'print its answer as one JSON object')
    .option('--no-progress', 'no progress line on the terminal')
    .action(async (task: bigint, options: Options & { readonly progress: boolean }) => {
      const args: TaskArguments = { task, json: options.json ?? false };
      await run((context) => waitBody(context, args), {
        json: options.json,
        progress: options.progress,
        tidies: true,
      });
    });
  program
    .command('cancel')
    .summary('cancel a queued task')
    .description('Cancels a task, with all that it has left for other hosts. What it has scanned stays known.')
    .argument('<task>', TASK, taskNumber)
    .option('--json', 'print what was cancelled as one JSON object')
    .action(async (task: bigint, options: Options) => {
      const args: TaskArguments = { task, json: options.json ?? false };
      await run((context) => cancelBody(context, args), {
        json: options.json,
      });
    });
  program
    .command('retry')
    .summary('queue a failed or cancelled task again')
    .description(
      'Queues a task again that failed, was given up, or was cancelled. It goes on from what it has made already.',
    )
    .argument('<task>', TASK, taskNumber)
    .option('--json', 'print the task as one JSON object')
    .action(async (task: bigint, options: Options) => {
      const args: TaskArguments = { task, json: options.json ?? false };
      await run((context) => retryBody(context, args), {
        json: options.json,
      });
    });
}

function taskNumber(value: string): bigint {
  if (/^[1-9]\d{0,17}$/.test(value)) return BigInt(value);
  throw new InvalidArgumentError('It must be the number of a task.');
}

export async function waitBody(context: Context, { task, json }: TaskArguments): Promise<ExitCode> {
  const { waitHere } = await import('../follow.ts');
  return waitHere(context, task, json);
}

export async function cancelBody(context: Context, { task, json }: TaskArguments): Promise<ExitCode> {
  const { cancel } = await import('../../services/steer.ts');
  const { config, output, now } = context;
  const { db } = await context.session();
  const { cancelled, wasTaken } = await cancel({ db, nowMs: now, program: config.program }, task);
  if (json) {
    output.json({ task, cancelled, was_running: wasTaken });
    return EXIT.nothing;
  }
  const others = cancelled > 1 ? `, with ${plural(cancelled - 1, 'task')} that it had left for others` : '';
  output.line(
    `Cancelled task ${task}${others}.${wasTaken ? ' A worker that is at work on it stops within 15 seconds.' : ''}`,
  );
  output.line(`${config.program} retry ${task} queues it again.`);
  return EXIT.nothing;
}

export async function retryBody(context: Context, { task, json }: TaskArguments): Promise<ExitCode> {
  const [{ retry }, { wakeWorkers }] = await Promise.all([import('../../services/steer.ts'), import('../follow.ts')]);
  const { config, output, now } = context;
  const { db } = await context.session();
  const due = await retry({ db, nowMs: now, program: config.program }, task);
  await wakeWorkers(context, due);
  if (json) output.json({ task });
  else output.line(`Queued task ${task} again. ${config.program} wait ${task} follows it.`);
  return EXIT.nothing;
}
