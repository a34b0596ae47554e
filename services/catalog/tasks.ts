// Tasks: work that is left for workers, in the one table that says what is due. A task is taken (its fence moves on),
// held under a lease, and ended only by whoever has its fence; so it is answered once, whoever else believes to have
// it (docs/design.md#tasks).
import type { ClientBase } from 'pg';
import { type KeyedAsk, leaveAsks } from './asks.ts';
import type { Queryable } from './scans.ts';

/** Plain JSON. */
export type Json = Readonly<Record<string, unknown>>;

export interface NewTask {
  /** Null: workers of any host may take it. */
  readonly host: string | null;
  readonly kind: string;
  readonly reference: Json;
  /** PRIORITY; that of the task which leaves it unless given. */
  readonly priority?: number;
  /** What it asks of the disk of its host. */
  readonly asks?: readonly KeyedAsk[];
}

/** The smallest first. */
export const PRIORITY = { person: 0, schedule: 5 } as const;

export interface TakenTask {
  readonly id: bigint;
  readonly kind: string;
  readonly host: string | null;
  readonly reference: Json;
  readonly parent: bigint | null;
  readonly priority: number;
  readonly fence: number;
  /** 1 for the first time since it last got on. */
  readonly attempts: number;
  readonly delays: number;
  readonly made: Json;
}

/** A task that another has left and that has ended. */
export interface EndedTask {
  readonly id: bigint;
  readonly kind: string;
  readonly host: string | null;
  readonly reference: Json;
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly result: Json | null;
}

/** A lease that nobody renews is over after this time, although its holder's session lives. */
export const TASK_LEASE_MS = 60_000;
/** A task that was taken this often and did not get on is given up. */
export const TASK_ATTEMPTS = 3;

const TAKEN = 'id, kind, host, reference, parent, priority, fence, attempts, delays, made';

export async function leaveTask(
  client: Queryable,
  task: NewTask & { readonly parent: bigint | null; readonly nowMs: number },
): Promise<bigint> {
  const made = await client.query<{ id: bigint }>(
    `insert into task (host, kind, reference, parent, priority, state, asked_ms) values ($1, $2, $3, $4, $5, 'open', $6) returning id`,
    [
      task.host,
      task.kind,
      JSON.stringify(task.reference),
      task.parent,
      task.priority ?? PRIORITY.person,
      Math.floor(task.nowMs),
    ],
  );
  const row = made.rows[0];
  if (row === undefined) throw new Error('an insert returns its row');
  await leaveAsks(client, row.id, task.asks ?? []);
  return row.id;
}

/** Who takes, and what it can do. */
export interface Taker {
  readonly holder: number;
  readonly host: string;
  readonly kinds: readonly string[];
  readonly nowMs: number;
}

const MINE = `(t.host = $1 or t.host is null) and t.kind = any ($2)`;

/**
 * Takes the most urgent task that is due. What its last holder did not live to say is kept with it. One that was taken
 * too often is given up instead, and the next one taken.
 */
export async function takeTask(client: ClientBase, taker: Taker): Promise<TakenTask | null> {
  for (;;) {
    const found = await client.query<TakenTask & { state: string }>(
      `update task t set state = case when t.attempts < $5 then 'taken' else 'failed' end, holder = case when t.attempts < $5 then $3::int end,
              fence = t.fence + 1, lease_until = now() + make_interval(secs => $4), attempts = t.attempts + 1,
              troubles = t.troubles || case when t.state = 'taken' then jsonb_build_array(jsonb_build_object('atMs', $6::bigint, 'host',
                coalesce((select w.host from worker w where w.holder = t.holder), t.host), 'why',
                'the worker that had it ' || coalesce((select format('(pid %s, version %s) ', w.pid, w.version) from worker w where w.holder = t.holder), '') || 'died or stood still')) else '[]' end,
              ended_ms = case when t.attempts < $5 then null else $6::bigint end,
              result = case when t.attempts < $5 then null else jsonb_build_object('exit', 2, 'message',
                format('Given up: it was begun %s times, and each time the worker ended or failed.', t.attempts)) end
        where t.id = (select t.id from task t where ${MINE} and t.state in ('open', 'taken') and can_be_taken(t)
                       order by t.priority, t.id for update skip locked limit 1)
        returning ${TAKEN}, state`,
      [taker.host, taker.kinds, taker.holder, TASK_LEASE_MS / 1_000, TASK_ATTEMPTS, Math.floor(taker.nowMs)],
    );
    const taken = found.rows[0];
    if (taken === undefined) return null;
    if (taken.state === 'taken') return taken;
    // Its parent finds its end by itself, within one look into the catalog.
    await wakeParent(client, taken.parent);
  }
}

