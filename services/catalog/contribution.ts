// What directories contributed to the sums of a running scan, told from the rows: so that listing them again can count
// the difference.
import type { Queryable } from './scans.ts';
import type { ScanContext } from './scan-context.ts';
import { noCounts } from './shard-result.ts';
import type { ShardCounts } from './shard-result.ts';
import { run } from './statement.ts';

/** The counts that these directories have in the running scan. Only those that the sums need are filled. */
export async function contributionOf(
  client: Queryable,
  context: ScanContext,
  directories: readonly number[],
): Promise<ShardCounts> {
  const counts = noCounts();
  if (directories.length === 0) return counts;
  const found = await run<{
    vanished: number;
    excluded: number;
    unknown: number;
    seen: number;
    found: number;
    changed: number;
  }>(client, 'contribution', [context.scanId, context.rootId, context.seq, directories]);
  const row = found.rows[0];
  if (row === undefined) throw new Error('a select without from has one row');
  return { ...counts, ...row, visited: row.seen + row.found };
}

export interface ListedDirectory {
  readonly id: number;
  readonly path: string;
  readonly inode: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/**
 * Every directory that the running scan looked into, parents first, with the times that it had when it was listed last.
 */
export async function listedDirectories(client: Queryable, context: ScanContext): Promise<ListedDirectory[]> {
  const found = await run<{ id: number; path: string; inode: bigint; mtime_ns: bigint; ctime_ns: bigint }>(
    client,
    'listed-directories',
    [context.scanId, context.rootId, context.seq, context.next === null],
  );
  return found.rows
    .map((row) => ({ id: row.id, path: row.path, inode: row.inode, mtimeNs: row.mtime_ns, ctimeNs: row.ctime_ns }))
    .sort((a, b) => a.path.length - b.path.length);
}

/** Directories with everything below them. */
export async function withDescendants(client: Queryable, directories: readonly number[]): Promise<number[]> {
  if (directories.length === 0) return [];
  const found = await client.query<{ id: number }>('select id from subtree($1)', [directories]);
  return found.rows.map((row) => row.id);
}

/**
 * Directories that this scan has not looked into and may yet: not opened because the tree moved, not found when they
 * were listed, or proven absent. (Not those that no permission, no medium or no mount lets it into: their gaps stand.)
 */
export async function unvisitedDirectories(client: Queryable, context: ScanContext): Promise<Set<number>> {
  const found = await client.query<{ id: number }>(
    `select directory as id from gap where scan = $1 and root = $2 and name = '' and status = 'unsettled'
     union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = $1 and g.root = $2 and g.name <> ''
     union select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name where e.scan = $1 and e.root = $2 and e.kind = 'below'`,
    [context.scanId, context.rootId],
  );
  return new Set(found.rows.map((row) => row.id));
}

/**
 * Whether anything of the scan can be due to a tree that moved while it was walked: names that vanished, or were
 * unsettled.
 */
export async function mayHaveMoved(client: Queryable, context: ScanContext): Promise<boolean> {
  const found = await client.query<{ moved: boolean }>(
    `select exists (select from ending where scan = $1 and reason = 'v') or exists (select from gap where scan = $1 and status = 'unsettled') as moved`,
    [context.scanId],
  );
  return found.rows[0]?.moved === true;
}

/** Whether a file changed while this scan read it, time and again. */
export async function movedWhileRead(client: Queryable, context: ScanContext): Promise<boolean> {
  const found = await client.query(`select from gap where scan = $1 and status = 'unsettled' limit 1`, [
    context.scanId,
  ]);
  return found.rowCount === 1;
}

/** Names whose end is staged because they were not there. */
export async function vanishedNames(
  client: Queryable,
  context: ScanContext,
): Promise<{ directory: number; path: string; name: string }[]> {
  const found = await client.query<{ directory: number; path: string; name: string }>(
    `select e.directory, d.path, e.name from ending e join directory d on d.id = e.directory
      where e.scan = $1 and e.root = $2 and e.kind = 'end' and e.reason = 'v'`,
    [context.scanId, context.rootId],
  );
  return found.rows;
}
