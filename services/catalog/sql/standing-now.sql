-- Names that hold at one scan of a root and have one of the contents or identities: one pass over its manifest. Sizes
-- and inodes are asked for by themselves first: that is cheap, and tells the planner that few are met, so that it
-- shares the pass among processes (10,000,000 names: 5.0 s without, 2.3 s with it; 2 busy cores, 2026-11-30).
--   $1 int  $2 bigint      root and seq
--   $3 bigint[] $4 bigint[]  size and digest of contents
--   $5 bigint[]            sizes whose content is not known
--   $6 bigint[] $7 bigint[]  inode and birth time
select m.directory, m.name from manifest($1, $2) m
 where (m.size > 0 and m.size = any ($3::bigint[]) and (m.size, m.digest) in (select * from unnest($3::bigint[], $4::bigint[])))
    or (m.size > 0 and m.size = any ($5::bigint[]))
    or (m.inode = any ($6::bigint[]) and m.btime_ns <> 0 and (m.inode, m.btime_ns) in (select * from unnest($6::bigint[], $7::bigint[])))
