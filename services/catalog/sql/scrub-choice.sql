-- What the next slice of the scrub reads again: a directory as a whole, or single files of one that is more than a
-- slice may read. First what nobody has read and no slice has tried, then the neighbours of content that changed in
-- silence, which were not read since, then what was read longest ago. What was tried in vain waits until it is the
-- oldest again. Directories are summed first and then joined with their marks: there are far fewer of them than of
-- files.
--   $1 int     root
--   $2 bigint  seq of its newest complete scan
--   $3 bigint  now, in ms, and a little: what was read later is taken for not read
--   $4 bigint  bytes that the slice may read
--   $5 bigint  bytes that it may read of what is in no hurry
--   $6 bigint  what was read before then is in a hurry
--   $7 bigint  what was read after then is left alone
with files as (
  select array(select id from attribute where kind = 'file') as ids
), held as (
  select v.directory, coalesce(sum(coalesce(v.size, v.small_size)), 0)::bigint as bytes,
         min(case when v.digest is not null and coalesce(v.read_seq, v.first_seq) <= $3 then coalesce(v.read_seq, v.first_seq) end) as read_ms,
         -- What began in the future, by a clock that was wrong then, is not newer than what was tried since.
         max(case when v.digest is not null and coalesce(v.read_seq, v.first_seq) <= $3 then null when v.first_seq > $3 then 0 else v.first_seq end) as unread_ms
    from packed_version v
   where v.root = $1 and holds_at(v.first_seq, v.end_seq, $2) and v.attribute = any ((select ids from files)::int[])
   group by v.directory
), corrupt as (
  select directory, max(first_seq) as found_ms from packed_version
   where root = $1 and suspect is true and (end_seq is not null or suspect is true) and holds_at(first_seq, end_seq, $2) group by directory
), neighbour as (
  select id as directory, max(found_ms) as found_ms from (
    select c.directory as id, c.found_ms from corrupt c
    union all select d.parent, c.found_ms from corrupt c join directory d on d.id = c.directory
    union all select s.id, c.found_ms from corrupt c join directory d on d.id = c.directory join directory s on s.parent = d.parent and d.id <> 0
    union all select b.id, c.found_ms from corrupt c join directory b on b.parent = c.directory) n group by id
), unit as (
  select h.directory, null::text as name, h.bytes, h.unread_ms, m.tried_ms, greatest(h.read_ms, m.tried_ms, 0) as at_ms
    from held h left join scrubbed m on m.root = $1 and m.directory = h.directory and m.tried_ms <= $3
   where h.bytes <= $4
  union all
  select v.directory, v.name, coalesce(v.size, v.small_size), r.unread_ms, x.tried_ms, greatest(r.read_ms, x.tried_ms, 0)
    from held h join packed_version v on v.root = $1 and v.directory = h.directory and holds_at(v.first_seq, v.end_seq, $2)
     and v.attribute = any ((select ids from files)::int[])
    left join scrub_missed x on x.root = $1 and x.directory = v.directory and x.name = v.name and x.tried_ms <= $3
    left join scrubbed m on m.root = $1 and m.directory = v.directory and m.read_ms <= $3 and x.name is null and v.digest is not null
   cross join lateral (
     select greatest(case when v.digest is not null and coalesce(v.read_seq, v.first_seq) <= $3 then coalesce(v.read_seq, v.first_seq) end, m.read_ms) as read_ms,
            case when v.digest is not null and (coalesce(v.read_seq, v.first_seq) <= $3 or m.read_ms is not null) then null
                 when v.first_seq > $3 then 0 else v.first_seq end as unread_ms) r
   where h.bytes > $4
), ordered as (
  select u.*, case when u.unread_ms > coalesce(u.tried_ms, -1) then 0 when n.found_ms > u.at_ms then 1 else 2 end as rank
    from unit u left join neighbour n on n.directory = u.directory
), summed as (
  select directory, name, bytes, at_ms, rank, sum(bytes) over (order by rank, at_ms, directory, name) as up_to from ordered where rank < 2 or at_ms < $7
)
select directory, case when min(name) is not null then array_agg(name) end as names, sum(bytes)::bigint as bytes from summed
 where (up_to <= $4 or up_to = bytes) and (rank < 2 or at_ms < $6 or up_to - bytes < $5)
 group by directory
