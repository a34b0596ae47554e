// What a shard found, written in one transaction behind its fence: rows that are new, and changes of older rows, which
// wait for the close.
import type { ClientBase } from 'pg';
import type { GapStatus } from '../../domain/scan.ts';
import type { EndReason, Proof } from '../../domain/version.ts';
import type { KnownListing } from './known.ts';
import { REASON_LETTERS, signed } from './rows.ts';
import type { Queryable } from './scans.ts';
import type { ScanContext } from './scan-context.ts';
import { FenceLost } from './shards.ts';
import type { Shard, ShardWork } from './shards.ts';
import { run } from './statement.ts';
import type { NewVersions } from './version-copy.ts';

export interface EndingRow {
  readonly directory: number;
  readonly name: string;
  readonly firstSeq: bigint;
  readonly kind: 'end' | 'below' | 'proof' | 'extend';
  readonly reason: EndReason | null;
  readonly resumeSeq: bigint | null;
  readonly proof: (Omit<Proof, 'readSeq'> & { readonly digest: bigint }) | null;
}

export interface GapRow {
  readonly directory: number;
  readonly name: string;
  readonly status: GapStatus;
  readonly errno: string | null;
  readonly detail: string | null;
}

/**
 * In place of a stat digest: the next scan must not take the directory for unchanged. (An empty one has 0, and others
 * add up to it once in 2^64.) Its listing stays: without it that scan would meet an older one, and whatever came and
 * went since then would count as still there.
 */
export const NEVER_UNCHANGED = 1n;

export interface ListingRow extends KnownListing {
  readonly directory: number;
}

/**
 * Sums of a shard. known = seen + vanished + unknown + excluded; visited = seen + found. Relist shards count
 * differences.
 */
export interface ShardCounts {
  known: number;
  seen: number;
  found: number;
  changed: number;
  vanished: number;
  unknown: number;
  excluded: number;
  visited: number;
  files: number;
  bytes: number;
  filesRead: number;
  bytesRead: number;
  /** Names that a listing left out and a lookup found. */
  inconsistent: number;
  duplicates: number;
  /** relist: directories that had moved since they were listed. */
  moved: number;
}

export function noCounts(): ShardCounts {
  return {
    known: 0,
    seen: 0,
    found: 0,
    changed: 0,
    vanished: 0,
    unknown: 0,
    excluded: 0,
    visited: 0,
    files: 0,
    bytes: 0,
    filesRead: 0,
    bytesRead: 0,
    inconsistent: 0,
    duplicates: 0,
    moved: 0,
  };
}

export interface ShardResult {
  readonly versions: NewVersions;
  readonly endings: readonly EndingRow[];
  readonly gaps: readonly GapRow[];
  readonly listings: readonly ListingRow[];
  readonly children: readonly { readonly kind: 'list' | 'read'; readonly work: ShardWork }[];
  readonly counts: ShardCounts;
  /** Directories whose rows of this very scan are replaced (listed again). */
  readonly replaces: readonly number[];
  /** Directories whose listing of this scan must not be trusted by the next one: a file of theirs could not be read. */
  readonly forgets: readonly number[];
  /** Names whose staged end is taken back: they are in flux. */
  readonly unsettles: readonly { readonly directory: number; readonly name: string }[];
}

/**
 * Writes what a shard found, in one transaction that begins with the fence row (docs/design.md#fences). Repeating it
 * after a commit of unknown outcome is safe: a shard that is already done at this fence is left alone.
 * @param last false writes rows ahead of the end of a huge directory: the shard stays leased
 * @throws FenceLost
 */
