-- A pattern of a later scan says nothing of a name that the scan did not come to: where a directory above is gone, or
-- is no directory any more, what was below it vanished, whatever the patterns say. (The directory's own row says how it
-- ended: above it all was there.)
--   $1 int     root
--   $2 bigint  seq of the scan that closes: its versions
--   $3 bigint  a later seq at which some of them end as excluded
update packed_version v set end_reason = 'v'
 where v.root = $1 and v.first_seq = $2 and v.end_seq = $3 and v.end_reason = 'x' and v.directory in (
   select id from subtree(array(
     select d.id from version u join directory d on d.parent = u.directory and d.name = u.name
      where u.root = $1 and u.kind = 'directory' and u.end_seq = $3 and u.end_reason <> 'x' and not exists (
        select from version n
         where n.root = $1 and n.kind = 'directory' and n.directory = u.directory and n.name = u.name and n.first_seq = $3))))
