-- Locks a shard for the transaction that writes what it found, while its scan runs.
--   $1 bigint  shard
select h.state, h.fence, h.holder from shard h join scan s on s.id = h.scan and s.state = 'running' where h.id = $1 for update of h
