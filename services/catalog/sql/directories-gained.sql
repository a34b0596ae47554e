-- Directories in which a scan of a root found a name that the scan before it had not, and whether it found their time
-- changed as well.
--   $1 int     root
--   $2 bigint  its oldest complete scan, and
--   $3 bigint  its newest: what began between them is asked for (version_begun leaves the first scan's rows alone,
--              which are most)
with gained as (
  select distinct v.directory, v.first_seq as seq from version v
   where v.root = $1 and v.first_seq > $2 and v.first_seq <= $3 and not exists (
     select from version o where o.root = $1 and o.directory = v.directory and o.name = v.name and o.end_seq is not null and o.end_seq = v.first_seq)
), dirs as (
  select d.id, d.path, v.first_seq, v.end_seq from version v join directory d on d.parent = v.directory and d.name = v.name
   where v.root = $1 and v.size is null and v.first_seq <= $3 and v.attribute = any (array(select id from attribute where kind = 'directory'))
)
select g.seq, b.path, w.id is not null as moved
  from gained g join dirs b on b.id = g.directory and b.first_seq < g.seq and coalesce(b.end_seq, g.seq) >= g.seq
  left join dirs w on w.id = g.directory and w.first_seq = g.seq
