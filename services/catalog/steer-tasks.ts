// What becomes of tasks other than by whoever takes them: asked about, cancelled, tried again, given up for a host that
// says nothing.
import { letGoBefore } from './kept-findings.ts';
import type { Queryable } from './scans.ts';
import { type DueTask, type Json, wakeParent } from './tasks.ts';
import { ALIVE } from './workers.ts';

/**
 * Ends what was left for hosts that have said nothing for so long: whoever waits for it goes on without. So it is with
 * what a host had taken when it fell silent. What a person has asked a host for stays, and waits for it
 * (docs/design.md#silent-hosts). Only the clock of Postgres counts. Must run in a transaction.
 * @returns the ids
 */
export async function endSilent(client: Queryable, silentMs: number, nowMs: number): Promise<readonly bigint[]> {
  return endUnanswered(
    client,
    `can_be_taken(t) and holders_are_back() and t.not_before < now() - make_interval(secs => $2::float8 / 1000)
       and not exists (select from worker w where w.host = t.host and w.seen > now() - make_interval(secs => $2::float8 / 1000))`,
    [Math.floor(nowMs), silentMs],
  );
}

/**
 * What was left for a host that is out of service ends in the same way, and what was asked of it alone is cancelled.
 * Must run in a transaction. @returns how many
 */
export async function endForHost(client: Queryable, host: string, nowMs: number): Promise<number> {
  const left = await endUnanswered(client, 't.host = $2', [Math.floor(nowMs), host]);
  const asked = await client.query<{ id: bigint }>(
    `select id from task where host = $1 and parent is null and state in ('open', 'taken', 'waiting') order by id`,
    [host],
  );
  let cancelled = 0;
  for (const { id } of asked.rows) cancelled += await cancelTask(client, id, nowMs);
  return left.length + cancelled;
}

/**
 * Ends what other tasks have left for hosts, unanswered. The fence moves on: a holder that comes late does not take
 * this end for its own. @param which SQL, of the task t; $1 is the time
 */
async function endUnanswered(client: Queryable, which: string, values: readonly unknown[]): Promise<readonly bigint[]> {
  const ended = await client.query<{ id: bigint; parent: bigint }>(
    `update task t set state = 'failed', fence = t.fence + 1, holder = null, lease_until = null, ended_ms = $1,
            result = jsonb_build_object('silent', true, 'host', t.host)
      where t.state in ('open', 'taken') and t.parent is not null and t.host is not null and ${which} returning t.id, t.parent`,
    [...values],
  );
  for (const parent of new Set(ended.rows.map((row) => row.parent))) await wakeParent(client, parent);
  return ended.rows.map(({ id }) => id);
}

/** A task with all that it has left. */
const FAMILY = `with recursive family as (
    select t.id, t.state from task t where t.id = $1 union all select c.id, c.state from family f join task c on c.parent = f.id)`;

/** Must run in a transaction. @returns how many were cancelled; 0 where it has ended, or is not known */
export async function cancelTask(client: Queryable, id: bigint, nowMs: number): Promise<number> {
  const cancelled = await client.query<{ id: bigint; parent: bigint | null }>(
    `${FAMILY} update task t set state = 'cancelled', holder = null, lease_until = null, ended_ms = $2
       from family f where t.id = f.id and t.state in ('open', 'taken', 'waiting') returning t.id, t.parent`,
    [id, Math.floor(nowMs)],
  );
  await wakeParent(client, cancelled.rows.find((row) => row.id === id)?.parent ?? null);
  return cancelled.rowCount ?? 0;
}

/** Given up, cancelled, or answered with a failure. */
const UNDONE = `(t.state in ('failed', 'cancelled') or (t.state = 'done' and (t.result ->> 'exit')::int in (2, 4, 130)))`;

/**
 * A task that was given up, cancelled, or answered with a failure or by a guard is left once more, and so is all that
 * it had left for others and was not done. What was made stays, and each keeps its place among those that were left
 * with it. Must run in a transaction.
 * @returns what is due now; empty where there is nothing to be tried again
 */
export async function retryTask(client: Queryable, id: bigint, nowMs: number): Promise<readonly DueTask[]> {
  const again = await client.query<{ id: bigint }>(
    `with recursive undone as (
       select t.id from task t where t.id = $1 and t.parent is null and ${UNDONE}
       union all select t.id from undone u join task t on t.parent = u.id where ${UNDONE})
     update task t set state = 'open', holder = null, lease_until = null, attempts = 0, delays = 0, not_before = now(), result = null,
            ended_ms = null, asked_ms = case when t.parent is null then t.asked_ms else $2::bigint end
       from undone u where t.id = u.id returning t.id`,
    [id, Math.floor(nowMs)],
  );
  const ids = again.rows.map((row) => row.id);
  await client.query(
    `update task t set state = 'waiting'
      where t.id = any ($1) and exists (select from task c where c.parent = t.id and c.state in ('open', 'taken', 'waiting'))`,
    [ids],
  );
  const due = await client.query<DueTask>(
    `select id, kind, host from task where id = any ($1) and state = 'open' order by id`,
    [ids],
  );
  return due.rows;
}

export interface TaskState {
  readonly kind: string;
  readonly parent: bigint | null;
  readonly state: 'open' | 'taken' | 'waiting' | 'done' | 'failed' | 'cancelled';
  readonly result: Json | null;
}

export async function taskState(client: Queryable, id: bigint): Promise<TaskState | null> {
  const found = await client.query<TaskState>('select kind, parent, state, result from task where id = $1', [id]);
  return found.rows[0] ?? null;
}

/** A task, or one that it has left, that is due or at work. */
export interface Doing {
  readonly id: bigint;
  readonly kind: string;
  readonly host: string | null;
  readonly state: 'open' | 'taken';
  /** A worker of its host is there. */
  readonly served: boolean;
}

/** What is done, or could be, for a task now. */
export async function doingOf(client: Queryable, id: bigint): Promise<readonly Doing[]> {
  const found = await client.query<Doing>(
    `with recursive family as (
       select t.id, t.kind, t.host, t.state from task t where t.id = $1
       union all select c.id, c.kind, c.host, c.state from family f join task c on c.parent = f.id)
     select f.*, exists (select from worker w where (f.host is null or w.host = f.host) and ${ALIVE}) as served
       from family f where f.state in ('open', 'taken') order by f.id`,
    [id],
  );
  return found.rows;
}

/**
 * What hosts answered serves the bundle of an assessment, which is written again for so long; tasks are remembered
 * longer.
 */
const ANSWERS_KEPT_MS = 30 * 86_400_000;
const TASKS_KEPT_MS = 90 * 86_400_000;

/** Lets go of what ended long ago. @returns how many tasks, of those that somebody has asked for */
export async function forgetOldTasks(client: Queryable, nowMs: number): Promise<number> {
  await client.query('delete from ask a using task t where t.id = a.task and t.ended_ms < $1', [
    nowMs - ANSWERS_KEPT_MS,
  ]);
  await letGoBefore(client, nowMs - ANSWERS_KEPT_MS);
  const forgotten = await client.query('delete from task where parent is null and ended_ms < $1', [
    nowMs - TASKS_KEPT_MS,
  ]);
  return forgotten.rowCount ?? 0;
}
