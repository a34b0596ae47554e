-- The versions of some directories, less the names that are plainly intact (as in narrow.sql; of lists only what
-- contradicts counts). Each row bears the sums of its directory: its names, and of those that are plainly intact how
-- many are no directories, how many are, and their bytes. A directory without any other name has one row, without a
-- version. Names are told apart by a window, not by a join of rows with names: the planner has no figures of either,
-- and took every row through every name (a directory of 120,000 names: minutes; 2026-11-25, 2 cores).
--   $1 int[]      roots; of each:
--   $2 bigint[]     the seq of its newest complete scan
--   $3 boolean[]    whether it is the live volume's
--   $4 bigint[]     the seq of its running scan, or null
--   $5 boolean[]    whether it holds lists that other tools made
--   $6 bigint[]   the newest complete scans, by id
--   $7 int[]      directories
--   $8 boolean    false when nothing is plain
--   $9 int        1 where backups are declared
with r as (
  select * from unnest($1::int[], $2::bigint[], $3::boolean[], $4::bigint[], $5::boolean[]) as r (root, newest, live, running, list)
), gapped as (
  select id as directory from subtree(array(
    select g.directory from gap g where g.scan = any ($6) and g.name = ''
     union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = any ($6) and g.name <> ''))
   union select d.parent from gap g join directory d on d.id = g.directory where g.scan = any ($6) and g.name = '' and d.parent >= 0
   union select g.directory from gap g where g.scan = any ($6) and g.name <> ''
), mine as materialized (
  select v.*, $8 and count(*) filter (where (v.end_seq is not null and not r.list) or v.suspect) over w = 0
         and count(*) filter (where r.live) over w = 1 and count(*) filter (where not r.list) over w > $9 and min(v.kind) over w = max(v.kind) over w
         and case min(v.kind) over w
               when 'file' then count(v.digest) filter (where not r.list) over w = count(*) filter (where not r.list) over w
                                and min(v.digest) over w = max(v.digest) over w and min(v.size) over w = max(v.size) over w
               when 'symlink' then min(v.target) over w = max(v.target) over w
               when 'char-device' then min(v.rdev) over w = max(v.rdev) over w
               when 'block-device' then min(v.rdev) over w = max(v.rdev) over w
               else true end
         and not exists (select from gapped g where g.directory = v.directory) as plain
    from version v join r on r.root = v.root
   where v.root = any ($1) and v.directory = any ($7) and v.first_seq <= r.newest and v.first_seq is distinct from r.running
  window w as (partition by v.directory, v.name)
), named as (
  select m.directory, m.name, min(m.kind) as kind, max(m.size) as size, bool_and(m.plain) as plain from mine m group by m.directory, m.name
), sums as (
  select directory, count(*)::int as names, (count(*) filter (where plain and kind <> 'directory'))::int as files,
         (count(*) filter (where plain and kind = 'directory'))::int as directories, coalesce(sum(size) filter (where plain), 0)::float8 as bytes
    from named group by directory
)
select s.directory, s.names, s.files, s.directories, s.bytes, v.root, v.name,
       v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
       v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.kind, v.mode, v.uid, v.gid
  from sums s left join mine v on v.directory = s.directory and v.plain is not true
