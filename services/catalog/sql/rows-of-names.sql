-- The versions of single names, whatever their state, by first_seq.
--   $1 int[]     roots; of each:
--   $2 bigint[]    the seq of its newest complete scan
--   $3 bigint[]    the seq of its running scan, or null
--   $4 int[]     directories, and
--   $5 text[]    the names in them
with r as (
  select * from unnest($1::int[], $2::bigint[], $3::bigint[]) as r (root, newest, running)
), n as (
  select distinct * from unnest($4::int[], $5::text[]) as n (directory, name)
)
select v.directory, v.name, v.root,
       v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
       v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.kind, v.mode, v.uid, v.gid
  from n cross join r join version v on v.root = r.root and v.directory = n.directory and v.name = n.name collate "C"
 where v.first_seq <= r.newest and v.first_seq is distinct from r.running order by v.first_seq
