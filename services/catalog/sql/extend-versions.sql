-- For a late scan: versions that begin behind it, and were so at it already, begin there.
--   $1 bigint  scan
--   $2 int     root
--   $3 bigint  seq of the scan
update packed_version v set first_seq = $3, read_seq = coalesce(v.read_seq, v.first_seq)
  from ending e
 where e.scan = $1 and e.root = $2 and e.kind = 'extend'
   and v.root = $2 and v.directory = e.directory and v.name = e.name and v.first_seq = e.first_seq
