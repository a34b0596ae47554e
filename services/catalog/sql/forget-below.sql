-- Listings of what lies below directories that are absent: nothing can be compared with them any more.
--   $1 bigint  scan
--   $2 int     root
--   $3         unused, as in apply-below.sql
--   $4 "char"  of the directories that ended for this reason
delete from listing where root = $2 and $3::bigint is not null and directory in (select id from subtree(array(
    select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name
     where e.scan = $1 and e.root = $2 and e.kind = 'below' and e.reason = $4)))
