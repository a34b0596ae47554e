// How the audits of volumes went: what the watch's states stand on. An assessment that a person made by hand counts as
// one that was due.
import type { ScopeRules } from '../../domain/scope.ts';
import { UNTOLD } from './messages.ts';
import type { Trouble } from './troubles.ts';
import type { Queryable } from './scans.ts';
import { ALIVE } from './workers.ts';

/** Audits that are looked back at for those that were incomplete in a row. */
const LOOKED_BACK = 30;
/** Sentences of an audit that are read: the rest is in the assessment. */
const TEXTS_MAX = 5;

export interface AuditsOfVolume {
  readonly volumeId: number;
  /** The last complete audit: of a live volume an assessment, of a backup a scan without a gap. */
  readonly auditedMs: number | null;
  readonly triedMs: number | null;
  readonly trouble: Trouble | null;
  /** Since the last complete one. */
  readonly incomplete: number;
  readonly incompleteTexts: readonly string[];
  /** Of the newest complete scan. */
  readonly files: number | null;
  readonly bytes: number | null;
  /** The newest state that was scanned: of a backup its newest snapshot. */
  readonly newestMs: number | null;
  readonly open: Readonly<Record<string, number>>;
  readonly openBytes: number;
}

interface Row {
  readonly id: number;
  readonly audited_ms: bigint | null;
  readonly tried_ms: bigint | null;
  readonly trouble: Trouble | null;
  readonly incomplete: number;
  readonly texts: readonly string[] | null;
  readonly files: bigint | null;
  readonly bytes: bigint | null;
  readonly newest_ms: bigint | null;
  readonly open: Record<string, number> | null;
  readonly open_bytes: bigint;
}

// Of a series, whatever could not be read in its newest snapshot makes the look at it incomplete; excludes and mounts
// that are not entered do not.
const GAPS = `(select count(*)::int from gap g where g.scan = s.id and g.status <> 'boundary')`;

const AUDITS = `
  select v.id, v.trouble, case when v.role = 'live' then a.audited_ms else b.audited_ms end as audited_ms,
         greatest(a.tried_ms, b.tried_ms, (v.trouble ->> 'atMs')::bigint) as tried_ms,
         case when v.role = 'live' then coalesce(a.incomplete, 0) else coalesce(b.incomplete, 0) end as incomplete,
         case when v.role = 'live' then a.texts end as texts, n.files, n.bytes, b.newest_ms, f.open, coalesce(f.open_bytes, 0)::bigint as open_bytes
    from volume v
    cross join lateral (
      select max(e.created_ms) filter (where e.complete) as audited_ms, max(e.created_ms) as tried_ms,
             (count(*) filter (where e.id > coalesce(e.newest_complete, 0)))::int as incomplete,
             (array_agg(e.texts order by e.id desc) filter (where not e.complete))[1] as texts
        from (select e.*, max(e.id) filter (where e.complete) over () as newest_complete
                from (select a.id, a.created_ms, a.result -> 'incomplete' = '[]' as complete,
                             jsonb_path_query_array(a.result, '$.incomplete[0 to ${TEXTS_MAX - 1}]') as texts
                        from assessment a where a.volume = v.id order by a.id desc limit ${LOOKED_BACK}) e) e) a
    cross join lateral (
      select max(e.ended_ms) filter (where e.gaps = 0) as audited_ms, max(e.started_ms) as tried_ms,
             (count(*) filter (where e.ended_ms > coalesce(e.newest_complete, 0)))::int as incomplete, max(e.as_of_to_ms) as newest_ms
        from (select e.*, max(e.ended_ms) filter (where e.gaps = 0) over () as newest_complete
                from (select s.started_ms, s.ended_ms, s.as_of_to_ms, case when v.role = 'live' then 0 else ${GAPS} end as gaps
                        from scan s where s.volume = v.id and s.state = 'complete' order by s.ended_ms desc limit ${LOOKED_BACK}) e) e) b
    left join lateral (
      select (s.totals ->> 'files')::bigint as files, (s.totals ->> 'bytes')::bigint as bytes
        from scan s where s.volume = v.id and s.state = 'complete' order by s.seq desc limit 1) n on true
    left join lateral (
      select json_object_agg(c.verdict, c.n order by c.verdict) as open, sum(c.bytes) as open_bytes
        from (select f.verdict, count(*)::int as n, coalesce(sum((f.detail ->> 'bytes')::bigint), 0) as bytes
                from finding f where f.volume = v.id and f.state = 'open' group by f.verdict) c) f on true
   where v.id = any ($1)`;

