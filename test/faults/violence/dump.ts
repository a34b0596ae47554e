// Everything that a catalog knows, said by path and without what differs from run to run: ids, clocks, and the order of
// rows.
import type { Queryable } from '../../../services/catalog/scans.ts';

export type Dump = Readonly<Record<string, readonly string[]>>;

/**
 * Complete scans by their place in their volume, so that two catalogs can be held against one another. A command that
 * was killed after its scan of the live tree was complete makes another when it is run again, and that one sees the
 * same: it counts as the same.
 * @param live how many scans of the live tree there would be undisturbed
 */
const numbered = (live: number): string => `numbered as (
  select s.*, v.name as volume_name, s.snapshot is null and row_number() over w > ${live} as again,
         case when s.snapshot is null then least(row_number() over w, ${live}) else row_number() over w end as place
    from scan s join volume v on v.id = s.volume where s.state = 'complete' window w as (partition by s.volume order by s.seq))`;

const questions = (live: number): Readonly<Record<string, string>> => ({
  volumes: `select name || ' ' || role || ' ' || layout || ' ' || key from volume`,
  scans: `with ${numbered(live)} select volume_name || ' ' || place || ' ' || coalesce(snapshot, 'live') || ' ' || mode || ' ' || coalesce(pruned, '') || ' ' || (totals - 'filesRead' - 'bytesRead')::text
      from numbered where not (again and (totals -> 'gaps')::int = 0 and totals @> '{"found": 0, "changed": 0, "vanished": 0, "unknown": 0, "excluded": 0, "belowGone": 0}')`,
  versions: `with ${numbered(live)}
    select concat_ws(' ', o.name, d.path || '/' || v.name, v.kind, v.mode, v.uid, v.gid, v.size, v.mtime_ns, v.target, v.rdev,
           'from', f.place, 'to', coalesce(e.place::text, '-'), v.end_reason, 'digest', v.digest, 'read', p.place, v.inode, v.ctime_ns, v.btime_ns, v.nlink,
           case when v.suspect then 'suspect' end, case when v.racy then 'racy' end)
      from version v join root r on r.id = v.root join volume o on o.id = r.volume join directory d on d.id = v.directory
      left join numbered f on f.volume = o.id and f.seq = v.first_seq left join numbered e on e.volume = o.id and e.seq = v.end_seq
      left join numbered p on p.volume = o.id and p.seq = v.read_seq`,
  listings: `with ${numbered(live)}
    select concat_ws(' ', o.name, d.path, 'of', s.place, l.stat_digest, l.content_digest, l.count, l.files, l.bytes, l.racy, l.dir_inode, l.dir_mtime_ns, l.dir_ctime_ns)
      from listing l join root r on r.id = l.root join volume o on o.id = r.volume join directory d on d.id = l.directory
      left join numbered s on s.volume = o.id and s.seq = l.seq
      -- Large files are read apart, so that the listing of their directory is whole after the second look only.
      where d.path <> 'large'`,
  gaps: `with ${numbered(live)}
    select concat_ws(' ', s.volume_name, s.place, d.path || '/' || g.name, g.status, g.errno, g.detail)
      from gap g join directory d on d.id = g.directory left join numbered s on s.id = g.scan`,
  findings: `select concat_ws(' ', v.name, f.path, f.verdict, f.recovery, f.expected, f.observed, f.state, f.reason)
      from finding f join volume v on v.id = f.volume`,
  // What a scan that is over leaves nothing of.
  unfinished: `select 'scan ' || state || coalesce(': ' || reason, '') from scan where state <> 'complete'
    union all select 'shard ' || kind || ' ' || state from shard union all select 'ending ' || kind || ' ' || name from ending
    union all select 'donor ' || name from donor`,
});

export async function dumpOf(client: Queryable, live: number): Promise<Dump> {
  const dump: Record<string, string[]> = {};
  for (const [what, question] of Object.entries(questions(live))) {
    const { rows } = await client.query<{ line: string }>(
      `select line from (${question}) as q (line) order by line collate "C"`,
    );
    dump[what] = rows.map(({ line }) => line);
  }
  return dump;
}

/**
 * Files that were read, as the scans count them. A shard that is done again reads less: a second name of a file is
 * known by then.
 */
export async function filesRead(client: Queryable, live: number): Promise<number> {
  const { rows } = await client.query<{ files: number }>(
    `with ${numbered(live)} select sum((totals -> 'filesRead')::int)::int as files from numbered where not again`,
  );
  return rows[0]?.files ?? 0;
}

/** Where two differ: a few lines of each, for a message that can be read. */
export function differences(expected: Dump, found: Dump): string[] {
  return Object.entries(expected).flatMap(([what, lines]) => {
    const has = new Set(found[what]);
    const wanted = new Set(lines);
    const missing = lines.filter((line) => !has.has(line)).map((line) => `${what}: lacks ${line.slice(0, 400)}`);
    const extra = (found[what] ?? [])
      .filter((line) => !wanted.has(line))
      .map((line) => `${what}: has ${line.slice(0, 400)}`);
    const count =
      lines.length === found[what]?.length ? [] : [`${what}: ${found[what]?.length} lines, not ${lines.length}`];
    return [...count, ...missing.slice(0, 2), ...extra.slice(0, 2)];
  });
}
