-- Claims one shard of a scan: an open one, one whose lease ran out, or one whose holder's session is gone.
--   $1 bigint   scan
--   $2 int      holder
--   $3 float8   seconds of the lease
--   $4 text     host: its roots only
update shard set state = 'leased', holder = $2, lease_until = now() + make_interval(secs => $3), fence = fence + 1, attempts = attempts + 1
 where id = (
   select h.id from shard h join root r on r.id = h.root and r.host = $4
    where h.scan = $1 and (h.state = 'open' or (h.state = 'leased' and (h.lease_until < now() or not holder_lives(h.holder))))
    order by h.id limit 1 for update of h skip locked)
returning id, root as "rootId", kind, work, fence, holder, attempts
