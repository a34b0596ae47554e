// What is going on: scans that run, with how far they are and who holds their shards, and the tasks that were left
// to workers.
import type { ExitCode } from '../../domain/exit.ts';
import type { Role, ScanMode } from '../../domain/scan.ts';
import { HOLDER_LOCK } from './holders.ts';
import type { Json } from './tasks.ts';
import { ALIVE } from './workers.ts';
import type { Queryable } from './scans.ts';

export interface RunningActivity {
  readonly scanId: bigint;
  readonly volume: string;
  readonly role: Role;
  readonly host: string;
  readonly path: string;
  readonly mode: ScanMode;
  readonly startedMs: number;
  /** When a shard was done last. */
  readonly progressedMs: number;
  /** Of the shards that are done. */
  readonly files: number;
  readonly bytesRead: number;
  /** Of the last complete scan of the volume; null before there is one. */
  readonly filesExpected: number | null;
  readonly shards: { readonly open: number; readonly held: number; readonly done: number };
  /**
   * Sessions that hold shards now, and with none the one that closes it (the row of the scan is locked by it); no
   * session means that it is not running.
   */
  readonly heldBy: readonly {
    /** The address that it comes from; null for this machine's socket. */
    readonly from: string | null;
    readonly since: string;
    readonly shards: number;
  }[];
}

export async function runningActivity(client: Queryable): Promise<RunningActivity[]> {
  const found = await client.query<
    Omit<RunningActivity, 'startedMs' | 'progressedMs' | 'files' | 'bytesRead'> & {
      started_ms: bigint;
      progressed_ms: bigint;
      files: bigint;
      bytes_read: bigint;
    }
  >(
    `select s.id as "scanId", v.name as volume, v.role, r.host, p.path, s.mode, s.started_ms, s.progressed_ms,
            h.files, h.bytes_read, json_build_object('open', h.open, 'held', h.held, 'done', h.done) as shards,
            (select (p.totals ->> 'files')::int from scan p where p.volume = s.volume and p.state = 'complete' order by p.seq desc limit 1) as "filesExpected",
            coalesce((select json_agg(json_build_object('from', host(a.client_addr), 'since', a.backend_start, 'shards', k.shards) order by a.backend_start)
               from (select l.pid, 0::bigint as shards from pg_locks l
                      where s.open_shards = 0 and l.locktype = 'transactionid' and l.granted and l.transactionid = s.xmax
                     union all
                     select l.pid, k.shards from (select h.holder, count(*) as shards from shard h where h.scan = s.id and h.state = 'leased' and h.lease_until > now() group by h.holder) k
                       join pg_locks l on l.locktype = 'advisory' and l.objsubid = 2 and l.classid = ${HOLDER_LOCK}::oid and l.objid = k.holder::oid and l.granted
                            and l.database = (select oid from pg_database where datname = current_database())) k
               join pg_stat_activity a on a.pid = k.pid), '[]') as "heldBy"
       from scan s join volume v on v.id = s.volume join scan_root p on p.scan = s.id join root r on r.id = p.root
       cross join lateral (
         select count(*) filter (where h.state = 'open')::int as open, count(*) filter (where h.state = 'leased')::int as held,
                count(*) filter (where h.state = 'done')::int as done, coalesce(sum((h.counts ->> 'files')::bigint), 0)::bigint as files,
                coalesce(sum((h.counts ->> 'bytesRead')::bigint), 0)::bigint as bytes_read
           from shard h where h.scan = s.id and h.root = p.root) h
      where s.state = 'running' order by s.started_ms, s.id`,
  );
  return found.rows.map(({ started_ms, progressed_ms, bytes_read, files, ...row }) => ({
    ...row,
    startedMs: Number(started_ms),
    progressedMs: Number(progressed_ms),
    files: Number(files),
    bytesRead: Number(bytes_read),
  }));
}

export interface KnownTask {
  readonly id: bigint;
  /** Null: any worker may do it. */
  readonly host: string | null;
  readonly kind: string;
  readonly reference: Json;
  /** waiting: for a worker, also where the one that had it is gone. left: for tasks that it has left for others. */
  readonly state: 'waiting' | 'at work' | 'left' | 'done' | 'failed' | 'cancelled';
  readonly attempts: number;
  readonly askedMs: number;
  readonly endedMs: number | null;
  /** What went wrong so far, oldest first. */
  readonly troubles: readonly { readonly atMs: number; readonly host: string | null; readonly why: string }[];
  readonly answer: {
    readonly exit: ExitCode;
    readonly message: string;
    readonly next: string | null;
    readonly bundle?: string | null;
  } | null;
  /** Failed, and the same was not asked and done since: a person has to see to it. */
  readonly unattended: boolean;
  /** Whether a worker is there that could take it; null where it has ended. */
  readonly served: boolean | null;
  /** What it has left for others, and has not ended. */
  readonly waitsFor: readonly {
    readonly task: number;
    readonly kind: string;
    readonly host: string | null;
    readonly served: boolean;
  }[];
}

/**
 * What somebody has asked for: all that has not ended or needs a person, and of the rest the newest `doneMax`; newest
 * first.
 */
export async function knownTasks(client: Queryable, doneMax: number): Promise<KnownTask[]> {
  const unattended = `(t.state = 'failed' or (t.state = 'done' and (t.result ->> 'exit')::int = 2)) and not exists (
    select from task n where n.id > t.id and n.kind = t.kind and n.host is not distinct from t.host and n.reference = t.reference
       and n.state = 'done' and (n.result ->> 'exit')::int <> 2)`;
  const served = (t: string): string =>
    `exists (select from worker w where (${t}.host is null or w.host = ${t}.host) and ${ALIVE})`;
  const found = await client.query<
    Omit<KnownTask, 'askedMs' | 'endedMs'> & { asked_ms: bigint; ended_ms: bigint | null }
  >(
    `select t.id, t.host, t.kind, t.reference, t.attempts, t.asked_ms, t.ended_ms, t.troubles, t.result as answer, ${unattended} as unattended,
            case when t.state in ('open', 'taken', 'waiting') then ${served('t')} end as served,
            case when t.state = 'taken' and holder_lives(t.holder) then 'at work' when t.state in ('open', 'taken') then 'waiting'
                 when t.state = 'waiting' then 'left' else t.state end as state,
            coalesce((select json_agg(json_build_object('task', c.id, 'kind', c.kind, 'host', c.host, 'served', ${served('c')}) order by c.id)
                        from task c where c.parent = t.id and c.state in ('open', 'taken', 'waiting')), '[]') as "waitsFor"
       from task t
      where t.parent is null and t.kind <> 'read-bricks' and (t.state in ('open', 'taken', 'waiting') or (${unattended})
            or t.id in (select d.id from task d where d.parent is null and d.kind <> 'read-bricks' and d.state in ('done', 'failed', 'cancelled') order by d.id desc limit $1))
      order by t.id desc`,
    [doneMax],
  );
  return found.rows.map(({ asked_ms, ended_ms, ...row }) => ({
    ...row,
    askedMs: Number(asked_ms),
    endedMs: ended_ms === null ? null : Number(ended_ms),
  }));
}
