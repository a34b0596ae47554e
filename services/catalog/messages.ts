// The outbox: messages that hooks are to be told. One for each (what it is about, event, hook), whoever makes it and
// however often; a serve that dies between making and sending leaves it waiting here.
import type { MessageBody, MessageEvent, NewMessage } from '../../domain/watch/message.ts';
import type { Queryable } from './scans.ts';

export interface KeptMessage extends NewMessage {
  readonly id: bigint;
  readonly state: 'waiting' | 'sent' | 'failed';
  /** Attempts that have failed. */
  readonly attempts: number;
  readonly notBeforeMs: number;
  readonly madeMs: number;
  readonly sentMs: number | null;
  /** Why the last attempt failed. */
  readonly trouble: string | null;
}

interface Row {
  readonly id: bigint;
  readonly about: string;
  readonly event: MessageEvent;
  readonly hook: string;
  readonly incident: bigint | null;
  readonly body: MessageBody;
  readonly state: KeptMessage['state'];
  readonly attempts: number;
  readonly not_before_ms: bigint;
  readonly made_ms: bigint;
  readonly sent_ms: bigint | null;
  readonly trouble: string | null;
}

const COLUMNS =
  'id, about, event, hook, incident, body, state, attempts, not_before_ms, made_ms, sent_ms, trouble' as const;

function keptOf({ not_before_ms, made_ms, sent_ms, ...row }: Row): KeptMessage {
  return {
    ...row,
    notBeforeMs: Number(not_before_ms),
    madeMs: Number(made_ms),
    sentMs: sent_ms === null ? null : Number(sent_ms),
  };
}

/**
 * Keeps those that nobody has made before; they can be sent at once. What was given up, and is to be told after all
 * (its hook is back), waits again. @returns how many that were
 */
export async function keepMessages(client: Queryable, messages: readonly NewMessage[]): Promise<number> {
  if (messages.length === 0) return 0;
  const kept = await client.query(
    `insert into message (about, event, hook, incident, body, state, not_before_ms, made_ms)
       select m.about, m.event, m.hook, m.incident, m.body::jsonb, 'waiting', m.made_ms, m.made_ms
         from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
              as m (about, event, hook, incident, body, made_ms)
       on conflict (about, event, hook) do update
          set state = 'waiting', attempts = 0, trouble = null, body = excluded.body, not_before_ms = excluded.not_before_ms
        where message.state = 'failed'`,
    [
      messages.map((m) => m.about),
      messages.map((m) => m.event),
      messages.map((m) => m.hook),
      messages.map((m) => m.incident),
      messages.map((m) => JSON.stringify(m.body)),
      messages.map((m) => Math.floor(m.body.atMs)),
    ],
  );
  return kept.rowCount ?? 0;
}

/** Due now. A time that is further ahead than any delay is of a clock that was wrong. */
const DUE = `m.state = 'waiting' and (m.not_before_ms <= $1 or m.not_before_ms > $1 + 7200000)`;

/** What is to be told before it: in order, or that something is over would come before that it began. */
const IN_TURN = `not exists (select from message e where e.hook = m.hook and e.about = m.about and e.state = 'waiting' and e.id < m.id and e.event <> 'start')`;

/** Hooks with messages that are due, and without a task that tells them. */
export async function hooksToTell(client: Queryable, nowMs: number): Promise<string[]> {
  const found = await client.query<{ hook: string }>(
    `select distinct m.hook from message m where ${DUE} and ${IN_TURN}
        and not exists (select from task t where t.kind = 'deliver' and t.state in ('open', 'taken') and t.reference ->> 'hook' = m.hook)
      order by m.hook`,
    [Math.floor(nowMs)],
  );
  return found.rows.map(({ hook }) => hook);
}

/**
 * The oldest message that is due for the hook, but for those that were tried already. What an incident has to say
 * comes in order: that it is closed waits until it was told that it is open.
 */
export async function nextMessage(
  client: Queryable,
  { hook, nowMs, tried }: { readonly hook: string; readonly nowMs: number; readonly tried: readonly bigint[] },
): Promise<KeptMessage | null> {
  const found = await client.query<Row>(
    `select ${COLUMNS} from message m where ${DUE} and m.hook = $2 and m.id <> all ($3::bigint[])
        and ${IN_TURN}
      order by m.id limit 1`,
    [Math.floor(nowMs), hook, tried],
  );
  const [row] = found.rows;
  return row === undefined ? null : keptOf(row);
}

/** That a run has begun is no news any more when it has ended, and would be taken for another that hangs. */
export async function forgetStartsOfEndedRuns(client: Queryable, hook: string): Promise<void> {
  await client.query(
    `delete from message s where s.hook = $1 and s.event = 'start' and s.state = 'waiting'
        and exists (select from message e where e.hook = s.hook and e.about = s.about and e.event in ('success', 'fail'))`,
    [hook],
  );
}

export async function messageById(client: Queryable, id: bigint): Promise<KeptMessage | null> {
  const found = await client.query<Row>(`select ${COLUMNS} from message where id = $1`, [id]);
  const [row] = found.rows;
  return row === undefined ? null : keptOf(row);
}

