-- For a late scan: the absence of directories stages the end of each version below them, with the seq of the first
-- later scan that saw the name, where the version goes on from there. apply-late-endings.sql and resume-versions.sql
-- then treat them as any other.
--   $1 bigint  scan
--   $2 int     root
--   $3 bigint  seq of the scan
--   $4 "char"  of the directories that ended for this reason
--   $5 int     volume
insert into ending (scan, root, directory, name, first_seq, kind, reason, resume_seq)
select $1, $2, v.directory, v.name, v.first_seq, 'end', $4, case when v.end_seq is null or n.seq < v.end_seq then n.seq end
  from version v cross join lateral (select next_seen($5, $3, v.directory, v.name) as seq) n
 where v.root = $2 and v.directory in (select id from subtree(array(
    select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name
     where e.scan = $1 and e.root = $2 and e.kind = 'below' and e.reason = $4)))
   and v.first_seq < $3 and holds_at(v.first_seq, v.end_seq, $3)
   and not exists (select from ending e where e.scan = $1 and e.root = $2 and e.kind = 'end'
                      and e.directory = v.directory and e.name = v.name and e.first_seq = v.first_seq)
