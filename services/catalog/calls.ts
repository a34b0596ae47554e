// What the threads of one host ask of the bricks of another while they scan: tasks of their own that nobody waits for
// but the one who asks, and that are gone with the answer.
import type { Queryable } from './scans.ts';
import { leaveTask, type NewTask } from './tasks.ts';

export type CallState =
  | { readonly state: 'open' }
  | { readonly state: 'done'; readonly answer: string }
  /** No worker of the host has said anything for so long. */
  | { readonly state: 'silent' }
  | { readonly state: 'failed'; readonly message: string };

export const CALL_KIND = 'read-bricks';

/** Must run in a transaction. */
export async function leaveCall(
  client: Queryable,
  of: Pick<NewTask, 'reference'> & { readonly host: string; readonly question: string; readonly nowMs: number },
): Promise<bigint> {
  const { host, reference, question, nowMs } = of;
  const asks = [{ key: '', question }];
  return leaveTask(client, { host, kind: CALL_KIND, reference, asks, parent: null, nowMs });
}

/** Only the clock of Postgres counts. */
export async function callState(client: Queryable, id: bigint, silentMs: number): Promise<CallState> {
  const found = await client.query<{
    state: string;
    result: { readonly exit?: number; readonly message?: string } | null;
    is_silent: boolean;
  }>(
    `select t.state, t.result,
            t.not_before < now() - make_interval(secs => $2::float8 / 1000)
              and not exists (select from worker w where w.host = t.host and w.seen > now() - make_interval(secs => $2::float8 / 1000)) as is_silent
       from task t where t.id = $1`,
    [id, silentMs],
  );
  const row = found.rows[0];
  if (row === undefined) return { state: 'failed', message: 'the question was taken back' };
  if (row.state === 'done' && row.result?.exit === 0) {
    const asked = await client.query<{ answer: string | null }>('select answer from ask where task = $1', [id]);
    const answer = asked.rows[0]?.answer ?? null;
    if (answer !== null) return { state: 'done', answer };
  }
  if (row.state === 'open' || row.state === 'taken') return { state: row.is_silent ? 'silent' : 'open' };
  return { state: 'failed', message: row.result?.message ?? `it was ${row.state}` };
}

export async function forgetCall(client: Queryable, id: bigint): Promise<void> {
  await client.query('delete from task where id = $1', [id]);
}

/** What was asked by a process that is no more. */
export async function forgetOldCalls(client: Queryable, beforeMs: number): Promise<void> {
  await client.query('delete from task where kind = $1 and asked_ms < $2', [CALL_KIND, Math.floor(beforeMs)]);
}