export async function writeShard(
  client: ClientBase,
  context: ScanContext,
  shard: Shard,
  result: ShardResult,
  options: { last: boolean; nowMs: number },
): Promise<void> {
  await result.versions.resolve(client);
  await client.query('begin');
  try {
    const fence = await run<{ state: string; fence: number; holder: number | null }>(client, 'fence-shard', [shard.id]);
    const row = fence.rows[0];
    if (row === undefined || row.fence !== shard.fence)
      throw new FenceLost(`shard ${shard.id} was given to another holder`);
    if (row.state === 'done') {
      await client.query('rollback');
      return;
    }
    if (row.state !== 'leased' || row.holder !== shard.holder) {
      throw new FenceLost(`shard ${shard.id} is no longer leased`);
    }
    if (result.replaces.length > 0) await dropOwnRows(client, context, result.replaces);
    await result.versions.write(client);
    await insertEndings(client, context, result.endings);
    if (result.unsettles.length > 0) {
      await client.query(
        `delete from ending e using unnest($2::int[], $3::text[]) as n (directory, name)
          where e.scan = $1 and e.root = $4 and e.directory = n.directory and e.name = n.name collate "C" and e.kind in ('end', 'below')`,
        [context.scanId, result.unsettles.map((u) => u.directory), result.unsettles.map((u) => u.name), context.rootId],
      );
    }
    await insertGaps(client, context, result.gaps);
    await insertListings(client, context, result.listings);
    if (result.forgets.length > 0) {
      await client.query('update listing set stat_digest = $4 where root = $1 and directory = any ($2) and seq = $3', [
        context.rootId,
        result.forgets,
        context.seq,
        NEVER_UNCHANGED,
      ]);
    }
    if (options.last) await finishShard(client, context, shard, result, options.nowMs);
    else await client.query('update scan set progressed_ms = $2 where id = $1', [context.scanId, options.nowMs]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function finishShard(
  client: Queryable,
  context: ScanContext,
  shard: Shard,
  result: ShardResult,
  nowMs: number,
): Promise<void> {
  await run(client, 'finish-shard', [
    context.scanId,
    shard.id,
    JSON.stringify(result.counts),
    result.children.map((c) => c.kind),
    result.children.map((c) => JSON.stringify(c.work)),
    nowMs,
  ]);
}

/** Takes back what the running scan wrote of these directories, so that they can be written again. */
export async function dropOwnRows(
  client: Queryable,
  context: ScanContext,
  directories: readonly number[],
): Promise<void> {
  await client.query('delete from packed_version where root = $1 and directory = any ($2) and first_seq = $3', [
    context.rootId,
    directories,
    context.seq,
  ]);
  for (const table of ['ending', 'gap'] as const) {
    await client.query(`delete from ${table} where scan = $1 and root = $2 and directory = any ($3)`, [
      context.scanId,
      context.rootId,
      directories,
    ]);
  }
  await client.query('delete from listing where root = $1 and directory = any ($2) and seq = $3', [
    context.rootId,
    directories,
    context.seq,
  ]);
}

async function insertEndings(client: Queryable, context: ScanContext, endings: readonly EndingRow[]): Promise<void> {
  if (endings.length === 0) return;
  await run(client, 'insert-endings', [
    context.scanId,
    context.rootId,
    endings.map((e) => e.directory),
    endings.map((e) => e.name),
    endings.map((e) => e.firstSeq),
    endings.map((e) => e.kind),
    endings.map((e) => (e.reason === null ? null : REASON_LETTERS[e.reason])),
    endings.map((e) => e.resumeSeq),
    endings.map((e) => signed(e.proof?.digest ?? null)),
    endings.map((e) => e.proof?.zeroFrom ?? null),
    endings.map((e) => (e.proof === null ? null : context.seq)),
    endings.map((e) => e.proof?.inode ?? null),
    endings.map((e) => e.proof?.ctimeNs ?? null),
    endings.map((e) => e.proof?.btimeNs ?? null),
    endings.map((e) => e.proof?.nlink ?? null),
    endings.map((e) => e.proof?.suspect ?? null),
    endings.map((e) => e.proof?.racy ?? null),
  ]);
}

async function insertGaps(client: Queryable, context: ScanContext, gaps: readonly GapRow[]): Promise<void> {
  if (gaps.length === 0) return;
  await run(client, 'insert-gaps', [
    context.scanId,
    context.rootId,
    gaps.map((g) => g.directory),
    gaps.map((g) => g.name),
    gaps.map((g) => g.status),
    gaps.map((g) => g.errno),
    gaps.map((g) => g.detail),
  ]);
}

async function insertListings(client: Queryable, context: ScanContext, listings: readonly ListingRow[]): Promise<void> {
  if (listings.length === 0) return;
  await run(client, 'insert-listings', [
    context.rootId,
    context.seq,
    listings.map((l) => l.directory),
    listings.map((l) => l.statDigest),
    listings.map((l) => l.contentDigest),
    listings.map((l) => l.count),
    listings.map((l) => l.files),
    listings.map((l) => l.bytes),
    listings.map((l) => l.racy),
    listings.map((l) => l.dirInode),
    listings.map((l) => l.dirMtimeNs),
    listings.map((l) => l.dirCtimeNs),
    listings.map((l) => l.linkDigest),
  ]);
}
