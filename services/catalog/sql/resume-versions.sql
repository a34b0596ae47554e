-- For a late scan: a version that it cuts in two goes on behind it, as a row of its own. It keeps its digest only where
-- the copy that was read lies there.
--   $1 bigint  scan
--   $2 int     root
--   $3 int     volume
insert into packed_version (first_seq, end_seq, size, mtime_ns, digest, zero_from, read_seq, inode, ctime_ns, btime_ns, rdev, root, directory, attribute,
                            nlink, end_reason, suspect, racy, name, target)
select e.resume_seq, v.end_seq, v.size, v.mtime_ns, case when r.seq is not null then v.digest end, coalesce(v.zero_from, -1), r.seq,
       v.inode, v.ctime_ns, v.btime_ns, v.rdev, v.root, v.directory, v.attribute, v.nlink, v.end_reason, v.suspect, v.racy, v.name, v.target
  from ending e
  join version v on v.root = $2 and v.directory = e.directory and v.name = e.name and v.first_seq = e.first_seq
 cross join lateral (select surviving_read($3, v.digest, v.read_seq, e.resume_seq, v.end_seq, v.directory, v.name) as seq) r
 where e.scan = $1 and e.root = $2 and e.kind = 'end' and e.resume_seq is not null
