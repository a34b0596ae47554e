// What a person does to tasks that were left for workers: cancels them, and tries them again.
import { RollcallError } from '../domain/exit.ts';
import { type Database, inTransaction } from './catalog/database.ts';
import { cancelTask, retryTask, taskState, type TaskState } from './catalog/steer-tasks.ts';
import type { DueTask } from './catalog/tasks.ts';

export interface SteerTools {
  readonly db: Database;
  readonly nowMs: () => number;
  /** The words that run this program. */
  readonly program: string;
}

export interface Cancelled {
  /** A worker may be at work on it, and stops when it renews its lease. */
  readonly wasTaken: boolean;
  /** With all that it had left for others. */
  readonly cancelled: number;
}

/** @throws RollcallError where it is not known, or has ended */
export async function cancel({ db, nowMs, program }: SteerTools, id: bigint): Promise<Cancelled> {
  return inTransaction(db, async (client) => {
    const task = known(await taskState(client, id), id, program);
    const cancelled = await cancelTask(client, id, nowMs());
    if (cancelled > 0) return { wasTaken: task.state !== 'open', cancelled };
    throw new RollcallError(`Task ${id} has ended already (${task.state}).`, {
      next: `${program} wait ${id} prints its answer`,
    });
  });
}

/** @returns what workers can take now @throws RollcallError where it is not known, or there is nothing to try again */
export async function retry({ db, nowMs, program }: SteerTools, id: bigint): Promise<readonly DueTask[]> {
  return inTransaction(db, async (client) => {
    const task = known(await taskState(client, id), id, program);
    if (task.parent !== null)
      throw new RollcallError(`Task ${id} is a part of task ${task.parent}, and is retried with it.`, {
        next: `${program} retry ${task.parent}`,
      });
    const due = await retryTask(client, id, nowMs());
    if (due.length > 0) return due;
    throw task.state === 'done'
      ? new RollcallError(`Task ${id} has its answer; only a failed or cancelled task can be retried.`, {
          next: `${program} wait ${id} prints it; to look again, give the command anew`,
        })
      : new RollcallError(`Task ${id} has not ended.`, { next: `${program} wait ${id} follows it` });
  });
}

function known(task: TaskState | null, id: bigint, program: string): TaskState {
  if (task !== null) return task;
  throw new RollcallError(`There is no task ${id}.`, { next: `${program} status lists them` });
}
