// Scans: begun, joined, asked about. (abort-scan.ts gives one up, close.ts completes it.)
import type { ClientBase } from 'pg';
import type { AsOf, Gap, Scan, ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { ScanContext } from './scan-context.ts';

/** Anything that runs a query: a client, a pooled client, or a pool for single statements. */
export type Queryable = Pick<ClientBase, 'query'>;

/** A root that a scan looks at. */
export interface RootOfScan {
  readonly rootId: number;
  /** Where this state of it lies on its host: printable, absolute. */
  readonly path: string;
  /**
   * What it is when the scan begins (a snapshot: what tells it from another of its name); null where nothing is known.
   */
  readonly identity: unknown;
}

export interface BeginScan {
  readonly volumeId: number;
  readonly roots: readonly RootOfScan[];
  readonly seq: bigint;
  readonly snapshot: string | null;
  readonly asOf: AsOf;
  readonly readOnly: boolean;
  readonly mode: ScanMode;
  readonly scope: ScopeRules;
  readonly startedMs: number;
  readonly exportedMs: number | null;
  /** The complete scan of the same snapshot that is looked at again. */
  readonly relistOf: bigint | null;
  /** A person accepts the root as it is now: it may be another, or empty. */
  readonly newState: boolean;
  /** A slice of the scrub: what it reads again. */
  readonly scrub?: ScrubChoice;
}

/** What a slice reads again, whatever it looks like. */
export interface ScrubChoice {
  /** names null: all files of the directory. */
  readonly directories: readonly { readonly directory: number; readonly names: readonly string[] | null }[];
  readonly bytes: number;
  /** Of the host; null for no limit. */
  readonly bytesPerSecond: number | null;
}

/**
 * Begins a scan with one open shard for the top of each root. Must run in a transaction.
 * @returns its id, or null when another scan of the volume is running
 */
export async function beginScan(client: Queryable, begin: BeginScan): Promise<bigint | null> {
  const inserted = await client.query<{ id: bigint }>(
    `insert into scan (volume, seq, snapshot, as_of_from_ms, as_of_to_ms, as_of_source, read_only, mode,
                       exported_ms, scope, started_ms, progressed_ms, relist_of, new_state, state, open_shards, scrub)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12, $13, 'running', $14, $15)
       on conflict do nothing returning id`,
    [
      begin.volumeId,
      begin.seq,
      begin.snapshot,
      Math.round(begin.asOf.fromMs),
      Math.round(begin.asOf.toMs),
      begin.asOf.source,
      begin.readOnly,
      begin.mode,
      begin.exportedMs,
      JSON.stringify(begin.scope),
      begin.startedMs,
      begin.relistOf,
      begin.newState,
      begin.roots.length,
      begin.scrub === undefined
        ? null
        : JSON.stringify({ bytesPerSecond: begin.scrub.bytesPerSecond, chosenBytes: begin.scrub.bytes }),
    ],
  );
  const id = inserted.rows[0]?.id;
  if (id === undefined) return null;
  await recordRoots(client, id, begin.roots);
  if (begin.scrub !== undefined)
    await client.query(
      `insert into scrub_choice (scan, directory, names)
         select $1, c.directory, c.names from jsonb_to_recordset($2) as c (directory int, names text[])`,
      [id, JSON.stringify(begin.scrub.directories)],
    );
  await client.query('delete from retired_host h using root r where r.id = any ($1::int[]) and h.host = r.host', [
    begin.roots.map(({ rootId }) => rootId),
  ]);
  const work = { directories: [{ id: 0, path: '', inode: null, device: null }], generation: 0 };
  await client.query(
    `insert into shard (scan, root, kind, work, state) select $1, n.root, 'list', $3, 'open' from unnest($2::int[]) as n (root)`,
    [id, begin.roots.map(({ rootId }) => rootId), JSON.stringify(work)],
  );
  return id;
}

export async function recordRoots(client: Queryable, scanId: bigint, roots: readonly RootOfScan[]): Promise<void> {
  await client.query(
    `insert into scan_root (scan, root, path, identity)
       select $1, n.root, n.path, n.identity from unnest($2::int[], $3::text[], $4::jsonb[]) as n (root, path, identity)
       on conflict (scan, root) do update set path = excluded.path, identity = excluded.identity`,
    [
      scanId,
      roots.map(({ rootId }) => rootId),
      roots.map(({ path }) => path),
      roots.map(({ identity }) => JSON.stringify(identity ?? null)),
    ],
  );
}

interface ScanRow {
  id: bigint;
  volume: number;
  root: number;
  host: string;
  seq: bigint;
  path: string;
  snapshot: string | null;
  as_of_from_ms: bigint;
  as_of_to_ms: bigint;
  as_of_source: string;
  mode: ScanMode;
  pruned: string | null;
  exported_ms: bigint | null;
  started_ms: bigint;
  list: 'partial' | 'complete' | null;
  root_mtime_ns: string | null;
}

const SCAN_COLUMNS = `s.id, s.volume, p.root, (select r.host from root r where r.id = p.root) as host, s.seq, p.path, s.snapshot, s.as_of_from_ms, s.as_of_to_ms, s.as_of_source, s.mode, s.pruned,
  s.exported_ms, s.started_ms, s.list, s.totals->>'rootMtimeNs' as root_mtime_ns`;

function scanOf(row: ScanRow): Scan {
  return {
    id: row.id,
    volumeId: row.volume,
    rootId: row.root,
    host: row.host,
    seq: row.seq,
    path: row.path,
    snapshot: row.snapshot,
    asOf: { fromMs: Number(row.as_of_from_ms), toMs: Number(row.as_of_to_ms), source: row.as_of_source },
    mode: row.mode,
    pruned: row.pruned,
    exportedMs: row.exported_ms === null ? null : Number(row.exported_ms),
    startedMs: Number(row.started_ms),
    rootMtimeNs: row.root_mtime_ns === null ? null : BigInt(row.root_mtime_ns),
    ...(row.list === null ? {} : { list: row.list }),
  };
}

/** Complete scans of a volume, pruned ones too, by seq. */
export async function completeScans(client: Queryable, volumeId: number): Promise<Scan[]> {
  const found = await client.query<ScanRow>(
    `select ${SCAN_COLUMNS} from scan s join scan_root p on p.scan = s.id where s.volume = $1 and s.state = 'complete' order by s.seq`,
    [volumeId],
  );
  return found.rows.map(scanOf);
}

export interface RunningScan {
  readonly scan: Scan;
  readonly scope: ScopeRules;
  /** What its root was when it began. */
  readonly identity: unknown;
  readonly newState: boolean;
  readonly relistOf: bigint | null;
  readonly progressedMs: number;
  readonly openShards: number;
  /** It is a slice of the scrub. */
  readonly isSlice: boolean;
  /** Some process is at work on a shard of it now. */
  readonly attended: boolean;
}

export async function runningScan(client: Queryable, volumeId: number): Promise<RunningScan | null> {
  const found = await client.query<
    ScanRow & {
      scope: ScopeRules;
      identity: unknown;
      new_state: boolean;
      relist_of: bigint | null;
      progressed_ms: bigint;
      open_shards: number;
      is_slice: boolean;
      attended: boolean;
    }
  >(
    `select ${SCAN_COLUMNS}, s.scrub is not null as is_slice, s.scope, p.identity, s.new_state, s.relist_of, s.progressed_ms, s.open_shards,
            exists (select from shard h where h.scan = s.id and h.state = 'leased' and h.lease_until > now()
                      and holder_lives(h.holder)) as attended
       from scan s join scan_root p on p.scan = s.id where s.volume = $1 and s.state = 'running'`,
    [volumeId],
  );
  const row = found.rows[0];
  if (row === undefined) return null;
  return {
    scan: scanOf(row),
    scope: row.scope,
    identity: row.identity,
    newState: row.new_state,
    relistOf: row.relist_of,
    progressedMs: Number(row.progressed_ms),
    openShards: row.open_shards,
    isSlice: row.is_slice,
    attended: row.attended,
  };
}

export interface ScanState {
  readonly state: 'running' | 'complete' | 'aborted';
  readonly reason: string | null;
  readonly openShards: number;
  readonly relistRound: number;
  /** Of a complete scan: ScanTotals (close.ts). */
  readonly totals: unknown;
}

export async function scanState(client: Queryable, scanId: bigint): Promise<ScanState> {
  const found = await client.query<{
    state: ScanState['state'];
    reason: string | null;
    open_shards: number;
    relist_round: number;
    totals: unknown;
  }>('select state, reason, open_shards, relist_round, totals from scan where id = $1', [scanId]);
  const row = found.rows[0];
  // A second look at a snapshot that found it unchanged became part of the first.
  if (row === undefined) return { state: 'complete', reason: null, openShards: 0, relistRound: 0, totals: null };
  const { state, reason, totals } = row;
  return { state, reason, openShards: row.open_shards, relistRound: row.relist_round, totals };
}

/** Adds a round of listing again, if nobody else has. The scan then has one open shard a root. */
export async function askRelist(client: Queryable, scanId: bigint, round: number): Promise<boolean> {
  const asked = await client.query<{ id: bigint }>(
    `with asked as (
       update scan set open_shards = (select count(*) from scan_root where scan = $1), relist_round = relist_round + 1
        where id = $1 and state = 'running' and open_shards = 0 and relist_round = $2
          and not exists (select from shard where scan = $1 and kind = 'relist' and (counts ->> 'moved')::int = 0) returning id)
     insert into shard (scan, root, kind, work, state)
       select a.id, p.root, 'relist', jsonb_build_object('round', $2 + 1), 'open' from asked a join scan_root p on p.scan = a.id returning id`,
    [scanId, round],
  );
  return (asked.rowCount ?? 0) > 0;
}

/** The scan that this one looks at again (the newest snapshot, when it is not read-only), or null. */
export async function relistTarget(client: Queryable, scanId: bigint): Promise<bigint | null> {
  const found = await client.query<{ relist_of: bigint | null }>('select relist_of from scan where id = $1', [scanId]);
  return found.rows[0]?.relist_of ?? null;
}

/**
 * Of the names that were known at the top of the volume: how many, and how many are staged to end as vanished. Not
 * counting what the scan newly leaves out, nor `lost+found`, which every new ext4 has: they say nothing of which file
 * system this is.
 */
export async function topLevelLoss(client: Queryable, context: ScanContext): Promise<{ known: number; gone: number }> {
  const found = await client.query<{ known: number; gone: number }>(
    `select (select count(*)::int from version v where root = any ($2) and directory = 0 and name <> 'lost+found' and first_seq < $3 and holds_at(first_seq, end_seq, $3)
                and not exists (select from ending x where x.scan = $1 and x.root = v.root and x.directory = 0 and x.name = v.name and x.kind = 'end' and x.reason = 'x')) as known,
            (select count(*)::int from ending where scan = $1 and directory = 0 and name <> 'lost+found' and kind = 'end' and reason = 'v') as gone`,
    [context.scanId, context.roots, context.seq],
  );
  const row = found.rows[0];
  if (row === undefined) throw new Error('a select without from has one row');
  return row;
}

/** Names at the top of a volume at its newest complete scan. `lost+found` is not among them: every new ext4 has one. */
export async function topLevelNames(
  client: Queryable,
  volume: { readonly id: number; readonly rootId: number },
): Promise<string[]> {
  const found = await client.query<{ name: string }>(
    `select m.name from manifest($2, (select max(seq) from scan where volume = $1 and state = 'complete')) m
      where m.directory = 0 and m.name not in ('', 'lost+found') order by m.name`,
    [volume.id, volume.rootId],
  );
  return found.rows.map(({ name }) => name);
}

/** What the newest complete scan of a volume could not look at, by path. */
export async function newestGaps(client: Queryable, volumeId: number): Promise<Gap[]> {
  const found = await client.query<Gap>(
    `select d.path as directory, g.name, g.status, g.errno, g.detail from gap g join directory d on d.id = g.directory
      where g.scan = (select id from scan where volume = $1 and state = 'complete' order by seq desc limit 1) order by d.path, g.name`,
    [volumeId],
  );
  return found.rows;
}

/** Files that the newest complete scan of a volume met; null before there is one. */
export async function filesOfLastScan(client: Queryable, volumeId: number): Promise<number | null> {
  const found = await client.query<{ files: number | null }>(
    `select (totals ->> 'files')::int as files from scan where volume = $1 and state = 'complete' order by seq desc limit 1`,
    [volumeId],
  );
  return found.rows[0]?.files ?? null;
}
