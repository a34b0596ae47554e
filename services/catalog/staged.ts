// What a scan staged for one of its roots, applied in the transaction that completes it. Each statement is a file of
// sql/; the counter-examples behind them are in docs/design.md#intervals and in test/catalog.
import type { ScanContext } from './scan-context.ts';
import type { Queryable } from './scans.ts';
import { run } from './statement.ts';

/**
 * @param staged how many rows were staged: without any, a join with the versions of the newest scan finds nothing, and
 * costs a pass over all of them where their table was not analyzed yet
 */
export async function applyStaged(client: Queryable, context: ScanContext, staged: number): Promise<void> {
  if (context.next !== null) {
    await applyProofs(client, context);
    await applyLateEndings(client, context);
  } else if (staged > 0) {
    await applyProofs(client, context);
    await applyEndings(client, context);
  }
  if (context.laterExcludes.size > 0) await correctExcluded(client, context);
  await applyListings(client, context);
  if (context.laterGaps) await forgetListings(client, context);
}

export async function applyProofs(client: Queryable, { scanId, rootId }: ScanContext): Promise<number> {
  const place = [scanId, rootId];
  const staged = await client.query(
    `select from ending where scan = $1 and root = $2 and kind = 'proof' limit 1`,
    place,
  );
  // A join of none costs a pass over all versions.
  if (staged.rowCount === 0) return 0;
  return (await run(client, 'apply-proofs', place)).rowCount ?? 0;
}

async function applyEndings(client: Queryable, context: ScanContext): Promise<void> {
  const { scanId, rootId, seq } = context;
  await run(client, 'apply-endings', [scanId, rootId, seq]);
  for (const reason of await reasonsBelow(client, context)) {
    await run(client, 'apply-below', [scanId, rootId, seq, reason]);
    await run(client, 'forget-below', [scanId, rootId, seq, reason]);
  }
}

/**
 * A late scan lies between others: what it ends may go on behind it, and what begins behind it may have begun already.
 */
async function applyLateEndings(client: Queryable, context: ScanContext): Promise<void> {
  const { scanId, rootId, seq, volumeId } = context;
  for (const reason of await reasonsBelow(client, context))
    await run(client, 'stage-below', [scanId, rootId, seq, reason, volumeId]);
  await run(client, 'resume-versions', [scanId, rootId, volumeId]);
  await run(client, 'apply-late-endings', [scanId, rootId, seq, volumeId]);
  await run(client, 'extend-versions', [scanId, rootId, seq]);
}

/** Why directories ended with all that is below them, vanished before excluded: the first to end a name says why. */
async function reasonsBelow(client: Queryable, { scanId, rootId }: ScanContext): Promise<readonly string[]> {
  const found = await client.query<{ reason: string }>(
    `select distinct reason from ending where scan = $1 and root = $2 and kind = 'below' order by reason`,
    [scanId, rootId],
  );
  return found.rows.map(({ reason }) => reason);
}

async function correctExcluded(client: Queryable, { rootId, seq }: ScanContext): Promise<void> {
  const ended = await client.query<{ seq: bigint }>(
    `select distinct end_seq as seq from version where root = $1 and first_seq = $2 and end_reason = 'x'`,
    [rootId, seq],
  );
  for (const later of ended.rows) await run(client, 'correct-excluded', [rootId, seq, later.seq]);
}

/**
 * The listings of a late scan say whether it held still. What the next scan compares itself with is the newest, which
 * it is not.
 */
async function applyListings(client: Queryable, context: ScanContext): Promise<void> {
  if (context.next !== null) {
    await client.query('delete from listing where root = $1 and seq = $2', [context.rootId, context.seq]);
    return;
  }
  await client.query(
    `delete from listing l using listing n where n.root = $1 and n.seq = $2 and l.root = n.root and l.directory = n.directory and l.seq < n.seq`,
    [context.rootId, context.seq],
  );
}

/**
 * What a late scan saw behind a later gap is the newest that is known of those names, so the listings of their
 * directories, which tell of an earlier state, must not let a directory that went back to that state (a rollback) pass
 * for unchanged.
 */
async function forgetListings(client: Queryable, context: ScanContext): Promise<void> {
  await client.query(
    `delete from listing where root = $2 and directory in (
       select directory from version where root = $2 and first_seq = $3
       union select directory from ending where scan = $1 and root = $2
       union select id from subtree(array(select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name
                                           where e.scan = $1 and e.root = $2 and e.kind = 'below')))`,
    [context.scanId, context.rootId, context.seq],
  );
}
