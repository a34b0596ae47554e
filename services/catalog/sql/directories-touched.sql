-- For each scan of some roots: the files that lie today in the directories whose time it found changed, and the newest
-- change that they bear (ms).
--   $1 int[]     roots
--   $2 bigint[]  the newest seq of each
with r as (
  select * from unnest($1::int[], $2::bigint[]) as r (root, newest)
), begun as (
  select v.root, v.first_seq as seq, d.id, v.ctime_ns
    from version v join r on r.root = v.root join directory d on d.parent = v.directory and d.name = v.name
   where v.size is null and v.first_seq <= r.newest and v.attribute = any (array(select id from attribute where kind = 'directory'))
), files as (
  select distinct on (l.root, l.directory) l.root, l.directory, l.files
    from listing l join r on r.root = l.root where l.seq <= r.newest order by l.root, l.directory, l.seq desc
)
select b.root, b.seq, coalesce(sum(f.files), 0)::float8 as files, (max(b.ctime_ns) / 1000000)::float8 as changed_ms
  from begun b left join files f on f.root = b.root and f.directory = b.id group by 1, 2
