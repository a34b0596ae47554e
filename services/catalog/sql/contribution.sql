-- What some directories contributed to the sums of a running scan, told from its rows. A directory that the scan did
-- not look into contributed nothing: one below a gap, or below what vanished, left scope or is no directory any more
-- (as in listed-directories.sql).
--   $1 bigint   the scan
--   $2 int      the root
--   $3 bigint   the scan's seq
--   $4 int[]    the directories
with unvisited as (
  select id from subtree(array(
    select g.directory from gap g where g.scan = $1 and g.root = $2 and g.name = ''
    union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = $1 and g.root = $2 and g.name <> ''
    union select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name where e.scan = $1 and e.root = $2 and e.kind = 'below'))
), listed as (
  select n.id from unnest($4::int[]) as n (id) except select id from unvisited
), known as (
  select directory, name from version
   where root = $2 and directory in (select id from listed) and first_seq < $3 and holds_at(first_seq, end_seq, $3)
), ended as (
  select directory, name, reason from ending
   where scan = $1 and root = $2 and kind = 'end' and directory in (select id from listed)
), own as (
  select directory, name from version where root = $2 and directory in (select id from listed) and first_seq = $3
), gone as (
  select e.* from ended e where e.reason in ('v', 'x')
), hidden as (
  select k.* from known k
    join gap g on g.scan = $1 and g.root = $2 and g.directory = k.directory and g.name = k.name
)
select (select count(*)::int from gone where reason = 'v') as vanished,
       (select count(*)::int from gone where reason = 'x') as excluded,
       (select count(*)::int from hidden) as unknown,
       (select count(*)::int from known) - (select count(*)::int from gone) - (select count(*)::int from hidden) as seen,
       (select count(*)::int from own o
         where not exists (select from known k where k.directory = o.directory and k.name = o.name)) as found,
       (select count(*)::int from own o
         where exists (select from known k where k.directory = o.directory and k.name = o.name)) as changed
