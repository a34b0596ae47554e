-- For a late scan: the part of a version before it ends there, and keeps its digest only where the copy that was read
-- lies in it.
--   $1 bigint  scan
--   $2 int     root
--   $3 bigint  seq of the scan
--   $4 int     volume
update packed_version v set end_seq = $3, end_reason = e.reason, digest = case when r.seq is not null then v.digest end, read_seq = r.seq
  from ending e
  join version o on o.root = $2 and o.directory = e.directory and o.name = e.name and o.first_seq = e.first_seq
 cross join lateral (select surviving_read($4, o.digest, o.read_seq, o.first_seq, $3, o.directory, o.name) as seq) r
 where e.scan = $1 and e.root = $2 and e.kind = 'end'
   and v.root = $2 and v.directory = e.directory and v.name = e.name and v.first_seq = e.first_seq
