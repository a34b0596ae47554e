// The close of a scan: the sums must add up, then everything that was staged is applied in the transaction that makes
// the scan complete.
import type { ClientBase } from 'pg';
import { correctDirectoryTimes } from './listed-times.ts';
import { noCounts } from './shard-result.ts';
import type { ShardCounts } from './shard-result.ts';
import { SUMMARIZE } from './rows.ts';
import { dropStaged } from './abort-scan.ts';
import type { Queryable } from './scans.ts';
import type { ScanContext } from './scan-context.ts';
import { applyProofs, applyStaged } from './staged.ts';
import { markScrubbed } from './scrubbed.ts';
import { versionsChanged } from './version-sums.ts';

export interface ScanTotals extends ShardCounts {
  /** Known rows below directories that vanished, left scope, or could not be read. */
  readonly belowGone: number;
  readonly belowUnknown: number;
  readonly gaps: number;
  readonly inserted: number;
  /** Changes of older rows. */
  readonly staged: number;
  /** mtime of the volume's root as its listing saw it, in decimal; null where it was not listed. */
  readonly rootMtimeNs: string | null;
}

/** Up to here any plan is quick. */
const STAGED_FEW = 1_000;

/** Null parts are keys too: what was recorded comes over these, and what is known now over that. */
const IDENTITY_KEPT = `$2::jsonb || jsonb_strip_nulls(coalesce(identity, '{}')) || jsonb_strip_nulls($2::jsonb)`;

export type CloseOutcome =
  | { readonly outcome: 'complete'; readonly totals: ScanTotals }
  /** A snapshot that was listed again and is as it was: the scan is dropped, the earlier one stands. */
  | { readonly outcome: 'unchanged'; readonly totals: ScanTotals }
  | { readonly outcome: 'already closed' };

/** The sums of a scan do not add up: a bug, or a catalog that was changed from outside. Nothing was applied. */
export class SumsDiffer extends Error {}

/**
 * Applies and completes a scan whose shards are all done. Entered by whoever comes first; later ones learn that it is
 * closed.
 * @param identity what to record as the root's identity, its null parts left as recorded; null to leave all of it
 * @param relistOf the scan that this one looks at again: when nothing differs it stays, else it is marked rewritten
 * @throws SumsDiffer
 */
