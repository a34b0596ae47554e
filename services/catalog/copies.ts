// Which files of a volume's newest state have a copy in the snapshots that still exist, for exposure and preflight.
import type { ClientBase } from 'pg';
import type { Amount, Coverage, Short, Shortfall } from '../../domain/exposure.ts';
import { joinPath } from '../../domain/path.ts';
import { type Scan, SUBVOLUME_STUB } from '../../domain/scan.ts';
import { run } from './statement.ts';

export interface CopiesAsked {
  /** The newest complete scan of the live volume. */
  readonly live: Scan;
  /** Complete scans of backups whose snapshots still exist. */
  readonly held: readonly Scan[];
  /** Only a copy whose bytes were read by a scan that began at that time (ms) or later counts; null: any. */
  readonly readSinceMs: number | null;
  /** What a backup is called, by its root. */
  readonly names: ReadonlyMap<number, string>;
}

export type Copies = Pick<Coverage, 'all' | 'covered' | 'elsewhere' | 'short' | 'oldest'>;

interface Row {
  readonly standing: Shortfall | 'elsewhere' | 'all';
  readonly root: number | null;
  readonly newest: boolean | null;
  readonly directory: string | null;
  readonly uid: bigint | null;
  readonly files: bigint;
  readonly bytes: bigint;
  readonly oldest_ns: bigint | null;
  readonly oldest: string | null;
}

/** Must run in a transaction of its own: it tells the planner that rows are many. */
export async function copiesOf(client: ClientBase, { live, held, readSinceMs, names }: CopiesAsked): Promise<Copies> {
  // What is asked for is not in the statistics, and the planner takes it for few (100,000 files: more than ten minutes
  // with nested loops, 0.9 s without; 2026-11-30, 2 busy cores).
  await client.query('set local enable_nestloop = off');
  const recent = readSinceMs === null ? [] : held.filter(({ startedMs }) => startedMs >= readSinceMs);
  const found = await run<Row>(client, 'copies', [
    live.rootId,
    live.seq,
    live.id,
    held.map(({ rootId }) => rootId),
    held.map(({ seq }) => seq),
    held.map(({ id }) => id),
    recent.map(({ id }) => id),
    readSinceMs !== null,
    SUBVOLUME_STUB,
  ]);
  let all: Amount = { files: 0, bytes: 0 };
  const elsewhere = { files: 0, bytes: 0 };
  const missing = { files: 0, bytes: 0 };
  const short: Short[] = [];
  let oldest: Coverage['oldest'] = null;
  for (const row of found.rows) {
    const { standing, directory } = row;
    const amount = { files: Number(row.files), bytes: Number(row.bytes) };
    if (standing === 'all') all = amount;
    else if (row.oldest !== null && row.oldest_ns !== null)
      oldest = { path: joinPath(directory ?? '', row.oldest), changedMs: Number(row.oldest_ns / 1_000_000n) };
    else if (standing === 'elsewhere') add(elsewhere, amount);
    else {
      add(missing, amount);
      const backup = row.root === null ? null : (names.get(row.root) ?? null);
      const place = { directory: directory ?? '', uid: Number(row.uid), backup, inNewest: row.newest === true };
      short.push({ shortfall: standing, ...amount, ...place });
    }
  }
  const covered = { files: all.files - missing.files, bytes: all.bytes - missing.bytes };
  return { all, covered, elsewhere, short, oldest };
}

function add(sum: { files: number; bytes: number }, { files, bytes }: Amount): void {
  sum.files += files;
  sum.bytes += bytes;
}