/**
 * Its attempt begins: it is due again at `untilMs`, so that another serve leaves it alone meanwhile and takes it up
 * where this one dies. @returns false where another has it, or it is not waiting any more
 */
export async function claimMessage(
  client: Queryable,
  { id, notBeforeMs }: Pick<KeptMessage, 'id' | 'notBeforeMs'>,
  untilMs: number,
): Promise<boolean> {
  const claimed = await client.query(
    "update message set not_before_ms = $3 where id = $1 and state = 'waiting' and not_before_ms = $2",
    [id, notBeforeMs, Math.floor(untilMs)],
  );
  return claimed.rowCount === 1;
}

/** @param sent trouble: what went wrong although the hook took it (one of several recipients); null for nothing */
export async function markSent(
  client: Queryable,
  id: bigint,
  { nowMs, trouble }: { readonly nowMs: number; readonly trouble: string | null },
): Promise<void> {
  await client.query("update message set state = 'sent', sent_ms = $2, trouble = $3 where id = $1", [
    id,
    Math.floor(nowMs),
    trouble,
  ]);
}

/** An attempt failed. @param againMs when the next one is due; null: it is given up */
export async function markFailed(
  client: Queryable,
  id: bigint,
  { trouble, againMs }: { readonly trouble: string; readonly againMs: number | null },
): Promise<void> {
  await client.query(
    `update message set attempts = attempts + 1, trouble = $2, not_before_ms = coalesce($3::bigint, not_before_ms),
            state = case when $3::bigint is null then 'failed' else 'waiting' end
      where id = $1 and state = 'waiting'`,
    [id, trouble, againMs === null ? null : Math.floor(againMs)],
  );
}

/** All of one incident, oldest first. */
export async function messagesOf(client: Queryable, incident: bigint): Promise<KeptMessage[]> {
  const found = await client.query<Row>(`select ${COLUMNS} from message where incident = $1 order by id`, [incident]);
  return found.rows.map(keptOf);
}

/** Oldest first. */
export async function messagesAbout(client: Queryable, about: string): Promise<KeptMessage[]> {
  const found = await client.query<Row>(`select ${COLUMNS} from message where about = $1 order by id`, [about]);
  return found.rows.map(keptOf);
}

/**
 * Given up, and nobody has seen to it: the hook has taken nothing since, and the configuration still has it. No test.
 * (What was given up keeps the end of its last claim as the time of its next attempt.)
 */
export const UNTOLD = `m.state = 'failed' and m.event <> 'test'
        and not exists (select from message n where n.hook = m.hook and n.state = 'sent' and n.sent_ms > m.not_before_ms)
        and exists (select from jsonb_array_elements((select document -> 'hooks' from configuration order by id desc limit 1)) h
                     where h ->> 'name' = m.hook)`;

/** Those that wait, and those that were given up since their hook last took one; no tests. */
export async function countMessages(client: Queryable): Promise<{ readonly waiting: number; readonly failed: number }> {
  const found = await client.query<{ waiting: number; failed: number }>(
    `select count(*) filter (where m.state = 'waiting')::int as waiting, count(*) filter (where ${UNTOLD})::int as failed
       from message m where m.state <> 'sent' and m.event <> 'test'`,
  );
  return found.rows[0] ?? { waiting: 0, failed: 0 };
}

/** Forgets what was sent or given up before that time, but for what is known of open incidents. */
export async function forgetMessages(client: Queryable, beforeMs: number): Promise<number> {
  const gone = await client.query(
    `delete from message m where m.state <> 'waiting' and m.made_ms < $1
        and not exists (select from incident i where i.id = m.incident and i.closed_ms is null)`,
    [Math.floor(beforeMs)],
  );
  return gone.rowCount ?? 0;
}

/** What became of the messages of a hook. */
export interface ToldHook {
  readonly hook: string;
  readonly waiting: number;
  /** Given up since the hook last took one. */
  readonly failed: number;
  readonly sentMs: number | null;
  /** Of the newest message that is not sent, or was not wholly. */
  readonly trouble: { readonly event: MessageEvent; readonly attempts: number; readonly why: string } | null;
}

export async function toldHooks(client: Queryable): Promise<ToldHook[]> {
  const found = await client.query<Omit<ToldHook, 'sentMs'> & { readonly sent_ms: bigint | null }>(
    `select m.hook, count(*) filter (where m.state = 'waiting')::int as waiting, count(*) filter (where ${UNTOLD})::int as failed,
            max(m.sent_ms) as sent_ms,
            (select jsonb_build_object('event', t.event, 'attempts', t.attempts, 'why', t.trouble) from message t
              where t.hook = m.hook and t.trouble is not null
                and not exists (select from message n where n.hook = t.hook and n.state = 'sent' and n.trouble is null and n.id > t.id)
              order by t.id desc limit 1) as trouble
       from message m group by m.hook order by m.hook`,
  );
  return found.rows.map(({ sent_ms, ...row }) => ({ ...row, sentMs: sent_ms === null ? null : Number(sent_ms) }));
}