export async function closeScan(
  client: ClientBase,
  context: ScanContext,
  options: { nowMs: number; identity: unknown; relistOf: bigint | null },
): Promise<CloseOutcome> {
  await client.query('begin');
  try {
    await client.query('set local synchronous_commit = on');
    const locked = await client.query(
      `select from scan where id = $1 and state = 'running' and open_shards = 0 for update`,
      [context.scanId],
    );
    if (locked.rowCount === 0) {
      await client.query('rollback');
      return { outcome: 'already closed' };
    }
    const roots = context.roots.map((rootId) => ({ ...context, rootId }));
    if (context.next === null) for (const one of roots) await correctDirectoryTimes(client, one);
    const totals = await sums(client, context);
    await planForMany(client, totals);
    if (totals.inserted + totals.staged > 0) await versionsChanged(client, context.roots);
    if (options.relistOf !== null && (await isUnchanged(client, context, totals, options.relistOf))) {
      await foldInto(client, context, options.relistOf);
      await client.query('commit');
      return { outcome: 'unchanged', totals };
    }
    for (const one of roots) await applyStaged(client, one, totals.staged);
    if (context.scrub !== null) await markScrubbed(client, context);
    await client.query('delete from ending where scan = $1', [context.scanId]);
    await client.query('delete from shard where scan = $1', [context.scanId]);
    await client.query('delete from donor where root = any ($1)', [context.roots]);
    if (options.relistOf !== null) {
      await client.query(`update scan set pruned = 'rewritten' where id = $1 and pruned is null`, [options.relistOf]);
    }
    await client.query(
      `update scan set state = 'complete', totals = $2, ended_ms = $3, progressed_ms = $3 where id = $1`,
      [context.scanId, JSON.stringify(totals), options.nowMs],
    );
    if (options.identity !== null) {
      // A part that this host could not learn (a container without udev knows no UUID) stays as another recorded it.
      const kept = context.newState ? '$2::jsonb' : IDENTITY_KEPT;
      await client.query(`update root set identity = ${kept} where id = $1`, [
        context.rootId,
        JSON.stringify(options.identity),
      ]);
    }
    await client.query('commit');
    return { outcome: 'complete', totals };
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** ANALYZE pays after a scan that added more than a tenth. Outside the close's transaction. */
export async function analyzeAfter(client: Queryable, totals: ScanTotals): Promise<void> {
  if (totals.inserted <= 1_000 || totals.inserted * 10 <= totals.known) return;
  // A sample of 9,000 rows instead of the usual 30,000: read while the command waits. (What it saves was not measured
  // by itself.)
  await client.query('set default_statistics_target = 30');
  await client.query('analyze packed_version, listing, directory, attribute');
  await client.query('reset default_statistics_target');
  await client.query(SUMMARIZE);
}

async function sums(client: Queryable, context: ScanContext): Promise<ScanTotals> {
  const counts = noCounts();
  const shards = await client.query<{ counts: ShardCounts }>('select counts from shard where scan = $1', [
    context.scanId,
  ]);
  for (const { counts: one } of shards.rows) {
    for (const key of Object.keys(counts) as (keyof ShardCounts)[]) counts[key] += one[key];
  }
  const staged = await client.query<{ endings: number; gaps: number; listings: number }>(
    `select (select count(*)::int from ending where scan = $1) as endings, (select count(*)::int from gap where scan = $1) as gaps,
            (select count(*)::int from listing where root = any ($2) and seq = $3) as listings`,
    [context.scanId, context.roots, context.seq],
  );
  const { endings = 0, gaps = 0, listings = 0 } = staged.rows[0] ?? {};
  const differs = endings > 0 || gaps > 0 || listings > 0 || context.next !== null;
  const known = { held: 0, inserted: 0, belowGone: 0, belowUnknown: 0 };
  for (const rootId of context.roots) {
    const one = await knownOfRoot(client, { ...context, rootId }, differs);
    for (const key of Object.keys(known) as (keyof typeof known)[]) known[key] += one[key];
  }
  const { held, inserted, belowGone, belowUnknown } = known;
  const accounted = counts.seen + counts.vanished + counts.unknown + counts.excluded + belowGone + belowUnknown;
  if (held !== accounted || counts.visited !== counts.seen + counts.found) {
    throw new SumsDiffer(
      `scan ${context.scanId}: ${held} names were known, ${accounted} are accounted for (seen ${counts.seen}, vanished ${counts.vanished}, unknown ${counts.unknown}, ` +
        `left scope ${counts.excluded}, below what is gone ${belowGone}, below gaps ${belowUnknown}); visited ${counts.visited}, seen + found ${counts.seen + counts.found}`,
    );
  }
  const rootMtimeNs = await rootMtime(client, context);
  return { ...counts, known: held, belowGone, belowUnknown, gaps, inserted, staged: endings, rootMtimeNs };
}

interface KnownOfRoot {
  readonly held: number;
  readonly inserted: number;
  readonly belowGone: number;
  readonly belowUnknown: number;
}

/**
 * @param differs false where the scan wrote nothing: then the newest listings tell how many names there are, and no row
 * is read
 */
async function knownOfRoot(client: Queryable, context: ScanContext, differs: boolean): Promise<KnownOfRoot> {
  if (differs) {
    const found = await client.query<{ held: number; inserted: number; below_gone: number; below_unknown: number }>(
      `with gone as (
         select id from subtree(array(select d.id from ending e join directory d on d.parent = e.directory and d.name = e.name where e.scan = $1 and e.root = $2 and e.kind = 'below'))
       ), hidden as (
         select id from subtree(array(
           select g.directory from gap g where g.scan = $1 and g.root = $2 and g.name = ''
           union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = $1 and g.root = $2 and g.name <> ''))
         except select id from gone
       )
       select count(*) filter (where first_seq < $3)::int as held,
              count(*) filter (where first_seq = $3)::int as inserted,
              count(*) filter (where first_seq < $3 and directory in (select id from gone))::int as below_gone,
              count(*) filter (where first_seq < $3 and directory in (select id from hidden))::int as below_unknown
         from version where root = $2 and first_seq <= $3 and (end_seq is null or end_seq > $3)`,
      [context.scanId, context.rootId, context.seq],
    );
    const row = found.rows[0];
    if (row === undefined) throw new Error('an aggregate has one row');
    const { held, inserted, below_gone: belowGone, below_unknown: belowUnknown } = row;
    return { held, inserted, belowGone, belowUnknown };
  }
  const found = await client.query<{ held: bigint | null }>(
    `select sum(count) as held from (select distinct on (directory) count from listing where root = $1 order by directory, seq desc) l`,
    [context.rootId],
  );
  return { held: Number(found.rows[0]?.held ?? 0), inserted: 0, belowGone: 0, belowUnknown: 0 };
}

/** A listing that was not written again stands for a directory whose times are as they were. */
async function rootMtime(client: Queryable, context: ScanContext): Promise<string | null> {
  const found = await client.query<{ mtime: string }>(
    `select dir_mtime_ns::text as mtime from listing where root = $1 and directory = 0 and seq <= $2 and ($3 or seq = $2) order by seq desc limit 1`,
    [context.rootId, context.seq, context.next === null],
  );
  return found.rows[0]?.mtime ?? null;
}

/**
 * The staged rows are new, so the planner has no figures of them, and takes them for few: for 52,000 proofs in one
 * directory it looked through that directory 52,000 times (minutes; with a hash join under a second; 2026-11-23, 2
 * cores).
 */
async function planForMany(client: Queryable, totals: ScanTotals): Promise<void> {
  if (totals.staged > STAGED_FEW) await client.query('set local enable_nestloop = off');
}

async function isUnchanged(
  client: Queryable,
  context: ScanContext,
  totals: ScanTotals,
  relistOf: bigint,
): Promise<boolean> {
  if (totals.inserted > 0) return false;
  const found = await client.query<{ changes: boolean }>(
    `select exists (select from ending where scan = $1 and kind <> 'proof')
         or exists (select root, directory, name, status, errno from gap where scan = $1 except select root, directory, name, status, errno from gap where scan = $2)
         or exists (select root, directory, name, status, errno from gap where scan = $2 except select root, directory, name, status, errno from gap where scan = $1) as changes`,
    [context.scanId, relistOf],
  );
  return found.rows[0]?.changes === false;
}

/** What the second look read and listed becomes part of the scan that it looked at again. */
async function foldInto(client: Queryable, context: ScanContext, scanId: bigint): Promise<void> {
  for (const rootId of context.roots) await foldRoot(client, { ...context, rootId }, scanId);
  await client.query(
    // Who read every copy again has read them now: the first reading is the oldest no more.
    `update scan s set mode = case when n.mode = 'list' then s.mode when s.mode = 'reread' then s.mode else n.mode end,
            started_ms = case when n.mode = 'reread' then n.started_ms else s.started_ms end
       from scan n where n.id = $1 and s.id = $2`,
    [context.scanId, scanId],
  );
  await dropStaged(client, context.scanId, context.roots, context.seq);
  await client.query('delete from scan where id = $1', [context.scanId]);
}

async function foldRoot(client: Queryable, context: ScanContext, scanId: bigint): Promise<void> {
  const parameters = [context.rootId, context.seq, scanId];
  const proofs = await applyProofs(client, context);
  if (proofs > 0)
    await client.query(
      `update packed_version v set read_seq = s.seq from scan s where s.id = $3 and v.root = $1 and v.read_seq = $2`,
      parameters,
    );
  await client.query(
    `delete from listing l using listing n where n.root = $1 and n.seq = $2 and l.root = n.root and l.directory = n.directory and l.seq < n.seq and $3::bigint is not null`,
    parameters,
  );
  await client.query(
    `update listing l set seq = s.seq from scan s where s.id = $3 and l.root = $1 and l.seq = $2`,
    parameters,
  );
}
