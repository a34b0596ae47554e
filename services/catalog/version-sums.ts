// Numbers that judging shows of the versions as a whole: what each scan found otherwise, and whose bytes were not read
// again.
import type { QueryResult } from 'pg';
import { TIME_MAX_NS, TIME_MIN_NS } from '../../domain/version.ts';
import { columnsOf, type JudgedRoot } from './reconciliation.ts';
import type { Queryable } from './scans.ts';
import { run } from './statement.ts';

/** What one scan of a root found otherwise than the one before it; directories not counted. */
export interface ScanChanges {
  readonly added: number;
  readonly changed: number;
  readonly vanished: number;
}

/** Bytes whose digests hold at the newest scans, and were not read by this run. */
export interface Trusted {
  readonly carriedBytes: number;
  /** Start (ms) of the oldest scan whose reading is still trusted; null when nothing was carried. */
  readonly sinceMs: number | null;
}

export interface VersionSums {
  /** By root and seq (`${root} ${seq}`). The first scan of a root adds everything. */
  readonly changes: ReadonlyMap<string, ScanChanges>;
  readonly trusted: Trusted;
  /** Files, directories and links whose mtime lies beyond what the catalog can keep, at the newest scans. */
  readonly clampedTimes: number;
}

interface Begun {
  readonly firstSeq: string;
  readonly readSeq: string;
  readonly names: number;
  readonly bytes: number;
  readonly clamped: number;
}

interface Kept {
  readonly root: number;
  readonly begun: readonly Begun[];
  readonly ended: readonly { readonly seq: string; readonly changed: number; readonly vanished: number }[];
}

/**
 * To be called by every transaction that changes versions of complete scans: sums that were made before are not used
 * any more.
 */
export async function versionsChanged(client: Queryable, roots: readonly number[]): Promise<void> {
  await client.query('update root set changes = changes + 1 where id = any ($1)', [roots]);
}

/**
 * Summed once for each state of a root: after that it is a look-up (sql/version-sums.sql).
 * @param runStartedMs what scans read that began before it was not read by this run
 */
export async function sumVersions(
  client: Queryable,
  roots: readonly JudgedRoot[],
  runStartedMs: number,
): Promise<VersionSums> {
  const columns = await columnsOf(client, roots);
  const read = (): Promise<QueryResult<Kept>> => run<Kept>(client, 'kept-version-sums', [columns.roots]);
  let kept = await read();
  const missing = roots.filter(({ root }) => !kept.rows.some((row) => row.root === root));
  if (missing.length > 0) {
    const { roots: ids, newest, running } = await columnsOf(client, missing);
    await run(client, 'version-sums', [ids, newest, running, TIME_MIN_NS, TIME_MAX_NS]);
    kept = await read();
  }
  const scans = await client.query<{ root: number; seq: bigint; started_ms: bigint }>(
    `select p.root, s.seq, s.started_ms from scan_root p join scan s on s.id = p.scan and s.state = 'complete' where p.root = any ($1)`,
    [columns.roots],
  );
  const startedMs = new Map(scans.rows.map((row) => [`${row.root} ${row.seq}`, Number(row.started_ms)]));
  const changes = new Map<string, { added: number; changed: number; vanished: number }>();
  const at = (root: number, seq: string): { added: number; changed: number; vanished: number } => {
    const key = `${root} ${seq}`;
    let sum = changes.get(key);
    if (sum === undefined) changes.set(key, (sum = { added: 0, changed: 0, vanished: 0 }));
    return sum;
  };
  let clampedTimes = 0;
  let carriedBytes = 0;
  let sinceMs: number | null = null;
  for (const { root, begun, ended } of kept.rows) {
    for (const row of begun) {
      at(root, row.firstSeq).added += row.names;
      clampedTimes += row.clamped;
      const readMs = startedMs.get(`${root} ${row.readSeq}`);
      if (readMs === undefined || readMs >= runStartedMs || row.bytes === 0) continue;
      carriedBytes += row.bytes;
      sinceMs = sinceMs === null ? readMs : Math.min(sinceMs, readMs);
    }
    for (const row of ended) {
      const sum = at(root, row.seq);
      sum.changed += row.changed;
      sum.vanished += row.vanished;
      // What changed ended and began at once.
      sum.added -= row.changed;
    }
  }
  for (const sum of changes.values()) sum.added = Math.max(0, sum.added);
  return { changes, trusted: { carriedBytes, sinceMs }, clampedTimes };
}
