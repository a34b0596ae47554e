-- Sums over all versions of some roots, each kept with the count of changes that it belongs to: one pass over the
-- versions, and one over the index of those that ended. (Two roots of 1,000,000 files: 0.9 s, 2 cores, warm,
-- 2026-11-30.)
--   $1 int[]     roots
--   $2 bigint[]  seq of the newest complete scan of each
--   $3 bigint[]  seq of its running scan, or null: rows of it do not count yet
--   $4 bigint    the first and
--   $5 bigint    the last time that can be kept: files beyond them bear these
-- It reads packed_version: grouped by expressions of the view the planner would expect a group for every row, and sort
-- them all.
insert into version_sum (root, changes, begun, ended)
with r as (
  select * from unnest($1::int[], $2::bigint[], $3::bigint[]) as r (root, newest, running)
), directories as (
  select array(select id from attribute where kind = 'directory') as ids
), begun as (
  select v.root, v.first_seq, v.read_seq,
         count(*) filter (where v.attribute <> all ((select ids from directories)::int[])) as names,
         (sum(coalesce(v.size, v.small_size)) filter (where v.digest is not null and holds_at(v.first_seq, v.end_seq, r.newest)))::bigint as bytes,
         count(*) filter (where v.mtime_ns in ($4, $5) and holds_at(v.first_seq, v.end_seq, r.newest)) as clamped
    from packed_version v join r on r.root = v.root
   where v.first_seq <= r.newest and v.first_seq is distinct from r.running
   group by v.root, v.first_seq, v.read_seq
), ended as (
  select v.root, v.end_seq, count(*) filter (where v.end_reason = 'c') as changed, count(*) filter (where v.end_reason = 'v') as vanished
    from packed_version v join r on r.root = v.root
   where v.end_seq is not null and v.first_seq is distinct from r.running and v.attribute <> all ((select ids from directories)::int[])
   group by v.root, v.end_seq
)
select r.root, root.changes,
       coalesce((select jsonb_agg(jsonb_build_object('firstSeq', first_seq::text, 'readSeq', coalesce(read_seq, first_seq)::text, 'names', names,
                                                     'bytes', coalesce(bytes, 0), 'clamped', clamped)) from begun b where b.root = r.root), '[]'),
       coalesce((select jsonb_agg(jsonb_build_object('seq', end_seq::text, 'changed', changed, 'vanished', vanished)) from ended e where e.root = r.root), '[]')
  from r join root on root.id = r.root
on conflict (root) do update set changes = excluded.changes, begun = excluded.begun, ended = excluded.ended