function msOf(value: bigint | null): number | null {
  return value === null ? null : Number(value);
}

export async function auditsOf(
  client: Queryable,
  volumes: readonly number[],
): Promise<ReadonlyMap<number, AuditsOfVolume>> {
  const found = await client.query<Row>(AUDITS, [volumes]);
  return new Map(
    found.rows.map((row) => [
      row.id,
      {
        volumeId: row.id,
        auditedMs: msOf(row.audited_ms),
        triedMs: msOf(row.tried_ms),
        trouble: row.trouble,
        incomplete: row.incomplete,
        incompleteTexts: row.texts ?? [],
        files: msOf(row.files),
        bytes: msOf(row.bytes),
        newestMs: msOf(row.newest_ms),
        open: row.open ?? {},
        openBytes: Number(row.open_bytes),
      },
    ]),
  );
}

/** Of backups: when a complete assessment last looked at them, whatever it judged besides. */
export async function assessedBackups(
  client: Queryable,
  pairs: readonly { readonly live: number; readonly backup: number }[],
): Promise<ReadonlyMap<number, number>> {
  const found = await client.query<{ backup: number; at_ms: bigint }>(
    `select p.backup, max(a.created_ms) as at_ms from unnest($1::int[], $2::int[]) as p (live, backup)
       cross join lateral (select a.created_ms, a.scans, a.result -> 'incomplete' = '[]' as complete
                             from assessment a where a.volume = p.live order by a.id desc limit ${LOOKED_BACK}) a
      where a.complete and exists (select from jsonb_array_elements_text(a.scans) as i (id) join scan s on s.id = i.id::bigint
                                    where s.volume = p.backup)
      group by p.backup`,
    [pairs.map(({ live }) => live), pairs.map(({ backup }) => backup)],
  );
  return new Map(found.rows.map(({ backup, at_ms }) => [backup, Number(at_ms)]));
}

/** By which rules the live scan of each volume's last assessment was made. */
export async function rulesAssessed(
  client: Queryable,
  volumes: readonly number[],
): Promise<ReadonlyMap<number, ScopeRules>> {
  const found = await client.query<{ volume: number; scope: ScopeRules }>(
    `select v.id as volume, s.scope from unnest($1::int[]) as v (id)
       cross join lateral (select a.live_scan from assessment a where a.volume = v.id order by a.id desc limit 1) a
       join scan s on s.id = a.live_scan`,
    [volumes],
  );
  return new Map(found.rows.map(({ volume, scope }) => [volume, scope]));
}

export interface ServedHost {
  readonly host: string;
  /** That are alive. */
  readonly workers: number;
  /** How long no worker has been alive, by the clock of Postgres; null where one is, or where none was ever known. */
  readonly silentMs: number | null;
  /** Last sign of life, by the clock of Postgres. */
  readonly seenMs: number | null;
}

/** Hosts that have, or had within a week, a worker. */
export async function servedHosts(client: Queryable): Promise<ServedHost[]> {
  const found = await client.query<{ host: string; workers: number; silent_ms: bigint; seen_ms: bigint }>(
    `select w.host, (count(*) filter (where ${ALIVE} and not w.ended))::int as workers,
            (extract(epoch from now() - max(w.seen)) * 1000)::bigint as silent_ms, (extract(epoch from max(w.seen)) * 1000)::bigint as seen_ms
       from worker w group by w.host order by w.host`,
  );
  return found.rows.map(({ host, workers, silent_ms, seen_ms }) => ({
    host,
    workers,
    silentMs: workers > 0 ? null : Math.max(0, Number(silent_ms)),
    seenMs: Number(seen_ms),
  }));
}

