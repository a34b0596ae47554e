-- Splits the directories: one is plainly intact as a whole when its newest listings on live and on every backup root
-- that has it carry one content digest, none of its names ever changed, ended or was suspect, and no gap of the newest
-- scans touches it. The others come by id, with the names that each may hold on all roots together; the plain ones as
-- sums. Reads `listing` and the index of ended versions: no row of a version that nothing happened to. (10,000,000
-- files a side, unchanged: 1.3 s, 2 cores, 2026-11-30.)
--   $1 int[]      roots; of each:
--   $2 bigint[]     the seq of its newest complete scan
--   $3 boolean[]    whether it is the live volume's
--   $4 bigint[]     the seq of its running scan, or null
--   $5 bigint[]   the newest complete scans, by id
--   $6 boolean    false when listings say nothing: then nothing is plain
--   $7 int        1 where backups are declared: then a directory must be on one of them as well
with r as (
  select * from unnest($1::int[], $2::bigint[], $3::boolean[], $4::bigint[]) as r (root, newest, live, running)
), newest as materialized (
  select distinct on (l.directory, l.root) l.directory, r.live, l.content_digest, l.count, l.bytes
    from listing l join r on r.root = l.root where l.seq <= r.newest and l.seq is distinct from r.running
   order by l.directory, l.root, l.seq desc
), touched as materialized (
  select v.directory, count(*) as ended from version v join r on r.root = v.root
   where (v.end_seq is not null or v.suspect) and v.first_seq <= r.newest group by v.directory
), gapped as (
  select id as directory from subtree(array(
    select g.directory from gap g where g.scan = any ($5) and g.name = ''
     union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = any ($5) and g.name <> ''))
   union select d.parent from gap g join directory d on d.id = g.directory where g.scan = any ($5) and g.name = '' and d.parent >= 0
   union select g.directory from gap g where g.scan = any ($5) and g.name <> ''
), plain as materialized (
  select n.directory, max(n.count) as count, max(n.bytes) as bytes from newest n
   where $6 and not exists (select from touched t where t.directory = n.directory) and not exists (select from gapped g where g.directory = n.directory)
   group by n.directory
  having count(*) filter (where n.live) = 1 and count(*) > $7 and count(n.content_digest) = count(*) and min(n.content_digest) = max(n.content_digest)
), interesting as (
  select directory, sum(names) as names
    from (select directory, count as names from newest union all select directory, ended from touched union all select directory, 0 from gapped) a
   where not exists (select from plain p where p.directory = a.directory) group by directory
)
select (select array_agg(directory order by directory) from interesting) as ids,
       (select array_agg(names::int order by directory) from interesting) as names,
       (select coalesce(sum(count), 0)::bigint from plain) as plain_names,
       (select coalesce(sum(bytes), 0)::bigint from plain) as plain_bytes,
       (select count(*) from newest n join directory d on d.id = n.directory join plain p on p.directory = d.parent where n.live) as plain_directories
