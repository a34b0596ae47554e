-- Which files of a live volume's newest state have a copy in the snapshots given, and which have none: sums of those
-- that have one, and the others by why, copy's root, directory and owner. A copy is a version that holds at one of the
-- snapshots outside of its gaps, with equal content, both of them read and neither suspect. Names that are no
-- directories count as files. (1,000,000 files a side: docs/performance.md.)
--   $1 int  $2 bigint  $3 bigint   the live root, the seq and id of its newest complete scan
--   $4 int[] $5 bigint[] $6 bigint[]  root, seq and id of each complete scan of a backup whose snapshot still exists
--   $7 bigint[]   of these, by id, the scans whose readings are recent enough
--   $8 boolean    whether only recent readings count
--   $9 text       the detail of a gap that hides nothing: there a snapshot holds an empty directory
with recursive held as materialized (
  select h.*, h.scan = any ($7) as recent from unnest($4::int[], $5::bigint[], $6::bigint[]) as h (root, seq, scan)
), below (scan, directory, stub) as (
  select g.scan, g.directory, g.status = 'boundary' and g.detail = $9 from gap g where (g.scan = $3 or g.scan = any ($6)) and g.name = ''
   union select g.scan, d.id, false from gap g join directory d on d.parent = g.directory and d.name = g.name where (g.scan = $3 or g.scan = any ($6)) and g.name <> ''
   union select b.scan, d.id, b.stub from below b join directory d on d.parent = b.directory
), hidden_name as materialized (
  select g.scan, g.directory, g.name from gap g where (g.scan = $3 or g.scan = any ($6)) and g.name <> ''
), gapped as materialized (
  select directory from below where scan <> $3 union select directory from hidden_name where scan <> $3
), begun as materialized (
  select p.root, s.seq as first_seq, (select min(h.seq) from held h where h.root = p.root and h.seq >= s.seq) as next,
         (select max(h.seq) from held h where h.root = p.root) as last
    from scan s join scan_root p on p.scan = s.id where p.root = any ($4) and s.state = 'complete'
), copies as not materialized (
  select v.root, v.directory, v.name, v.kind, v.size, v.target, v.rdev, case when not v.suspect then v.digest end as digest, v.digest is null as unread,
         holds_at(v.first_seq, v.end_seq, b.last) as newest,
         v.kind <> 'file' or h.recent and (v.directory not in (select directory from gapped)
           or not exists (select from below x where x.scan = h.scan and x.directory = v.directory)
          and not exists (select from hidden_name x where x.scan = h.scan and x.directory = v.directory and x.name = v.name)) as recent
    from version v join begun b on b.root = v.root and b.first_seq = v.first_seq
    left join held h on h.root = v.root and h.seq = v.read_seq
   where v.kind <> 'directory' and holds_at(v.first_seq, v.end_seq, b.next)
     and (v.directory not in (select directory from gapped) or exists (
       select from held x where x.root = v.root and holds_at(v.first_seq, v.end_seq, x.seq)
          and not exists (select from below y where y.scan = x.scan and y.directory = v.directory)
          and not exists (select from hidden_name y where y.scan = x.scan and y.directory = v.directory and y.name = v.name)))
), live as not materialized (
  select m.directory, m.name, m.kind, m.size, m.target, m.rdev, m.uid, m.ctime_ns, m.suspect, case when not m.suspect then m.digest end as digest,
         m.directory in (select directory from below where scan = $3) or (m.directory, m.name) in (select directory, name from hidden_name where scan = $3) as hidden
    from manifest($1, $2) m where m.kind <> 'directory'
), rest as materialized (
  select l.* from live l
   where not exists (
     select from copies c where not l.hidden and c.directory = l.directory and c.name = l.name and c.kind = l.kind and (not $8 or c.recent)
        and case l.kind when 'file' then c.size = l.size and c.digest = l.digest when 'symlink' then c.target = l.target
                        else c.rdev is not distinct from l.rdev end)
), beside as materialized (
  select r.directory, r.name, count(c.root) as copies,
         max(c.root) filter (where c.digest = r.digest and c.size = r.size) as equal_root, bool_or(c.newest) filter (where c.digest = r.digest and c.size = r.size) as equal_newest,
         max(c.root) filter (where c.unread and c.size = r.size and c.kind = 'file' and r.kind = 'file') as unread_root,
         bool_or(c.newest) filter (where c.unread and c.size = r.size and c.kind = 'file' and r.kind = 'file') as unread_newest,
         max(c.root) filter (where c.size = r.size and c.kind = 'file' and r.kind = 'file') as sized_root
    from rest r join copies c on c.directory = r.directory and c.name = r.name group by r.directory, r.name
), elsewhere as materialized (
  select distinct r.size, r.digest, bool_or(c.recent) over w as recent, max(c.root) over w as root, bool_or(c.newest) over w as newest
    from (select distinct size, digest from rest l where kind = 'file' and size > 0 and digest is not null and not hidden
            and not exists (select from beside b where b.directory = l.directory and b.name = l.name and b.equal_root is not null)) r
    join copies c on c.size = r.size and c.digest = r.digest window w as (partition by r.size, r.digest)
), told as (
  select r.directory, r.name, r.uid, r.size, r.ctime_ns,
         case when r.hidden then 'not-looked-at'
              when b.equal_root is not null then 'read-long-ago'
              when e.recent or (e.size is not null and not $8) then 'elsewhere'
              when e.size is not null then 'read-long-ago'
              when r.suspect and b.sized_root is not null then 'suspect'
              when r.kind = 'file' and r.digest is null and not r.suspect and b.sized_root is not null then 'unread'
              when b.unread_root is not null then 'copy-unread'
              when exists (select from below x where x.scan <> $3 and x.directory = r.directory and not x.stub)
                or exists (select from hidden_name x where x.scan <> $3 and x.directory = r.directory and x.name = r.name) then 'copy-not-looked-at'
              when b.copies > 0 then 'older'
              else 'none' end as standing,
         coalesce(b.equal_root, e.root, b.unread_root) as root, coalesce(b.equal_newest, e.newest, b.unread_newest, false) as newest
    from rest r left join beside b on b.directory = r.directory and b.name = r.name
    left join elsewhere e on r.kind = 'file' and not r.hidden and e.size = r.size and e.digest = r.digest
)
select 'all' as standing, null::int as root, null::boolean as newest, null::text as directory, null::bigint as uid, count(*) as files, coalesce(sum(size), 0)::bigint as bytes,
       null::bigint as oldest_ns, null::text as oldest from live
union all
select t.standing, t.root, t.newest, d.path, t.uid, t.files, t.bytes, null, null
  from (select standing, root, newest, directory, uid, count(*) as files, coalesce(sum(size), 0)::bigint as bytes from told group by standing, root, newest, directory, uid) t
  join directory d on d.id = t.directory
union all
(select t.standing, null, null, (select path from directory d where d.id = t.directory), t.uid, 0, 0, t.ctime_ns, t.name
  from told t where standing in ('none', 'older') order by t.ctime_ns, t.directory, t.name limit 1)
