-- The newest listing of each of some directories that a scan up to seq wrote (the running scan itself, too).
--   $1 int     root
--   $2 int[]   directories
--   $3 bigint  seq
select l.directory, l.stat_digest, l.link_digest, l.content_digest, l.count, l.files, l.bytes, l.racy, l.dir_inode, l.dir_mtime_ns, l.dir_ctime_ns
  from unnest($2::int[]) as n (directory)
 cross join lateral (
   -- As in known-rows.sql.
   select * from listing k where k.root = $1 and k.directory = n.directory and k.seq <= $3 order by k.seq desc limit 1
 ) l
