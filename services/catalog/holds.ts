// Snapshots that open losses need: pruning one of them may destroy the last good copy (docs/design.md#holds).
import type { LossKind } from '../../domain/watch/conditions.ts';
import { COUNTED, DAMAGED, KIND } from './losses.ts';
import type { Queryable } from './scans.ts';

export interface Hold {
  readonly host: string;
  /** Of the snapshot as it is now, printable: a series that rotates moves it. */
  readonly path: string;
}

export interface HoldOfLoss extends Hold {
  readonly volumeId: number;
  readonly kind: LossKind;
  /** Open findings that it has a copy for. */
  readonly findings: number;
}

// Keys are those of domain/judge/keys.ts. A copy that nobody has read may be the one that is needed, where its size is
// right; where nobody knows what is right, every copy may be.
const HAS_IT = `case when f.expected like 'file %' and f.expected not like '% unread %'
    then v.kind = 'file' and case when v.digest is null then f.expected like 'file ' || v.size || ' %'
         else f.expected = 'file ' || v.size || ' ' || lpad(to_hex(v.digest), 16, '0') end
    else true end`;

/** An end_seq that no scan reaches. */
const FOR_EVER = '9223372036854775807';

/** Assessments of a volume whose backups are looked through. */
const JUDGED_BACK = 20;

/**
 * For each open finding of a loss its source, and of each series the newest snapshot on disk that still has what the
 * path should be.
 * @param volumes live ones; null for all
 */
export async function holdsOfLosses(client: Queryable, volumes: readonly number[] | null): Promise<HoldOfLoss[]> {
  const found = await client.query<HoldOfLoss>(
    `with lost as materialized (
       select f.id, f.volume, f.path, f.expected, f.detail -> 'source' as source, ${KIND} as kind,
              regexp_replace(f.path, '/?[^/]*$', '') as directory, regexp_replace(f.path, '^.*/', '') as name
         from finding f where f.state = 'open' and f.verdict = any ($1) and ($3::int[] is null or f.volume = any ($3))
     ), judged as materialized (
       -- Directories are shared by all volumes: what was never judged with this one is no copy of it.
       select distinct l.volume, s.volume as backup
         from (select distinct volume from lost) l
         cross join lateral (select a.scans from assessment a where a.volume = l.volume order by a.id desc limit ${JUDGED_BACK}) a
         cross join lateral jsonb_array_elements_text(a.scans) as stood (scan) join scan s on s.id = stood.scan::bigint and s.volume <> l.volume
     ), versions as materialized (
       select f.id, f.volume, f.kind, v.root, v.first_seq, coalesce(v.end_seq, ${FOR_EVER}) as end_seq
         from lost f join directory d on d.path = f.directory collate "C"
         join version v on v.directory = d.id and v.name = f.name collate "C"
         join root r on r.id = v.root join judged j on j.volume = f.volume and j.backup = r.volume
        where ${HAS_IT}
     ), newest as materialized (
       -- Versions by the million share a few intervals: each is looked up once.
       select i.root, i.first_seq, i.end_seq, n.seq, n.id as scan
         from (select distinct root, first_seq, end_seq from versions) i join root r on r.id = i.root
         cross join lateral (
           select s.id, s.seq from scan s
            where s.volume = r.volume and s.state = 'complete' and s.pruned is null and s.seq >= i.first_seq and s.seq < i.end_seq
            order by s.seq desc limit 1) n
     ), needed as (
       select id, volume, kind, scan
         from (select v.id, v.volume, v.kind, n.scan, n.seq = max(n.seq) over (partition by v.id, v.root) as is_newest
                 from versions v join newest n on n.root = v.root and n.first_seq = v.first_seq and n.end_seq = v.end_seq) c
        where is_newest
        union
       select f.id, f.volume, f.kind, s.id from lost f join volume b on b.name = f.source ->> 'series' and b.role = 'backup'
         join scan s on s.volume = b.id and s.snapshot = f.source ->> 'snapshot' and s.state = 'complete' and s.pruned is null
     )
     select n.volume as "volumeId", n.kind, r.host, p.path, count(distinct n.id)::int as findings
       from needed n join scan_root p on p.scan = n.scan join root r on r.id = p.root
      group by n.volume, n.kind, r.host, p.path order by r.host, p.path`,
    [COUNTED, DAMAGED, volumes],
  );
  return found.rows;
}

/** What open incidents keep: also when nothing of them is open any more, and nobody has looked twice yet. */
export async function holdsOfIncidents(client: Queryable): Promise<Hold[]> {
  const found = await client.query<Hold>(
    `select distinct h.host, h.path collate "C" as path from incident i, jsonb_to_recordset(i.detail -> 'holds') as h (host text, path text)
      where i.closed_ms is null
        and exists (select from scan s join scan_root p on p.scan = s.id join root r on r.id = p.root
                     where s.state = 'complete' and s.pruned is null and r.host = h.host and p.path = h.path collate "C")
      order by 1, 2`,
  );
  return found.rows;
}

/** Paths of all snapshots of a host that were scanned completely and are on disk, as far as is known. */
export async function scannedSnapshots(client: Queryable, host: string): Promise<readonly string[]> {
  const found = await client.query<{ path: string }>(
    `select distinct p.path from scan s join volume v on v.id = s.volume and v.role = 'backup' join scan_root p on p.scan = s.id
       join root r on r.id = p.root where r.host = $1 and s.state = 'complete' and s.pruned is null order by 1`,
    [host],
  );
  return found.rows.map(({ path }) => path);
}
