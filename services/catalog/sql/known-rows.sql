-- What is known of the names in some directories at seq: the version that holds there, the running scan's own, and for
-- a late scan those that begin later.
--   $1 int     root
--   $2 int[]   directories
--   $3 bigint  seq
-- Rows come as they are packed: a scan asks for all of them in directories that changed, and each column that stays
-- null is one less to write and to read.
select v.directory, v.name,
       v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
       v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.attribute,
       v.small_size, v.small_inode, v.born_before_ns
  from unnest($2::int[]) as n (directory)
 cross join lateral (
   -- One look into the index for each directory, whatever the planner knows: on a table that nobody has analyzed yet it
   -- would read the whole root.
   select * from packed_version p
    where p.root = $1 and p.directory = n.directory and (p.first_seq > $3 or holds_at(p.first_seq, p.end_seq, $3)) offset 0
 ) v
