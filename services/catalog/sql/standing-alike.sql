-- Which of some contents, or of some sizes with an exact time, one scan of a root holds under any name.
--   $1 int  $2 bigint      root and seq
--   $3 bigint[] $4 bigint[]  size and digest
--   $5 bigint[] $6 bigint[]  size and mtime: all sizes, those of the contents too
select distinct m.size, m.digest, m.mtime_ns from manifest($1, $2) m
 where m.size > 0 and m.size = any ($5::bigint[])
   and ((m.size, m.digest) in (select * from unnest($3::bigint[], $4::bigint[])) or (m.size, m.mtime_ns) in (select * from unnest($5::bigint[], $6::bigint[])))
