-- Staged ends of the newest scan of a volume.
--   $1 bigint  scan
--   $2 int     root
--   $3 bigint  seq of the scan
update packed_version v set end_seq = $3, end_reason = e.reason
  from ending e
 where e.scan = $1 and e.root = $2 and e.kind = 'end'
   and v.root = $2 and v.directory = e.directory and v.name = e.name and v.first_seq = e.first_seq
