-- What directories looked like when they were listed.
--   $1 int       root
--   $2 bigint    seq of the scan
--   $3 int[]     directory   $4 bigint[] stat digest   $5 bigint[] content digest
--   $6 int[]     count       $7 int[] files            $8 bigint[] bytes
--   $9 boolean[] racy        $10 bigint[] inode, $11 bigint[] mtime and $12 bigint[] ctime of the directory
--   $13 bigint[] link digest
insert into listing (root, directory, seq, stat_digest, link_digest, content_digest, count, files, bytes, racy, dir_inode, dir_mtime_ns, dir_ctime_ns)
select $1, n.directory, $2, n.stat, n.link, n.content, n.count, n.files, n.bytes, n.racy, n.inode, n.mtime, n.ctime
  from unnest($3::int[], $4::bigint[], $5::bigint[], $6::int[], $7::int[], $8::bigint[], $9::boolean[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
    as n (directory, stat, content, count, files, bytes, racy, inode, mtime, ctime, link)
