// A running scan that is given up: all that it wrote is dropped, but for what it read.
import { isTransient } from './advice.ts';
import { inTransaction } from './database.ts';
import type { Database } from './database.ts';
import type { Queryable } from './scans.ts';

/**
 * Drops everything that a running scan wrote; with keepDigests what it read serves the next scan. Must run in a
 * transaction, and that again after a deadlock. Shards first: whoever writes one holds its row to the end, so that no
 * row of the scan can come behind what is dropped here.
 */
export async function abortScan(
  client: Queryable,
  scanId: bigint,
  options: { reason: string; keepDigests: boolean; nowMs: number },
): Promise<void> {
  await client.query('select from shard where scan = $1 order by id for update', [scanId]);
  const found = await client.query<{ seq: bigint; roots: number[] }>(
    `update scan set state = 'aborted', reason = $2, ended_ms = $3 where id = $1 and state = 'running'
       returning seq, array(select root from scan_root p where p.scan = scan.id) as roots`,
    [scanId, options.reason, options.nowMs],
  );
  const row = found.rows[0];
  if (row === undefined) return;
  await client.query('delete from shard where scan = $1', [scanId]);
  if (options.keepDigests) {
    await client.query(
      `insert into donor (root, directory, name, seq, size, mtime_ns, ctime_ns, inode, digest, zero_from)
         select root, directory, name, first_seq, size, mtime_ns, ctime_ns, inode, digest, zero_from from version
          where root = any ($1) and first_seq = $2 and digest is not null and not racy`,
      [row.roots, row.seq],
    );
  }
  await client.query('delete from packed_version where root = any ($1) and first_seq = $2', [row.roots, row.seq]);
  await dropStaged(client, scanId, row.roots, row.seq);
}

const ABORT_TRIES = 10;

/** Aborts a scan in a transaction of its own; what it read serves the next. */
export async function giveUpScan(
  db: Database,
  scanId: bigint,
  options: { reason: string; nowMs: number },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(db, (client) => abortScan(client, scanId, { ...options, keepDigests: true }));
    } catch (error) {
      if (!isTransient(error) || attempt >= ABORT_TRIES) throw error;
    }
  }
}

/** Removes what a scan staged: endings, gaps, listings and shards. */
export async function dropStaged(
  client: Queryable,
  scanId: bigint,
  roots: readonly number[],
  seq: bigint,
): Promise<void> {
  await client.query('delete from ending where scan = $1', [scanId]);
  await client.query('delete from gap where scan = $1', [scanId]);
  await client.query('delete from listing where root = any ($1) and seq = $2', [roots, seq]);
  await client.query('delete from shard where scan = $1', [scanId]);
  await client.query('delete from scrub_choice where scan = $1', [scanId]);
}
