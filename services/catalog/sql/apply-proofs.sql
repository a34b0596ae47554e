-- Staged proofs: versions whose bytes a scan has read.
--   $1 bigint  scan
--   $2 int     root
update packed_version v set digest = e.digest, zero_from = coalesce(e.zero_from, -1), read_seq = e.read_seq, inode = e.inode,
       ctime_ns = e.ctime_ns, btime_ns = e.btime_ns, nlink = e.nlink, suspect = e.suspect, racy = e.racy
  from ending e
 where e.scan = $1 and e.root = $2 and e.kind = 'proof'
   and v.root = $2 and v.directory = e.directory and v.name = e.name and v.first_seq = e.first_seq
