// What an export takes out of the catalog: which copies are still unread, and every row of a series as lines of JSON,
// in one consistent state.
import type { ClientBase } from 'pg';
import { pathsOn } from '../../domain/gluster/brick-places.ts';
import type { AsOf, ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { Version } from '../../domain/version.ts';
import { VERSION_COLUMNS, versionOf } from './rows.ts';
import type { Queryable } from './scans.ts';

/** A complete scan as an export carries it. Times in ms since 1970. */
export interface ExportedScan {
  readonly seq: bigint;
  /** The snapshot's name within its series, printable. */
  readonly snapshot: string;
  /** Absolute, printable: where it lies on its own host. */
  readonly path: string;
  readonly identity: unknown;
  readonly asOf: AsOf;
  readonly readOnly: boolean;
  readonly mode: ScanMode;
  readonly pruned: string | null;
  readonly scope: ScopeRules;
  readonly totals: unknown;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface UnreadFile {
  readonly directoryId: number;
  /** Printable path of the directory below the root. */
  readonly directory: string;
  readonly name: string;
  readonly version: Version;
}

export interface Count {
  readonly files: number;
  readonly bytes: number;
}

/** File versions without a digest that hold in a snapshot which is still on disk. */
export async function countUnread(client: Queryable, volumeId: number): Promise<Count> {
  const found = await client.query<{ files: number; bytes: bigint }>(
    `select count(*)::int as files, coalesce(sum(v.size), 0)::bigint as bytes
       from root r join version v on v.root = r.id
      where r.volume = $1 and v.digest is null and v.kind = 'file'
        and exists (select from scan s where s.volume = $1 and s.state = 'complete' and s.pruned is null
                       and holds_at(v.first_seq, v.end_seq, s.seq))`,
    [volumeId],
  );
  const row = found.rows[0];
  return { files: row?.files ?? 0, bytes: Number(row?.bytes ?? 0) };
}

/**
 * Unread files that hold at one complete scan and are not under one of its gaps, by directory and name, some at a time.
 * The server keeps the result for the length of the session, so no transaction is open in between and what is recorded
 * meanwhile changes nothing.
 */
export async function* unreadFiles(
  client: Queryable,
  scan: { readonly id: bigint; readonly rootId: number; readonly seq: bigint },
): AsyncGenerator<UnreadFile[]> {
  await client.query(
    `declare unread no scroll cursor with hold for
     with covered as materialized (
       select id from subtree(array(
         select g.directory from gap g where g.scan = $1 and g.name = ''
         union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = $1 and g.name <> ''))
     )
     select v.directory, d.path, v.name, ${VERSION_COLUMNS}
       from version v join directory d on d.id = v.directory
      where v.root = $2 and holds_at(v.first_seq, v.end_seq, $3) and v.digest is null and v.kind = 'file'
        and not exists (select from covered c where c.id = v.directory)
        and not exists (select from gap g where g.scan = $1 and g.directory = v.directory and g.name = v.name)
      order by d.path, v.name`,
    [scan.id, scan.rootId, scan.seq],
  );
  try {
    for (;;) {
      const found = await client.query({ rowMode: 'array', text: 'fetch 512 from unread' });
      const rows = found.rows as unknown as readonly (readonly unknown[])[];
      if (rows.length === 0) return;
      yield rows.map((row) => ({
        directoryId: row[0] as number,
        directory: row[1] as string,
        name: row[2] as string,
        version: versionOf(row, 3),
      }));
    }
  } finally {
    await client.query('close unread');
  }
}

/** From here on this transaction sees one state of the catalog, whoever writes. Must be its first statement. */
export async function freezeView(client: Queryable): Promise<void> {
  await client.query('set transaction isolation level repeatable read, read only');
  // The whole result is wanted, not its first rows.
  await client.query('set local cursor_tuple_fraction = 1');
}

/** Complete scans by seq, pruned ones too: their versions are history. */
export async function scansToExport(client: Queryable, volumeId: number): Promise<ExportedScan[]> {
  const found = await client.query<{
    seq: bigint;
    snapshot: string | null;
    path: string;
    identity: unknown;
    as_of_from_ms: bigint;
    as_of_to_ms: bigint;
    as_of_source: string;
    read_only: boolean;
    mode: ScanMode;
    pruned: string | null;
    scope: ScopeRules;
    totals: unknown;
    started_ms: bigint;
    ended_ms: bigint | null;
  }>(
    `select s.seq, s.snapshot, p.path, p.identity, s.as_of_from_ms, s.as_of_to_ms, s.as_of_source, s.read_only, s.mode, s.pruned, s.scope, s.totals,
            s.started_ms, s.ended_ms
       from scan s join scan_root p on p.scan = s.id where s.volume = $1 and s.state = 'complete' order by s.seq`,
    [volumeId],
  );
  return found.rows.map((row) => ({
    seq: row.seq,
    snapshot: row.snapshot ?? '',
    path: row.path,
    identity: row.identity,
    asOf: { fromMs: Number(row.as_of_from_ms), toMs: Number(row.as_of_to_ms), source: row.as_of_source },
    readOnly: row.read_only,
    mode: row.mode,
    pruned: row.pruned,
    scope: row.scope,
    totals: row.totals,
    startedMs: Number(row.started_ms),
    endedMs: Number(row.ended_ms ?? row.started_ms),
  }));
}

/**
 * Every version of the root that complete scans wrote, each as one line of JSON without its newline, by directory, name
 * and first_seq in the order of bytes. Columns and their order: docs/export.md. Must run in a transaction.
 */
export function versionLines(client: ClientBase, volumeId: number, rootId: number): AsyncGenerator<string[]> {
  return linesOf(
    client,
    'versions',
    `select json_build_array('version', d.path, v.name, v.first_seq::text, v.end_seq::text, v.end_reason::text, v.kind, v.mode, v.uid, v.gid,
                             v.size::text, v.mtime_ns::text, v.target, v.rdev::text, lpad(to_hex(v.digest), 16, '0'), v.read_seq::text,
                             v.inode::text, v.ctime_ns::text, v.btime_ns::text, v.nlink, v.suspect, v.racy, v.zero_from::text)::text
       from version v join directory d on d.id = v.directory
      where v.root = $2 and v.first_seq not in (select seq from scan where volume = $1 and state = 'running')
      order by d.path, v.name, v.first_seq`,
    [volumeId, rootId],
  );
}

/** Every gap of the complete scans, as versionLines. */
export function gapLines(client: ClientBase, volumeId: number): AsyncGenerator<string[]> {
  return linesOf(
    client,
    'gaps',
    `select json_build_array('gap', s.seq::text, d.path, g.name, g.status, g.errno, g.detail)::text
       from scan s join gap g on g.scan = s.id join directory d on d.id = g.directory
      where s.volume = $1 and s.state = 'complete' order by s.seq, d.path, g.name, g.status, g.errno, g.detail`,
    [volumeId],
  );
}

async function* linesOf(
  client: ClientBase,
  cursor: 'versions' | 'gaps',
  query: string,
  parameters: readonly unknown[],
): AsyncGenerator<string[]> {
  await client.query(`declare ${cursor} no scroll cursor for ${query}`, [...parameters]);
  for (;;) {
    const found = await client.query({ rowMode: 'array', text: `fetch 5000 from ${cursor}` });
    const rows = found.rows as unknown as readonly (readonly [string])[];
    if (rows.length === 0) break;
    yield rows.map(([line]) => line);
  }
  await client.query(`close ${cursor}`);
}

/**
 * Where volumes lie on a host, absolute and printable: live roots, and snapshots that are not known to be gone. Nothing
 * is written there.
 */
export async function placesOnHost(client: Queryable, host: string): Promise<string[]> {
  const found = await client.query<{ path: string }>(
    `select r.path from root r join volume v on v.id = r.volume where r.host = $1 and v.layout <> 'snapshots'
     union
     select p.path from scan s join scan_root p on p.scan = s.id join root r on r.id = p.root
      where r.host = $1 and s.snapshot is not null and s.exported_ms is null and s.pruned is null and s.state <> 'aborted'`,
    [host],
  );
  return found.rows.flatMap(({ path }) => pathsOn({ host, path }, host));
}
