// The recorded snapshots of a series: where each lies now, and which are gone from disk.
import type { AsOf, ScanMode } from '../../domain/scan.ts';
import type { RootMark, SnapshotIdentity } from '../../domain/snapshot-identity.ts';
import type { Queryable } from './scans.ts';

export interface RecordedSnapshot {
  readonly scanId: bigint;
  readonly seq: bigint;
  readonly path: string;
  readonly name: string;
  readonly identity: SnapshotIdentity;
  readonly mode: ScanMode;
  readonly state: 'running' | 'complete';
}

/** Snapshots that are not known to be gone, by seq; a running scan's too. */
export async function recordedSnapshots(client: Queryable, volumeId: number): Promise<RecordedSnapshot[]> {
  const found = await client.query<{
    id: bigint;
    seq: bigint;
    path: string;
    snapshot: string | null;
    identity: SnapshotIdentity;
    mode: ScanMode;
    state: 'running' | 'complete';
  }>(
    `select s.id, s.seq, p.path, s.snapshot, p.identity, s.mode, s.state from scan s join scan_root p on p.scan = s.id
      where s.volume = $1 and s.state <> 'aborted' and s.pruned is null and s.exported_ms is null order by s.seq`,
    [volumeId],
  );
  return found.rows.map((row) => ({
    scanId: row.id,
    seq: row.seq,
    path: row.path,
    name: row.snapshot ?? '',
    identity: row.identity,
    mode: row.mode,
    state: row.state,
  }));
}

/** Of scans, by id: what their roots were, for who opens them again by their paths. */
export async function rootMarks(client: Queryable, scanIds: readonly bigint[]): Promise<ReadonlyMap<bigint, RootMark>> {
  const found = await client.query<{ id: bigint; inode: string | null; btime: string | null }>(
    `select scan as id, identity ->> 'rootInode' as inode, identity ->> 'rootBtimeNs' as btime from scan_root where scan = any ($1)`,
    [scanIds],
  );
  return new Map(found.rows.map(({ id, inode, btime }) => [id, { rootInode: inode, rootBtimeNs: btime }]));
}

/** A rotation gave the snapshot another name; as_of may be corrected, seq never moves. */
export async function moveSnapshot(
  client: Queryable,
  scanId: bigint,
  now: { path: string; name: string; identity: SnapshotIdentity; asOf: AsOf; readOnly: boolean },
): Promise<void> {
  await client.query(
    `with moved as (update scan_root set path = $2, identity = $4 where scan = $1)
     update scan set snapshot = $3, as_of_from_ms = $5, as_of_to_ms = $6, as_of_source = $7, read_only = $8 where id = $1`,
    [
      scanId,
      now.path,
      now.name,
      JSON.stringify(now.identity),
      Math.round(now.asOf.fromMs),
      Math.round(now.asOf.toMs),
      now.asOf.source,
      now.readOnly,
    ],
  );
}

export async function markPruned(
  client: Queryable,
  scanIds: readonly bigint[],
  reason: 'gone' | 'rewritten',
): Promise<void> {
  if (scanIds.length === 0) return;
  await client.query('update scan set pruned = $2 where id = any ($1) and pruned is null', [scanIds, reason]);
}

/** The first free seq from `wanted` on. */
export async function freeSeq(client: Queryable, volumeId: number, wanted: bigint): Promise<bigint> {
  const found = await client.query<{ seq: bigint }>(
    `select seq from scan where volume = $1 and seq >= $2 and state <> 'aborted' order by seq`,
    [volumeId, wanted],
  );
  let seq = wanted;
  for (const row of found.rows) {
    if (row.seq !== seq) break;
    seq += 1n;
  }
  return seq;
}

/** Where the snapshots of these volumes lie that are on this host, and were not pruned. */
export async function snapshotPathsOn(client: Queryable, host: string, volumes: readonly number[]): Promise<string[]> {
  const found = await client.query<{ path: string }>(
    `select distinct p.path from scan s join scan_root p on p.scan = s.id join root r on r.id = p.root
      where s.volume = any ($2::int[]) and r.host = $1 and s.state = 'complete' and s.pruned is null and s.exported_ms is null order by 1`,
    [host, volumes],
  );
  return found.rows.map(({ path }) => path);
}
