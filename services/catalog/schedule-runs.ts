// Audits that were due: each due time once, whoever saw it first, with the task that was left for it and what came of
// it.
import type { ExitCode } from '../../domain/exit.ts';
import type { Queryable } from './scans.ts';
import { type Json, leaveTask, type NewTask, PRIORITY } from './tasks.ts';

/** quick: an assessment · snapshots: a look at what is new of a series · scrub: a slice of reading all again */
export type RunKind = 'quick' | 'snapshots' | 'scrub';

export interface RunKey {
  /** The name of a volume or backup in the configuration. */
  readonly subject: string;
  readonly kind: RunKind;
  readonly dueMs: number;
}

/** How far the runs of one subject and kind have come. */
export interface RunsSoFar {
  readonly subject: string;
  readonly kind: RunKind;
  /** The newest due time that is not after now; null where all are. */
  readonly lastDueMs: number | null;
  /** One has not ended. */
  readonly isRunning: boolean;
  /** When the newest was left. */
  readonly leftMs: number;
  /** When one ended last that found files which read differently. */
  readonly foundMs: number | null;
}

/** Serves take turns: what one of them leaves, the next one sees. Must run in a transaction. */
export async function lockRuns(client: Queryable): Promise<void> {
  await client.query('lock table schedule_run in share row exclusive mode');
}

export async function runsSoFar(client: Queryable, nowMs: number): Promise<RunsSoFar[]> {
  const found = await client.query<{
    subject: string;
    kind: RunKind;
    last_due_ms: bigint | null;
    running: boolean;
    left_ms: bigint;
    found_ms: bigint | null;
  }>(
    `select subject, kind, max(due_ms) filter (where due_ms <= $1) as last_due_ms, bool_or(state = 'left') as running, max(left_ms) as left_ms,
            max(ended_ms) filter (where found > 0) as found_ms from schedule_run group by subject, kind`,
    [Math.floor(nowMs)],
  );
  return found.rows.map(({ subject, kind, last_due_ms, running, left_ms, found_ms }) => ({
    subject,
    kind,
    lastDueMs: last_due_ms === null ? null : Number(last_due_ms),
    isRunning: running,
    leftMs: Number(left_ms),
    foundMs: found_ms === null ? null : Number(found_ms),
  }));
}

/**
 * Keeps the run and leaves its task. Must run in a transaction.
 * @returns the task; null where this due time had its run already
 */
export async function leaveRun(
  client: Queryable,
  { subject, kind, dueMs, missed }: RunKey & { readonly missed: number },
  { task, nowMs }: { readonly task: NewTask; readonly nowMs: number },
): Promise<bigint | null> {
  const key = [subject, kind, Math.floor(dueMs)];
  const kept = await client.query(
    `insert into schedule_run (subject, kind, due_ms, missed, state, left_ms) values ($1, $2, $3, $4, 'left', $5) on conflict do nothing`,
    [...key, missed, Math.floor(nowMs)],
  );
  if (kept.rowCount !== 1) return null;
  const id = await leaveTask(client, { priority: PRIORITY.schedule, ...task, parent: null, nowMs });
  await client.query('update schedule_run set task = $4 where subject = $1 and kind = $2 and due_ms = $3', [
    ...key,
    id,
  ]);
  return id;
}

/** A run whose task has ended, or is not known any more (state null). */
export interface EndedRun extends RunKey {
  readonly state: 'done' | 'failed' | 'cancelled' | null;
  readonly result: Json | null;
  readonly endedMs: number | null;
}

export async function endedRuns(client: Queryable): Promise<EndedRun[]> {
  const found = await client.query<
    Pick<EndedRun, 'subject' | 'kind' | 'state' | 'result'> & { due_ms: bigint; ended_ms: bigint | null }
  >(
    `select r.subject, r.kind, r.due_ms, t.state, t.result, t.ended_ms from schedule_run r left join task t on t.id = r.task
      where r.state = 'left' and (t.id is null or t.state in ('done', 'failed', 'cancelled')) order by r.due_ms, r.subject, r.kind`,
  );
  return found.rows.map(({ due_ms, ended_ms, ...row }) => ({
    ...row,
    dueMs: Number(due_ms),
    endedMs: ended_ms === null ? null : Number(ended_ms),
  }));
}

export interface RunEnd {
  /** done: it looked, whatever it found. skipped: a person cancelled it. */
  readonly state: 'done' | 'failed' | 'skipped';
  readonly exit: ExitCode | null;
  readonly message: string | null;
  readonly found: number;
  readonly endedMs: number;
}

