// Following a task that was left for workers to its end: what it and those that it has left do now, and its answer.
import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Database } from './catalog/database.ts';
import { type Doing, doingOf, taskState } from './catalog/steer-tasks.ts';
import type { TaskAnswer } from './fleet/crew.ts';

export type { TaskAnswer } from './fleet/crew.ts';
import { isDelay } from './fleet/delay.ts';

export interface FollowTools {
  readonly db: Database;
  readonly signal: AbortSignal;
  readonly program: string;
  /** What is going on now, in one line. */
  readonly onProgress: (doing: string) => void;
  readonly onNotice: (text: string) => void;
  /** Where no worker serves anything of it for so long, it is not followed further; UNSERVED_MS unless given. */
  readonly unservedMs?: number;
}

const LOOK_MS = 300;
/** So long nobody has to be told that no worker takes it. */
const PATIENCE_MS = 20_000;
/** Longer than workers of other hosts wait before they go on without a silent one (services/work.ts). */
const UNSERVED_MS = 6 * 60_000;

/**
 * @returns its answer, whatever it says
 * @throws RollcallError where it is not known, was cancelled, or the signal fires: the task goes on (130); where
 * no worker is there that could do anything of it (3)
 */
export async function followTask(
  { db, signal, program, onProgress, onNotice, unservedMs = UNSERVED_MS }: FollowTools,
  id: bigint,
): Promise<TaskAnswer> {
  const beganMs = Date.now();
  let told = '';
  let servedMs = beganMs;
  for (;;) {
    if (signal.aborted) {
      throw new RollcallError(`Task ${id} goes on without you.`, {
        exit: EXIT.interrupted,
        next: `${program} wait ${id} follows it again; ${program} cancel ${id} ends it.`,
      });
    }
    try {
      const state = await taskState(db.pool, id);
      if (state === null) throw new RollcallError(`There is no task ${id}.`, { next: `${program} status lists them.` });
      if (state.state === 'cancelled') throw new RollcallError(`Task ${id} was cancelled.`, { exit: EXIT.interrupted });
      if (state.result !== null) return state.result as TaskAnswer;
      const doing = await doingOf(db.pool, id);
      if (doing.length === 0 || doing.some((one) => one.served)) servedMs = Date.now();
      else if (Date.now() - servedMs >= unservedMs) throw unserved(id, doing, program);
      onProgress(
        doing
          .map(
            ({ kind, host, state: one }) =>
              `${kind}${host === null ? '' : ` on ${host}`}${one === 'open' ? ' (waiting)' : ''}`,
          )
          .join(', '),
      );
      const waiting = doing.filter((one) => one.state === 'open' && !one.served).map(({ host }) => host ?? 'any host');
      const text =
        waiting.length === 0
          ? ''
          : `No worker serves ${[...new Set(waiting)].join(', ')}. Start one there: rollcall worker`;
      if (text !== told && Date.now() - beganMs > PATIENCE_MS) {
        if (text !== '') onNotice(text);
        told = text;
      }
    } catch (error) {
      if (!isDelay(error)) throw error;
      onProgress('waiting for the database');
    }
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

function unserved(id: bigint, doing: readonly Doing[], program: string): RollcallError {
  const hosts = [...new Set(doing.map(({ host }) => host ?? 'any host'))].join(', ');
  return new RollcallError(`No worker serves ${hosts}: nothing was answered. Task ${id} waits for one.`, {
    exit: EXIT.incomplete,
    next: `Start one there (rollcall worker), and ${program} wait ${id} follows it again; ${program} cancel ${id} ends it.`,
  });
}