/**
 * Tasks of the host, or of any, that are due, the most urgent first; those that somebody is at work on are not among
 * them.
 */
export async function dueTasks(client: Queryable, { host, kinds }: Pick<Taker, 'host' | 'kinds'>): Promise<DueTask[]> {
  const found = await client.query<DueTask>(
    `select t.id, t.kind, t.host from task t where ${MINE} and t.state in ('open', 'taken') and can_be_taken(t) order by t.priority, t.id limit 100`,
    [host, kinds],
  );
  return found.rows;
}

/** One claim of a task. */
export interface Claim {
  readonly id: bigint;
  readonly fence: number;
  readonly holder: number;
}

const HELD = `t.id = $1 and t.fence = $2 and t.holder = $3 and t.state = 'taken'`;

/** @returns the ids that are still held */
export async function renewTasks(client: Queryable, holder: number, claims: readonly Claim[]): Promise<Set<bigint>> {
  if (claims.length === 0) return new Set();
  const found = await client.query<{ id: bigint }>(
    `update task t set lease_until = now() + make_interval(secs => $4)
       from unnest($1::bigint[], $2::int[]) as n (id, fence)
      where t.id = n.id and t.fence = n.fence and t.holder = $3 and t.state = 'taken' returning t.id`,
    [claims.map(({ id }) => id), claims.map(({ fence }) => fence), holder, TASK_LEASE_MS / 1_000],
  );
  return new Set(found.rows.map(({ id }) => id));
}

/**
 * What ends or leaves a claim is done once: repeated after a commit of unknown outcome it finds its fence, and the
 * state that it wanted, there already.
 */
async function isDoneAlready(client: Queryable, claim: Claim, states: readonly string[]): Promise<boolean> {
  const found = await client.query<{ mine: boolean }>(
    'select fence = $2 and state = any ($3) as mine from task where id = $1',
    [claim.id, claim.fence, states],
  );
  return found.rows[0]?.mine === true;
}

/** Keeps what was made before the next step. @returns false where the claim is lost */
export async function keepMade(client: Queryable, claim: Claim, made: Json): Promise<boolean> {
  const kept = await client.query(`update task t set made = t.made || $4 where ${HELD}`, [
    ...claimOf(claim),
    JSON.stringify(made),
  ]);
  return kept.rowCount === 1;
}

/** A task that can be taken now, for whoever wakes workers. */
export interface DueTask {
  readonly id: bigint;
  readonly kind: string;
  readonly host: string | null;
}

/** Must run in a transaction. @returns the task that waited for it last; 'lost' where nothing was written */
export async function endTask(
  client: Queryable,
  claim: Claim,
  { state, result, nowMs }: { readonly state: 'done' | 'failed'; readonly result: Json; readonly nowMs: number },
): Promise<DueTask | 'lost' | null> {
  const ended = await client.query<{ parent: bigint | null }>(
    `update task t set state = $4, holder = null, lease_until = null, result = $5, ended_ms = $6 where ${HELD} returning t.parent`,
    [...claimOf(claim), state, JSON.stringify(result), Math.floor(nowMs)],
  );
  const [row] = ended.rows;
  if (row === undefined) return (await isDoneAlready(client, claim, ['done', 'failed'])) ? null : 'lost';
  return wakeParent(client, row.parent);
}