export interface LastRun {
  readonly subject: string;
  readonly kind: 'quick' | 'snapshots' | 'scrub';
  readonly dueMs: number;
  readonly leftMs: number;
  readonly state: 'left' | 'done' | 'failed' | 'skipped';
  readonly exit: number | null;
  readonly message: string | null;
  readonly endedMs: number | null;
  /** The last one that ended with 0: it looked at everything. */
  readonly wholeMs: number | null;
}

/** The newest run of each schedule. */
export async function lastRuns(client: Queryable): Promise<LastRun[]> {
  const found = await client.query<
    Omit<LastRun, 'dueMs' | 'leftMs' | 'endedMs' | 'wholeMs'> & {
      due_ms: bigint;
      left_ms: bigint;
      ended_ms: bigint | null;
      whole_ms: bigint | null;
    }
  >(
    `select distinct on (subject, kind) subject, kind, due_ms, left_ms, state, exit, message, ended_ms,
            max(ended_ms) filter (where state = 'done' and exit = 0) over (partition by subject, kind) as whole_ms
       from schedule_run order by subject, kind, due_ms desc`,
  );
  return found.rows.map(({ due_ms, left_ms, ended_ms, whole_ms, ...row }) => ({
    ...row,
    dueMs: Number(due_ms),
    leftMs: Number(left_ms),
    endedMs: msOf(ended_ms),
    wholeMs: msOf(whole_ms),
  }));
}

/** Since when each name is watched: the first configuration from which on all have had it. */
export async function watchedSince(client: Queryable): Promise<ReadonlyMap<string, number>> {
  const found = await client.query<{ name: string; since_ms: bigint }>(
    `with named as (
       select c.id, c.applied_ms, n ->> 'name' as name
         from configuration c, jsonb_array_elements((c.document -> 'volumes') || (c.document -> 'backups')) as n)
     select name, min(applied_ms) as since_ms from named group by name`,
  );
  return new Map(found.rows.map(({ name, since_ms }) => [name, Number(since_ms)]));
}

/**
 * Tasks that were given up lately, and of which the same was not done since. Those of schedules speak for themselves.
 */
export async function failedTasks(
  client: Queryable,
  afterMs: number,
): Promise<{ readonly id: string; readonly host: string | null; readonly why: string }[]> {
  const found = await client.query<{ id: bigint; host: string | null; why: string | null; kind: string }>(
    `select t.id, t.host, t.kind, t.troubles -> -1 ->> 'why' as why from task t
      where t.state = 'failed' and t.parent is null and t.ended_ms > $1 and t.kind not in ('tick', 'deliver', 'read-bricks')
        and not exists (select from schedule_run r where r.task = t.id)
        and not exists (select from task n where n.id > t.id and n.kind = t.kind and n.host is not distinct from t.host and n.reference = t.reference and n.state = 'done')
      order by t.id limit 20`,
    [Math.floor(afterMs)],
  );
  return found.rows.map(({ id, host, why, kind }) => ({
    id: `${id}`,
    host,
    why: `${kind}: ${why ?? 'nobody knows why'}`,
  }));
}

/** Hooks with messages that were given up, and that nobody has seen to. */
export async function failedHooks(
  client: Queryable,
): Promise<{ readonly hook: string; readonly failed: number; readonly trouble: string }[]> {
  const found = await client.query<{ hook: string; failed: number; trouble: string | null }>(
    `select m.hook, count(*)::int as failed, (array_agg(m.trouble order by m.id desc))[1] as trouble
       from message m where ${UNTOLD} group by m.hook order by m.hook`,
  );
  return found.rows.map(({ hook, failed, trouble }) => ({ hook, failed, trouble: trouble ?? 'nobody knows why' }));
}
