// The scrub as its scans see it: the directories that a slice reads again, and the marks when it is complete.
import type { Queryable } from './scans.ts';
import type { ScanContext } from './scan-context.ts';
import { run } from './statement.ts';

/** What the running slice reads again of a directory, whatever it looks like: all of its files, or these. */
export type Chosen = 'all' | ReadonlySet<string>;

const NONE: ReadonlyMap<number, Chosen> = new Map();

/** Of these directories the ones of which the running slice reads files again; none where the scan is no slice. */
export async function chosenOf(
  client: Queryable,
  context: ScanContext,
  directories: readonly number[],
): Promise<ReadonlyMap<number, Chosen>> {
  if (context.scrub === null || directories.length === 0) return NONE;
  const found = await client.query<{ directory: number; names: readonly string[] | null }>(
    'select directory, names from scrub_choice where scan = $1 and directory = any ($2)',
    [context.scanId, directories],
  );
  return new Map(found.rows.map(({ directory, names }) => [directory, names === null ? 'all' : new Set(names)]));
}

/**
 * Marks what a slice has read, and what it could not. Must run in the transaction that completes it, when its proofs
 * are applied, and while its gaps and listings are there.
 */
export async function markScrubbed(client: Queryable, context: ScanContext): Promise<void> {
  const { scanId, rootId, seq, startedMs } = context;
  await run(client, 'mark-scrubbed', [scanId, rootId, seq, startedMs]);
  await client.query(
    `update scan set scrub = scrub || jsonb_build_object('bytes',
         coalesce((select sum(l.bytes) from scrub_choice c join scrubbed m on m.root = $2 and m.directory = c.directory and m.read_ms = $4
                     join listing l on l.root = $2 and l.directory = c.directory and l.seq = $3 where c.scan = $1 and c.names is null), 0)
       + coalesce((select sum(coalesce(v.size, v.small_size)) from scrub_choice c join packed_version v on v.root = $2 and v.directory = c.directory
                    where c.scan = $1 and v.name = any (c.names) and holds_at(v.first_seq, v.end_seq, $3) and coalesce(v.read_seq, v.first_seq) = $3), 0))
      where id = $1`,
    [scanId, rootId, seq, startedMs],
  );
  await client.query('delete from scrub_choice where scan = $1', [scanId]);
}
