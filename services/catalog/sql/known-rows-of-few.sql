-- As known-rows.sql, of a few names of each of many directories.
--   $1 int     root
--   $2 int[]   directory   $4 text[] name
--   $3 bigint  seq
select v.directory, v.name,
       v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
       v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.attribute,
       v.small_size, v.small_inode, v.born_before_ns
  from (select directory, array_agg(name) as names from unnest($2::int[], $4::text[]) as a (directory, name) group by directory) n
 cross join lateral (
   -- As in known-rows.sql.
   select * from packed_version p
    where p.root = $1 and p.directory = n.directory and p.name = any (n.names) and (p.first_seq > $3 or holds_at(p.first_seq, p.end_seq, $3)) offset 0
 ) v
