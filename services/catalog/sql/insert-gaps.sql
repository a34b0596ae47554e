-- What a scan could not look at.
--   $1 bigint  scan
--   $2 int     root
--   $3 int[]   directory    $4 text[]  name    $5 text[]  status    $6 text[]  errno    $7 text[]  detail
insert into gap (scan, root, directory, name, status, errno, detail)
select $1, $2, n.* from unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[]) as n
