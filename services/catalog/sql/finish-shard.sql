-- The last statement of a shard: its children are added, it is done, and the scan has so many open shards more, or one
-- less.
--   $1 bigint   scan
--   $2 bigint   shard
--   $3 jsonb    its counts
--   $4 text[]   kinds of the children, and
--   $5 jsonb[]  what each has to do
--   $6 bigint   ms since 1970
with children as (
  insert into shard (scan, root, kind, work, state)
    select $1, h.root, n.kind, n.work, 'open' from unnest($4::text[], $5::jsonb[]) as n (kind, work), shard h where h.id = $2
), done as (
  update shard set state = 'done', holder = null, counts = $3 where id = $2
)
update scan set open_shards = open_shards + cardinality($4::text[]) - 1, progressed_ms = $6 where id = $1
