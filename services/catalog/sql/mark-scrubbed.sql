-- Marks the directories that a slice of the scrub has chosen as a whole. One that was listed to its end, and that no
-- gap hides, was read, but for the names that have a gap; of all others only that they were tried. Of what was chosen
-- by name the version tells that it was read. Names that could not be read are kept.
--   $1 bigint  the scan
--   $2 int     the root
--   $3 bigint  the scan's seq
--   $4 bigint  when it began, in ms
with gaps as (
  select exists (select from gap where scan = $1) as are_some
), chosen as (
  select c.directory, c.names,
         exists (select from listing l where l.root = $2 and l.directory = c.directory and l.seq = $3)
           and not ((select are_some from gaps) and hidden($1, c.directory, '')) as is_read
    from scrub_choice c where c.scan = $1
), missed as (
  select g.directory, g.name from chosen c join gap g on g.scan = $1 and g.root = $2 and g.directory = c.directory
   where c.is_read and g.name <> '' and (c.names is null or g.name = any (c.names))
  union select c.directory, n.name from chosen c cross join unnest(c.names) as n (name) where not c.is_read
), found as (
  delete from scrub_missed x using chosen c
   where x.root = $2 and x.directory = c.directory and c.is_read and (c.names is null or x.name = any (c.names))
     and not exists (select from missed m where m.directory = x.directory and m.name = x.name)
), kept as (
  insert into scrub_missed (root, directory, name, tried_ms) select $2, directory, name, $4 from missed
  on conflict (root, directory, name) do update set tried_ms = excluded.tried_ms
)
insert into scrubbed (root, directory, tried_ms, read_ms)
select $2, c.directory, $4, case when c.is_read then $4::bigint end from chosen c where c.names is null
on conflict (root, directory) do update set tried_ms = excluded.tried_ms, read_ms = coalesce(excluded.read_ms, scrubbed.read_ms)
