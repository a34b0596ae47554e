-- The newest listing of each of some directories that a scan up to seq wrote (the running scan itself, too).
--   $1 int     root
--   $2 int[]   directories
--   $3 bigint  seq
select distinct on (directory) directory, stat_digest, content_digest, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns
  from listing where root = $1 and directory = any ($2) and seq <= $3 order by directory, seq desc
