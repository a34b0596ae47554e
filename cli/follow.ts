// Following a task from the command line: what it does now on the moving line, and its answer in the end. Ctrl-C stops
// following, not the task.
import { EXIT, RollcallError, type ExitCode } from '../domain/exit.ts';
import type { DueTask } from '../services/detach.ts';
import type { TaskAnswer } from '../services/follow.ts';
import { visible } from '../services/report/wording.ts';
import type { Context } from './command.ts';

/** Wakes workers for what was queued; where the queue is away, they find it by themselves. */
export async function wakeWorkers({ session, config, output }: Context, queued: readonly DueTask[]): Promise<void> {
  const { wakeFor } = await import('../services/detach.ts');
  const { address } = await session();
  const where = config.redisUrl === null ? { address } : { redisUrl: config.redisUrl };
  for (const task of queued) {
    const trouble = await wakeFor(task, where);
    if (trouble === null) continue;
    return output.note(`${trouble} Workers find it by themselves within half a minute.`);
  }
}

/** Its answer. The body needs `tidies` or `threads`, so that an interruption is told in full. */
export async function followHere(context: Context, id: bigint): Promise<TaskAnswer> {
  const { session, config, output, signal } = context;
  const { followTask } = await import('../services/follow.ts');
  const { db } = await session();
  try {
    return await followTask(
      {
        db,
        signal,
        program: config.program,
        onProgress: (doing) => output.progress({ doing, files: 0, bytes: 0, filesExpected: null }),
        onNotice: (text) => output.note(text),
      },
      id,
    );
  } catch (error) {
    if (signal.aborted && error instanceof RollcallError) output.note(`${error.message} ${error.next ?? ''}`.trim());
    throw error;
  } finally {
    output.done();
  }
}

/** Prints its answer, and ends with its exit code. */
export async function waitHere(context: Context, id: bigint, json: boolean): Promise<ExitCode> {
  const { output } = context;
  const said = await followHere(context, id);
  const isSilent = said['silent'] === true;
  const exit = isSilent ? EXIT.incomplete : (said.exit as ExitCode);
  const message = isSilent ? `${String(said['host'])} did not answer: no worker serves it.` : said.message;
  const next = said.next ?? null;
  const bundle = typeof said['bundle'] === 'string' ? said['bundle'] : null;
  if (json) {
    output.json({ task: Number(id), exit, message, next, bundle, assessment: said['assessment'] ?? null });
    return exit;
  }
  output.line(`Task ${id} ended with exit code ${exit}: ${visible(message)}`);
  if (bundle !== null) output.line(`  bundle ${visible(bundle)}`);
  if (next !== null) output.line(`  next: ${visible(next)}`);
  return exit;
}
