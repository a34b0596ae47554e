-- How many files of a root were read when, by the hour: kept with the state of the root that it belongs to. What was
-- read in the future, by a clock that was wrong then, is taken for not read.
--   $1 int     root
--   $2 bigint  seq of its newest complete scan
--   $3 bigint  now, in ms, and a little
--   $4 bigint  the newest complete slice, or null
insert into scrub_sum (root, changes, slice, read)
with files as (
  select array(select id from attribute where kind = 'file') as ids
), v as (
  select case when v.digest is not null then
           greatest(case when coalesce(v.read_seq, v.first_seq) <= $3 then coalesce(v.read_seq, v.first_seq) end,
                    case when m.read_ms <= $3 and (x.tried_ms is null or x.tried_ms < m.read_ms) then m.read_ms end) / 3600000 end as hour,
         case when v.digest is null or coalesce(v.read_seq, v.first_seq) > $3 then least(v.first_seq, $3) / 3600000 end as first_hour,
         coalesce(v.size, v.small_size) as size
    from packed_version v left join scrubbed m on m.root = v.root and m.directory = v.directory
    left join scrub_missed x on x.root = v.root and x.directory = v.directory and x.name = v.name
   where v.root = $1 and holds_at(v.first_seq, v.end_seq, $2) and v.attribute = any ((select ids from files)::int[])
), read as (
  select hour, coalesce(hour, first_hour) as since, count(*) as files, coalesce(sum(size), 0) as bytes from v group by 1, 2
)
select r.id, r.changes, $4,
       (select coalesce(jsonb_agg(jsonb_build_object('readMs', hour * 3600000, 'sinceMs', since * 3600000, 'files', files, 'bytes', bytes)), '[]') from read)
  from root r where r.id = $1
on conflict (root) do update set changes = excluded.changes, slice = excluded.slice, read = excluded.read
returning read
