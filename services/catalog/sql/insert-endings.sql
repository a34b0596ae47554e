-- Stages changes of older versions for the close.
--   $1 bigint    scan
--   $2 int       root
--   $3 int[]     directory      $4 text[]    name        $5 bigint[]  first_seq of the version
--   $6 text[]    kind           $7 "char"[]  reason
--   $8 bigint[]  resume_seq
--   $9 bigint[]  digest         $10 bigint[] zero_from   $11 bigint[] read_seq
--   $12 bigint[] inode          $13 bigint[] ctime_ns    $14 bigint[] btime_ns
--   $15 int[]    nlink          $16 boolean[] suspect    $17 boolean[] racy: of a proof, else null
insert into ending (scan, root, directory, name, first_seq, kind, reason, resume_seq,
                    digest, zero_from, read_seq, inode, ctime_ns, btime_ns, nlink, suspect, racy)
select $1, $2, n.* from unnest($3::int[], $4::text[], $5::bigint[], $6::text[], $7::"char"[], $8::bigint[], $9::bigint[], $10::bigint[],
                               $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::int[], $16::boolean[], $17::boolean[]) as n
