-- One row while the claim stands and the scan runs; asked before a shard is begun.
--   $1 bigint  shard
--   $2 int     fence
--   $3 int     holder
select from shard h join scan s on s.id = h.scan and s.state = 'running' where h.id = $1 and h.fence = $2 and h.holder = $3 and h.state = 'leased'
