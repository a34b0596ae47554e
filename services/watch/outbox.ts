// The outbox: each hook with something to tell has a task, which a serve takes, for serves alone have the secrets. A
// message is claimed before it is sent and settled after: a serve that dies between leaves it to be sent once more,
// with the same id. What a hook does not take is tried again for about a day.
import { EXIT } from '../../domain/exit.ts';
import type { Configuration, Hook } from '../../domain/watch/configuration.ts';
import { holdingConfiguration } from '../catalog/configurations.ts';
import type { Database } from '../catalog/database.ts';
import {
  claimMessage,
  forgetMessages,
  forgetStartsOfEndedRuns,
  hooksToTell,
  type KeptMessage,
  markFailed,
  markSent,
  nextMessage,
} from '../catalog/messages.ts';
import type { Queryable } from '../catalog/scans.ts';
import { type DueTask, leaveTask, PRIORITY } from '../catalog/tasks.ts';
import type { TaskOutcome, TaskWork } from '../fleet/crew.ts';
import { deliver, type HookTools } from './hooks/deliver.ts';
import { NotDelivered } from './hooks/request.ts';
import { DAY_MS, MINUTE_MS } from '../../domain/lengths.ts';

/** Longer than any attempt may take: meanwhile no other serve tries the same. */
const CLAIM_MS = 3 * MINUTE_MS;
const LONGEST_DELAY_MS = 60 * MINUTE_MS;
/** With delays of 1, 2, 4 … 32 minutes and then of an hour, the last attempt is a day after the first. */
const ATTEMPTS_MAX = 30;
/** A hook that is away is not asked for each of a thousand messages. */
const FAILURES_IN_A_ROW_MAX = 3;
const MESSAGES_MAX = 200;

/** When a message that has failed so often is tried again; null: not any more. */
export function retryDelayMs(failures: number): number | null {
  if (failures >= ATTEMPTS_MAX) return null;
  return Math.min(LONGEST_DELAY_MS, MINUTE_MS * 2 ** Math.min(failures - 1, 10));
}

/**
 * Must run in a transaction. Leaves a task for each hook that has to be told something now, and forgets what was told
 * long ago.
 *
 * @returns the tasks that were left
 */
export async function leaveDeliveries(client: Queryable, { nowMs }: { readonly nowMs: number }): Promise<DueTask[]> {
  const configuration = await holdingConfiguration(client);
  if (configuration !== null) await forgetMessages(client, nowMs - configuration.keepMessagesDays * DAY_MS);
  const left: DueTask[] = [];
  for (const hook of await hooksToTell(client, nowMs)) {
    const task = { host: null, kind: 'deliver', reference: { hook }, priority: PRIORITY.schedule };
    left.push({ id: await leaveTask(client, { ...task, parent: null, nowMs }), kind: task.kind, host: null });
  }
  return left;
}

export interface DeliverTools {
  readonly db: Database;
  readonly hooks: HookTools;
  readonly nowMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
}

/** What a serve does for a task that leaveDeliveries has left. */
export async function deliverTask(
  tools: DeliverTools,
  work: Pick<TaskWork, 'task' | 'signal' | 'say'>,
): Promise<TaskOutcome> {
  const name = String(work.task.reference['hook']);
  work.say(`telling ${name}`);
  const { sent, failed } = await tellHook(tools, name, work.signal);
  const message = `${name}: ${sent} sent${failed === 0 ? '' : `, ${failed} not; they are tried again, or given up after a day`}`;
  // What was not sent is waited for, and is no failure of the task: `rollcall hooks` and the digest show it.
  return { done: { exit: EXIT.nothing, message, next: failed === 0 ? null : 'rollcall hooks' } };
}

/** Tells the hook what is due, the oldest first. */
async function tellHook(
  tools: DeliverTools,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly sent: number; readonly failed: number }> {
  const { db, nowMs } = tools;
  const configuration = await holdingConfiguration(db.pool);
  await forgetStartsOfEndedRuns(db.pool, name);
  const tried: bigint[] = [];
  let [sent, failed, inARow] = [0, 0, 0];
  while (!signal.aborted && tried.length < MESSAGES_MAX && inARow < FAILURES_IN_A_ROW_MAX) {
    const message = await nextMessage(db.pool, { hook: name, nowMs: nowMs(), tried });
    if (message === null) break;
    tried.push(message.id);
    if (!(await claimMessage(db.pool, message, nowMs() + CLAIM_MS))) continue;
    const isSent = await tryOnce(tools, { message, configuration, signal });
    if (signal.aborted && !isSent) break;
    sent += isSent ? 1 : 0;
    failed += isSent ? 0 : 1;
    inARow = isSent ? 0 : inARow + 1;
  }
  return { sent, failed };
}

async function tryOnce(
  { db, hooks, nowMs, log }: DeliverTools,
  {
    message,
    configuration,
    signal,
  }: { readonly message: KeptMessage; readonly configuration: Configuration | null; readonly signal: AbortSignal },
): Promise<boolean> {
  const hook = hookNamed(configuration, message.hook);
  const told = `hook ${message.hook}: ${message.event} of ${message.about}`;
  if (hook === null) {
    const trouble = `the configuration has no hook ${message.hook} any more`;
    await markFailed(db.pool, message.id, { trouble, againMs: null });
    return false;
  }
  try {
    const warning = await deliver(message, hook, { ...hooks, signal });
    await markSent(db.pool, message.id, { nowMs: nowMs(), trouble: warning });
    if (warning !== null) log(`${told}: sent, but ${warning}`);
    return true;
  } catch (error) {
    if (!(error instanceof NotDelivered)) throw error;
    // A serve that ends has tried nothing: the message is due again when its claim is over.
    if (signal.aborted) return false;
    // Whoever tests a hook looks at the answer, and tries again by hand.
    const delayMs = message.event === 'test' ? null : retryDelayMs(message.attempts + 1);
    await markFailed(db.pool, message.id, {
      trouble: error.message,
      againMs: delayMs === null ? null : nowMs() + delayMs,
    });
    const again = delayMs === null ? 'given up' : `tried again in ${Math.round(delayMs / MINUTE_MS)} min`;
    log(`${told}: ${error.message}; ${again}`);
    return false;
  }
}

function hookNamed(configuration: Configuration | null, name: string): Hook | null {
  return configuration?.hooks.find((hook) => hook.name === name) ?? null;
}
