-- The times of the directories of a backup beside those of the live volume: with equal content in both, how many have
-- the same time, and how many another one that no later change of the live one explains; and the files that the live
-- volume has in directories whose times differ.
--   $1 int  $2 bigint  root and newest seq of the live volume
--   $3 int  $4 bigint  root and newest seq of the backup
--   $5 bigint          ns since 1970: what the live volume changed after it may differ
-- Times kept at a coarser precision are compared at that one (sameMtime of domain/version.ts). Directories have no
-- size: version_sizeless has them.
with directories as (
  select array(select id from attribute where kind = 'directory') as ids
), a as (
  select d.id, v.mtime_ns from manifest($1, $2) v join directory d on d.parent = v.directory and d.name = v.name
   where v.size is null and v.attribute = any ((select ids from directories)::int[])
), b as (
  select d.id, v.mtime_ns from manifest($3, $4) v join directory d on d.parent = v.directory and d.name = v.name
   where v.size is null and v.attribute = any ((select ids from directories)::int[])
), x as (
  select distinct on (directory) directory, content_digest, files from listing where root = $1 and seq <= $2 order by directory, seq desc
), y as (
  select distinct on (directory) directory, content_digest from listing where root = $3 and seq <= $4 order by directory, seq desc
), pairs as (
  select x.content_digest = y.content_digest as alike, x.files, a.mtime_ns > b.mtime_ns and a.mtime_ns > $5 as later,
         case when a.mtime_ns % 1000000000 = 0 or b.mtime_ns % 1000000000 = 0 then a.mtime_ns / 1000000000 = b.mtime_ns / 1000000000
              when a.mtime_ns % 100 = 0 or b.mtime_ns % 100 = 0 then a.mtime_ns / 100 = b.mtime_ns / 100
              else a.mtime_ns = b.mtime_ns end as same
    from a join b using (id) join x on x.directory = a.id join y on y.directory = a.id
)
select (count(*) filter (where alike and same))::int as same,
       (count(*) filter (where alike and not same and not later))::int as other,
       coalesce(sum(files) filter (where not same), 0)::float8 as touched
  from pairs
