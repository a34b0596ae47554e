// What the catalog knows of the times of directories: whether a backup keeps them, which ones gained a name without a change of their time,
// and how many files lie in those that changed. The evidence of how names went (domain/absence/witness.ts).
import type { Database } from './database.ts';
import { inTransaction } from './database.ts';
import type { JudgedRoot } from './reconciliation.ts';

/** One backup root beside live, at the newest scan of each. */
export interface TimesBeside {
  /** Directories with equal content in both: with the same time, and with another one that no later change on live explains. */
  readonly same: number;
  readonly other: number;
  /** Files that live has in directories whose times differ. */
  readonly filesTouched: number;
}

export interface DirectoryTimes {
  /** By backup root. */
  readonly beside: ReadonlyMap<number, TimesBeside>;
  /** By `${root} ${seq}`: files in directories whose time that scan found changed. */
  readonly filesTouched: ReadonlyMap<string, number>;
  /** By `${root} ${seq}`: the newest change (ms) that the directories of that state bear. */
  readonly changedMs: ReadonlyMap<string, number>;
  /** Directories that a scan found with a name more: how many had a new time, and which had not. */
  readonly gained: ReadonlyMap<number, { readonly moved: number; readonly unmoved: number }>;
  readonly gainedUnmoved: readonly { readonly root: number; readonly seq: bigint; readonly path: string }[];
}

/** Times kept at a coarser precision are compared at that one (sameMtime of domain/version.ts). */
const SAME_TIME = `(case when a.mtime_ns % 1000000000 = 0 or b.mtime_ns % 1000000000 = 0 then a.mtime_ns / 1000000000 = b.mtime_ns / 1000000000
                         when a.mtime_ns % 100 = 0 or b.mtime_ns % 100 = 0 then a.mtime_ns / 100 = b.mtime_ns / 100
                         else a.mtime_ns = b.mtime_ns end)`;

/** Directories as entries of their parents, by their own id, at one scan of a root. */
const STANDING = (root: string, seq: string): string =>
  `select d.id, v.mtime_ns from manifest(${root}, ${seq}) v join directory d on d.parent = v.directory and d.name = v.name
    where v.attribute in (select id from attribute where kind = 'directory')`;

/**
 * @param newestMs by backup root: as_of of its newest snapshot; a directory that live changed after that may differ
 */
export async function directoryTimes(
  db: Database,
  roots: readonly JudgedRoot[],
  newestMs: ReadonlyMap<number, number>,
): Promise<DirectoryTimes> {
  const looked = roots.filter((root) => !root.list);
  const ids = looked.map((root) => root.root);
  const seqs = looked.map((root) => root.newestSeq);
  const live = looked.find((root) => root.live);
  return inTransaction(db, async (client) => {
    // The planner has no figures of fresh rows: it went through a directory once for each of its names.
    await client.query('set local enable_nestloop = off');
    const beside = new Map<number, TimesBeside>();
    for (const root of looked) {
      if (live === undefined || root.live) continue;
      const found = await client.query<{ same: number; other: number; touched: number }>(
        `with a as (${STANDING('$1', '$2')}), b as (${STANDING('$3', '$4')}),
              listed as (select distinct on (root, directory) root, directory, content_digest, files from listing
                          where (root = $1 and seq <= $2) or (root = $3 and seq <= $4) order by root, directory, seq desc)
         select (count(*) filter (where alike and same))::int as same,
                (count(*) filter (where alike and not same and not later))::int as other,
                coalesce(sum(files) filter (where not same), 0)::float8 as touched
           from (select x.content_digest = y.content_digest as alike, ${SAME_TIME} as same, x.files,
                        a.mtime_ns > b.mtime_ns and a.mtime_ns > $5 as later
                   from a join b using (id) join listed x on x.root = $1 and x.directory = a.id join listed y on y.root = $3 and y.directory = a.id) pairs`,
        [live.root, live.newestSeq, root.root, root.newestSeq, (newestMs.get(root.root) ?? 0) * 1_000_000],
      );
      const row = found.rows[0];
      if (row !== undefined) beside.set(root.root, { same: row.same, other: row.other, filesTouched: row.touched });
    }
    const touched = await client.query<{ root: number; seq: bigint; files: number; changed_ms: number | null }>(
      `with r as (select * from unnest($1::int[], $2::bigint[]) as r (root, newest)),
            begun as (select v.root, v.first_seq as seq, d.id, v.ctime_ns from version v join r on r.root = v.root
                        join directory d on d.parent = v.directory and d.name = v.name
                       where v.first_seq <= r.newest and v.attribute in (select id from attribute where kind = 'directory')),
            files as (select distinct on (l.root, l.directory) l.root, l.directory, l.files from listing l join r on r.root = l.root
                       where l.seq <= r.newest order by l.root, l.directory, l.seq desc)
       select b.root, b.seq, coalesce(sum(f.files), 0)::float8 as files, (max(b.ctime_ns) / 1000000)::float8 as changed_ms
         from begun b left join files f on f.root = b.root and f.directory = b.id group by 1, 2`,
      [ids, seqs],
    );
    const gained = await client.query<{ root: number; seq: bigint; path: string; moved: boolean }>(
      `with r as (select r.root, r.newest, (select min(s.seq) from scan_root p join scan s on s.id = p.scan where p.root = r.root and s.state = 'complete') as oldest
                    from unnest($1::int[], $2::bigint[]) as r (root, newest)),
            gained as (select distinct v.root, v.directory, v.first_seq as seq from version v join r on r.root = v.root
                        where v.first_seq > r.oldest and v.first_seq <= r.newest and not exists (
                          select from version o where o.root = v.root and o.directory = v.directory and o.name = v.name
                             and o.end_seq is not null and o.end_seq = v.first_seq)),
            dirs as (select v.root, d.id, d.path, v.first_seq, v.end_seq from version v join r on r.root = v.root
                       join directory d on d.parent = v.directory and d.name = v.name
                      where v.first_seq <= r.newest and v.attribute in (select id from attribute where kind = 'directory'))
       select g.root, g.seq, b.path, w.id is not null as moved
         from gained g join dirs b on b.root = g.root and b.id = g.directory and b.first_seq < g.seq and (b.end_seq is null or b.end_seq >= g.seq)
         left join dirs w on w.root = g.root and w.id = g.directory and w.first_seq = g.seq`,
      [ids, seqs],
    );
    const counts = new Map<number, { moved: number; unmoved: number }>();
    for (const row of gained.rows) {
      const count = counts.get(row.root) ?? { moved: 0, unmoved: 0 };
      counts.set(row.root, count);
      if (row.moved) count.moved++;
      else count.unmoved++;
    }
    return {
      beside,
      filesTouched: new Map(touched.rows.map((row) => [`${row.root} ${row.seq}`, row.files])),
      changedMs: new Map(
        touched.rows.flatMap((row) => (row.changed_ms === null ? [] : [[`${row.root} ${row.seq}`, row.changed_ms]])),
      ),
      gained: counts,
      gainedUnmoved: gained.rows.filter(({ moved }) => !moved),
    };
  });
}