/**
 * The task ends its work for now, and is taken again when all that it leaves has ended. Must run in a transaction.
 * @returns what can be taken now; null where the claim is lost
 */
export async function waitForTasks(
  client: Queryable,
  claim: Claim & Pick<TakenTask, 'priority'>,
  { tasks, made, nowMs }: { readonly tasks: readonly NewTask[]; readonly made: Json; readonly nowMs: number },
): Promise<readonly DueTask[] | null> {
  const left = await client.query(
    `update task t set state = 'waiting', holder = null, lease_until = null, attempts = 0, delays = 0, made = t.made || $4 where ${HELD}`,
    [...claimOf(claim), JSON.stringify(made)],
  );
  if (left.rowCount !== 1) return (await isDoneAlready(client, claim, ['waiting', 'open'])) ? [] : null;
  const due: DueTask[] = [];
  for (const task of tasks) {
    const id = await leaveTask(client, { priority: claim.priority, ...task, parent: claim.id, nowMs });
    due.push({ id, kind: task.kind, host: task.host });
  }
  const woken = tasks.length === 0 ? await wakeParent(client, claim.id) : null;
  return woken === null ? due : [woken];
}

/** Gives it back, to be taken again later. */
export async function giveBackTask(
  client: Queryable,
  claim: Claim,
  back: {
    readonly afterMs: number;
    /** It is not the task that failed: this attempt does not count. */
    readonly blameless: boolean;
    /** Null where nothing went wrong: its worker ends. */
    readonly trouble: { readonly atMs: number; readonly host: string; readonly why: string } | null;
  },
): Promise<void> {
  await client.query(
    `update task t set state = 'open', holder = null, lease_until = null, not_before = now() + make_interval(secs => $4),
            attempts = t.attempts - $5, delays = t.delays + $6,
            troubles = t.troubles || case when t.troubles -> -1 ->> 'why' = $7::jsonb -> 0 ->> 'why' then '[]' else $7::jsonb end where ${HELD}`,
    [
      ...claimOf(claim),
      back.afterMs / 1_000,
      back.blameless ? 1 : 0,
      back.trouble === null ? 0 : 1,
      JSON.stringify(back.trouble === null ? [] : [back.trouble]),
    ],
  );
}

/** Gives back what a holder has, but for what it knows of. */
export async function giveBackUnheard(client: Queryable, holder: number, known: readonly bigint[]): Promise<void> {
  await client.query(
    `update task set state = 'open', holder = null, lease_until = null, attempts = attempts - 1
      where holder = $1 and state = 'taken' and id <> all ($2::bigint[])`,
    [holder, known],
  );
}

/** Those that a task has left and that ended, in the order in which they were left. */
export async function endedTasks(client: Queryable, parent: bigint): Promise<readonly EndedTask[]> {
  const found = await client.query<EndedTask>(
    `select id, kind, host, reference, state, result from task where parent = $1 and state in ('done', 'failed', 'cancelled') order by id`,
    [parent],
  );
  return found.rows;
}

/**
 * The last one that ends wakes the task that waits: its row is locked, so that two that end at once see one another.
 */
export async function wakeParent(client: Queryable, parent: bigint | null): Promise<DueTask | null> {
  if (parent === null) return null;
  await client.query('select from task where id = $1 for update', [parent]);
  const woken = await client.query<DueTask>(
    `update task p set state = 'open', not_before = now() where p.id = $1 and p.state = 'waiting'
        and not exists (select from task c where c.parent = p.id and c.state in ('open', 'taken', 'waiting'))
      returning p.id, p.kind, p.host`,
    [parent],
  );
  return woken.rows[0] ?? null;
}

function claimOf({ id, fence, holder }: Claim): readonly [bigint, number, number] {
  return [id, fence, holder];
}