export async function settleRun(client: Queryable, { subject, kind, dueMs }: RunKey, end: RunEnd): Promise<void> {
  await client.query(
    `update schedule_run set state = $4, exit = $5, message = $6, found = $7, ended_ms = $8
      where subject = $1 and kind = $2 and due_ms = $3 and state = 'left'`,
    [subject, kind, dueMs, end.state, end.exit, end.message, end.found, Math.floor(end.endedMs)],
  );
}

/**
 * What these names have looked at until now is another place: their runs are kept under the name with the place, which
 * no configuration can have as a name, and say nothing of the place that is watched from now on.
 */
export async function setRunsApart(
  client: Queryable,
  moved: readonly { readonly name: string; readonly before: string }[],
): Promise<void> {
  const names = [moved.map(({ name }) => name), moved.map(({ name, before }) => `${name} (${before})`)];
  // A clock that was set back: of two runs with one due time the newer is kept.
  await client.query(
    `delete from schedule_run o using unnest($1::text[], $2::text[]) as m (name, apart), schedule_run r
      where o.subject = m.apart and r.subject = m.name and r.kind = o.kind and r.due_ms = o.due_ms`,
    names,
  );
  await client.query(
    'update schedule_run r set subject = m.apart from unnest($1::text[], $2::text[]) as m (name, apart) where r.subject = m.name',
    names,
  );
}

export interface KeptRun extends RunKey {
  readonly missed: number;
  readonly task: bigint | null;
  readonly state: 'left' | RunEnd['state'];
  readonly exit: ExitCode | null;
  readonly message: string | null;
  readonly leftMs: number;
  readonly endedMs: number | null;
}

/** The newest runs, of one subject where it is given. */
export async function newestRuns(
  client: Queryable,
  { subject, max }: { readonly subject: string | null; readonly max: number },
): Promise<KeptRun[]> {
  const found = await client.query<
    Omit<KeptRun, 'dueMs' | 'leftMs' | 'endedMs'> & { due_ms: bigint; left_ms: bigint; ended_ms: bigint | null }
  >(
    `select subject, kind, due_ms, missed, task, state, exit, message, left_ms, ended_ms from schedule_run
      where $1::text is null or subject = $1 order by left_ms desc, due_ms desc, subject desc, kind desc limit $2`,
    [subject, max],
  );
  return found.rows.map(({ due_ms, left_ms, ended_ms, ...row }) => ({
    ...row,
    dueMs: Number(due_ms),
    leftMs: Number(left_ms),
    endedMs: ended_ms === null ? null : Number(ended_ms),
  }));
}

/** Forgets runs of a clock that was ahead: nothing would be due until it is that late. @returns how many */
export async function forgetRunsAfter(client: Queryable, afterMs: number): Promise<number> {
  const gone = await client.query('delete from schedule_run where left_ms > $1', [Math.floor(afterMs)]);
  return gone.rowCount ?? 0;
}

const RUNS_KEPT_MS = 90 * 86_400_000;
/** A scrub has a run for each slice. */
const SLICES_KEPT_MS = 14 * 86_400_000;

/** Lets go of what ended long ago, but for the newest of its subject and kind, from which the next one is counted. */
export async function forgetOldRuns(client: Queryable, nowMs: number): Promise<void> {
  await client.query(
    `delete from schedule_run r where r.state <> 'left' and r.left_ms < case r.kind when 'scrub' then $2::bigint else $1::bigint end
        and exists (select from schedule_run n where n.subject = r.subject and n.kind = r.kind and n.due_ms > r.due_ms)`,
    [Math.floor(nowMs - RUNS_KEPT_MS), Math.floor(nowMs - SLICES_KEPT_MS)],
  );
}

/**
 * Of pairs of a live volume and a backup of it: live volumes with a snapshot that was scanned after `sinceMs` (when
 * their last assessment was left) and that no assessment has seen.
 */
export async function volumesWithNews(
  client: Queryable,
  pairs: readonly { readonly live: number; readonly backup: number; readonly sinceMs: number }[],
): Promise<ReadonlySet<number>> {
  const found = await client.query<{ live: number }>(
    `select distinct p.live from unnest($1::int[], $2::int[], $3::bigint[]) as p (live, backup, since)
       join lateral (select s.id, s.ended_ms from scan s where s.volume = p.backup and s.state = 'complete' and s.pruned is null
                      order by s.id desc limit 1) n on n.ended_ms > p.since
      where not exists (select from (select a.scans from assessment a where a.volume = p.live order by a.id desc limit 1) l
                         where l.scans ? n.id::text)`,
    [pairs.map(({ live }) => live), pairs.map(({ backup }) => backup), pairs.map(({ sinceMs }) => Math.floor(sinceMs))],
  );
  return new Set(found.rows.map(({ live }) => live));
}
