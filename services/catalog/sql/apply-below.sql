-- The absence of directories ends everything below them, in one statement; for the newest scan of a volume.
--   $1 bigint  scan
--   $2 int     root
--   $3 bigint  seq of the scan
--   $4 "char"  of the directories that ended for this reason
update packed_version v set end_seq = $3, end_reason = $4
 where v.root = $2 and v.directory in (select id from subtree(array(
    select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name
     where e.scan = $1 and e.root = $2 and e.kind = 'below' and e.reason = $4)))
   and v.first_seq < $3 and holds_at(v.first_seq, v.end_seq, $3)
