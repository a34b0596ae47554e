-- Every directory that the running scan looked into, with the times that it had when it was listed last: none below a
-- gap, or below what vanished, left scope or is no directory any more (as in contribution.sql).
--   $1 bigint    the scan
--   $2 int       the root
--   $3 bigint    the scan's seq
--   $4 boolean   whether what was listed before it counts, too. A late scan has listed all that it looked into; what
--                was listed before it may be of another state.
with unvisited as (
  select id from subtree(array(
    select g.directory from gap g where g.scan = $1 and g.root = $2 and g.name = ''
    union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = $1 and g.root = $2 and g.name <> ''
    union select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name where e.scan = $1 and e.root = $2 and e.kind = 'below'))
)
select distinct on (l.directory) l.directory as id, d.path, l.dir_inode as inode, l.dir_mtime_ns as mtime_ns,
       l.dir_ctime_ns as ctime_ns
  from listing l join directory d on d.id = l.directory
 where l.root = $2 and l.seq <= $3 and ($4 or l.seq = $3) and l.directory not in (select id from unvisited)
 order by l.directory, l.seq desc
