-- As known-rows.sql, of some names only: a chunk of a huge directory has tens of thousands, so they are joined.
--   $1 int     root
--   $2 int[]   directories
--   $3 bigint  seq
--   $4 text[]  names
-- Rows come as they are packed: a scan asks for all of them in directories that changed, and each column that stays
-- null is one less to write and to read.
select v.directory, v.name,
       v.first_seq, v.end_seq, v.end_reason, v.size, v.mtime_ns, v.digest, v.zero_from, v.read_seq, v.inode, v.ctime_ns,
       v.btime_ns, v.nlink, v.suspect, v.racy, v.target, v.rdev, v.attribute,
       v.small_size, v.small_inode, v.born_before_ns
  from packed_version v join (select distinct name collate "C" as name from unnest($4::text[]) as n (name)) n on n.name = v.name
 where v.root = $1 and v.directory = any ($2) and (v.first_seq > $3 or holds_at(v.first_seq, v.end_seq, $3))
