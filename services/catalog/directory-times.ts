// What the catalog knows of the times of directories: whether a backup keeps them, which ones gained a name without a
// change of their time, and how many files lie in those that changed. The evidence of how names went
// (domain/absence/witness.ts).
import type { Database } from './database.ts';
import { inTransaction } from './database.ts';
import type { JudgedRoot } from './reconciliation.ts';
import type { Queryable } from './scans.ts';
import { run } from './statement.ts';

/** One backup root beside live, at the newest scan of each. */
export interface TimesBeside {
  /**
   * Directories with equal content in both: with the same time, and with another one that no later change on live
   * explains.
   */
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

/**
 * @param newestMs by backup root: as_of of its newest snapshot; a directory that live changed after that may differ
 */
export async function directoryTimes(
  db: Database,
  roots: readonly JudgedRoot[],
  newestMs: ReadonlyMap<number, number>,
): Promise<DirectoryTimes> {
  const looked = roots.filter((root) => !root.list);
  const live = looked.find((root) => root.live);
  return inTransaction(db, async (client) => {
    // The planner has no figures of fresh rows, and takes directories for few: it went through a directory once for
    // each of its names, or merged two roots by their number alone (20,000 directories a side: 30 s; 2026-11-30, 2
    // cores).
    await client.query('set local enable_nestloop = off; set local enable_mergejoin = off');
    const beside = new Map<number, TimesBeside>();
    for (const root of looked) {
      if (live === undefined || root.live) continue;
      const values = [live.root, live.newestSeq, root.root, root.newestSeq, (newestMs.get(root.root) ?? 0) * 1_000_000];
      const found = await run<{ same: number; other: number; touched: number }>(client, 'directories-beside', values);
      const row = found.rows[0];
      if (row !== undefined) beside.set(root.root, { same: row.same, other: row.other, filesTouched: row.touched });
    }
    const touched = await run<{ root: number; seq: bigint; files: number; changed_ms: number | null }>(
      client,
      'directories-touched',
      [looked.map(({ root }) => root), looked.map(({ newestSeq }) => newestSeq)],
    );
    return {
      beside,
      filesTouched: new Map(touched.rows.map((row) => [`${row.root} ${row.seq}`, row.files])),
      changedMs: new Map(
        touched.rows.flatMap((row) => (row.changed_ms === null ? [] : [[`${row.root} ${row.seq}`, row.changed_ms]])),
      ),
      ...(await gainedNames(client, looked)),
    };
  });
}

async function gainedNames(
  client: Queryable,
  roots: readonly JudgedRoot[],
): Promise<Pick<DirectoryTimes, 'gained' | 'gainedUnmoved'>> {
  const oldest = await client.query<{ root: number; seq: bigint }>(
    `select p.root, min(s.seq) as seq from scan_root p join scan s on s.id = p.scan and s.state = 'complete' where p.root = any ($1) group by 1`,
    [roots.map(({ root }) => root)],
  );
  const oldestSeq = new Map(oldest.rows.map((row) => [row.root, row.seq]));
  const gained = new Map<number, { moved: number; unmoved: number }>();
  const gainedUnmoved: { root: number; seq: bigint; path: string }[] = [];
  for (const { root, newestSeq } of roots) {
    const from = oldestSeq.get(root);
    if (from === undefined || from >= newestSeq) continue;
    const found = await run<{ seq: bigint; path: string; moved: boolean }>(client, 'directories-gained', [
      root,
      from,
      newestSeq,
    ]);
    if (found.rows.length === 0) continue;
    const unmoved = found.rows.filter(({ moved }) => !moved);
    gained.set(root, { moved: found.rows.length - unmoved.length, unmoved: unmoved.length });
    for (const { seq, path } of unmoved) gainedUnmoved.push({ root, seq, path });
  }
  return { gained, gainedUnmoved };
}
