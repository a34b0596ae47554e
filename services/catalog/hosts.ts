// Hosts, as the catalog knows them: by the roots that lie on them and the workers that serve them. A machine that gets
// another name keeps its volumes; one that is no more leaves them as evidence.
import type { Queryable } from './scans.ts';
import { endForHost } from './steer-tasks.ts';

export interface KnownHost {
  readonly host: string;
  readonly volumes: readonly { readonly name: string; readonly role: string; readonly path: string }[];
  readonly workers: readonly { readonly version: string; readonly alive: boolean }[];
  /** End of the newest complete scan; null where there is none. */
  readonly newestMs: number | null;
  /** Why it was taken out of service; null for one that serves. */
  readonly retired: string | null;
}

export async function knownHosts(client: Queryable): Promise<KnownHost[]> {
  const found = await client.query<Omit<KnownHost, 'newestMs'> & { newest_ms: bigint | null }>(
    `select h.host,
            coalesce((select json_agg(json_build_object('name', v.name, 'role', v.role, 'path', r.path) order by v.role desc, v.name)
                        from root r join volume v on v.id = r.volume where r.host = h.host), '[]') as volumes,
            coalesce((select json_agg(json_build_object('version', w.version, 'alive', holder_lives(w.holder)) order by w.started_ms)
                        from worker w where w.host = h.host and not w.ended), '[]') as workers,
            (select max(s.ended_ms) from scan s join scan_root p on p.scan = s.id join root r on r.id = p.root
              where r.host = h.host and s.state = 'complete') as newest_ms,
            (select t.reason from retired_host t where t.host = h.host) as retired
       from (select host from root union select host from worker where not ended union select host from retired_host) h order by h.host`,
  );
  return found.rows.map(({ newest_ms, ...row }) => ({
    ...row,
    newestMs: newest_ms === null ? null : Number(newest_ms),
  }));
}

/** Paths of the volumes on a host; of a backup, the directory above its snapshots. */
export async function rootsOn(client: Queryable, host: string): Promise<readonly string[]> {
  const found = await client.query<{ path: string }>('select path from root where host = $1', [host]);
  return found.rows.map(({ path }) => path);
}

/** What stands in the way of taking a host's name or its service away. */
export interface HostInUse {
  /** Workers whose sessions live. */
  readonly workers: number;
  /** Volumes that are being scanned there. */
  readonly scanning: readonly string[];
  /** Tasks that have not ended and name it. */
  readonly tasks: readonly bigint[];
}

/** Must run in a transaction: no worker comes before its end. */
export async function hostInUse(client: Queryable, host: string): Promise<HostInUse> {
  await client.query('lock table worker in share row exclusive mode');
  const found = await client.query<HostInUse>(
    `select (select count(*)::int from worker w where w.host = $1 and holder_lives(w.holder)) as workers,
            array(select distinct v.name from scan s join volume v on v.id = s.volume join scan_root p on p.scan = s.id
                    join root r on r.id = p.root where s.state = 'running' and r.host = $1) as scanning,
            array(select t.id from task t where t.parent is null and t.state in ('open', 'taken', 'waiting')
                    and (t.host = $1 or strpos(t.reference::text, to_json($1::text)::text) > 0) order by t.id) as tasks`,
    [host],
  );
  return found.rows[0] ?? { workers: 0, scanning: [], tasks: [] };
}

/** Keys of volumes that a rename would give to two. */
export async function keysTaken(client: Queryable, from: string, to: string): Promise<readonly string[]> {
  const found = await client.query<{ name: string }>(
    `select other.name from volume v join root r on r.volume = v.id and r.host = $1
       join volume other on other.key = ${renamed('v.key')} where other.id <> v.id`,
    [from, to],
  );
  return found.rows.map(({ name }) => name);
}

/**
 * SQL: a key with the host $2 in the place of $1. Keys are KIND:HOST:WHAT; those of lists have `lists:` before that.
 */
function renamed(key: string): string {
  return `regexp_replace(${key}, '^((lists:)?(tree|series|gluster):)' || regexp_replace($1, '([^A-Za-z0-9_-])', '\\\\\\1', 'g') || ':', '\\1' || replace($2, '\\', '\\\\') || ':')`;
}

/**
 * Everything that names the host names the other one from here on: roots, keys, labels that carry it, and the backups
 * that assessments were judged by. Must run in a transaction, when nothing is in use. @returns volumes that moved
 */
export async function renameHost(client: Queryable, from: string, to: string): Promise<number> {
  const moved = await client.query<{ id: number; before: string; after: string }>(
    `update volume v set key = ${renamed('v.key')}, name = case when v.name = v.key then ${renamed('v.key')}
              when v.name like '% on ' || $3 then left(v.name, -length($1::text)) || $2
              when v.name like '% on ' || $3 || ' (%)' then replace(v.name, ' on ' || $1 || ' (', ' on ' || $2 || ' (') else v.name end
       from root r, (select id, name from volume) old where r.volume = v.id and r.host = $1 and old.id = v.id
       returning v.id, old.name as before, v.name as after`,
    [from, to, from.replaceAll(/[\\%_]/g, String.raw`\$&`)],
  );
  await client.query('update root set host = $2 where host = $1', [from, to]);
  await client.query(
    `update assessment a set result = jsonb_set(a.result, '{series}', coalesce((select jsonb_agg(s || jsonb_build_object(
              'name', coalesce(n.after, s ->> 'name'),
              'pattern', case when starts_with(s ->> 'pattern', $1 || ':/') then $2 || substr(s ->> 'pattern', length($1) + 1) else s ->> 'pattern' end) order by e.n)
         from jsonb_array_elements(a.result -> 'series') with ordinality as e (s, n)
         left join unnest($3::text[], $4::text[]) as n (before, after) on n.before = s ->> 'name'), '[]'))
      where a.id in (select max(id) from assessment group by volume)`,
    [from, to, moved.rows.map(({ before }) => before), moved.rows.map(({ after }) => after)],
  );
  await client.query('delete from worker where host = $1', [from]);
  await client.query('delete from retired_host where host = any ($1)', [[from, to]]);
  return moved.rowCount ?? 0;
}

/**
 * Nobody waits for the host any more: what was left for it ends as if it were silent, what was asked of it alone is
 * cancelled. Must run in a transaction. @returns how many tasks
 */
export async function retireHost(
  client: Queryable,
  host: string,
  { reason, nowMs }: { readonly reason: string; readonly nowMs: number },
): Promise<number> {
  const ended = await endForHost(client, host, nowMs);
  await client.query('delete from worker where host = $1', [host]);
  await client.query(
    'insert into retired_host (host, reason, at_ms) values ($1, $2, $3) on conflict (host) do update set reason = excluded.reason, at_ms = excluded.at_ms',
    [host, reason, nowMs],
  );
  return ended;
}
