// What judging needs of the catalog: which directories are plainly intact as a whole, the rows of everything else,
// gaps, and counts per scan.
import type { GapStatus } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import type { Version } from '../../domain/version.ts';
import { versionOf } from './rows.ts';
import type { Queryable } from './scans.ts';
import { run, runForArrays } from './statement.ts';

/** One root whose scans are held against one another. Judging reads versions of complete scans only. */
export interface JudgedRoot {
  readonly root: number;
  readonly live: boolean;
  /** Holds lists that other tools made: they protect nothing, and say nothing of what they do not name. */
  readonly list: boolean;
  /** Its newest complete scan. */
  readonly newestScan: bigint;
  readonly newestSeq: bigint;
}

export interface Sum {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
}

export interface Narrowed {
  /**
   * Directories with something in them that is not plainly intact, with the names that each may hold on all roots
   * together.
   */
  readonly directories: readonly { readonly id: number; readonly names: number }[];
  /** What lies in the other directories: one version on each root, equal content, no gap, no history. */
  readonly plain: Sum;
}

interface RootColumns {
  readonly roots: number[];
  readonly newest: bigint[];
  readonly live: boolean[];
  readonly list: boolean[];
  readonly running: (bigint | null)[];
  readonly scans: bigint[];
  /** 1 where backups are declared: then a name must stand on one of them too to be plainly intact. */
  readonly backups: number;
}

export async function columnsOf(client: Queryable, roots: readonly JudgedRoot[]): Promise<RootColumns> {
  const found = await client.query<{ root: number; seq: bigint }>(
    `select p.root, s.seq from scan_root p join scan s on s.id = p.scan and s.state = 'running' where p.root = any ($1)`,
    [roots.map((r) => r.root)],
  );
  const running = new Map(found.rows.map((row) => [row.root, row.seq]));
  return {
    roots: roots.map((r) => r.root),
    newest: roots.map((r) => r.newestSeq),
    live: roots.map((r) => r.live),
    list: roots.map((r) => r.list),
    running: roots.map((r) => running.get(r.root) ?? null),
    scans: roots.map((r) => r.newestScan),
    backups: roots.some((r) => !r.live && !r.list) ? 1 : 0,
  };
}

/**
 * Splits the directories (sql/narrow.sql).
 * @param trusted false when listings say nothing (rules of scope differ from today's, the newest snapshot is pruned):
 *   nothing is plain
 */
export async function narrow(client: Queryable, roots: readonly JudgedRoot[], trusted: boolean): Promise<Narrowed> {
  const columns = await columnsOf(client, roots);
  const found = await run<{
    ids: number[] | null;
    names: number[] | null;
    plain_names: bigint;
    plain_directories: bigint;
    plain_bytes: bigint;
  }>(client, 'narrow', [
    columns.roots,
    columns.newest,
    columns.live,
    columns.running,
    columns.scans,
    trusted,
    columns.backups,
  ]);
  const row = found.rows[0];
  if (row === undefined) throw new Error('a select without from has one row');
  const ids = row.ids ?? [];
  const names = row.names ?? [];
  const directories = Number(row.plain_directories);
  return {
    directories: ids.map((id, i) => ({ id, names: names[i] ?? 0 })),
    plain: { files: Number(row.plain_names) - directories, directories, bytes: Number(row.plain_bytes) },
  };
}

/** All versions of one path, by root, each list in order of first_seq. */
export interface PathRows {
  readonly directory: number;
  readonly name: string;
  readonly byRoot: ReadonlyMap<number, readonly Version[]>;
}

export interface PulledRows {
  readonly paths: readonly PathRows[];
  /** Names of these directories that are plainly intact one by one, and were not fetched. */
  readonly plain: Sum;
  /** By directory: how many of them are no directories. */
  readonly plainFiles: ReadonlyMap<number, number>;
}

/**
 * The rows of some directories, less the names that are plainly intact (sql/pull-rows.sql). Asserts that every name is
 * in one of the two.
 */
export async function pullRows(
  client: Queryable,
  roots: readonly JudgedRoot[],
  directories: readonly number[],
  trusted: boolean,
): Promise<PulledRows> {
  const columns = await columnsOf(client, roots);
  const found = await runForArrays(client, 'pull-rows', [
    columns.roots,
    columns.newest,
    columns.live,
    columns.running,
    columns.list,
    columns.scans,
    directories,
    trusted,
    columns.backups,
  ]);
  const paths = new Map<number, Map<string, { directory: number; name: string; byRoot: Map<number, Version[]> }>>();
  let count = 0;
  let names = 0;
  const plain = { files: 0, directories: 0, bytes: 0 };
  const plainFiles = new Map<number, number>();
  for (const raw of found.rows as unknown as readonly (readonly unknown[])[]) {
    const directory = raw[0] as number;
    if (!plainFiles.has(directory)) {
      const [all = 0, files = 0, below = 0, bytes = 0] = raw.slice(1, 5) as number[];
      names += all;
      plain.files += files;
      plain.directories += below;
      plain.bytes += bytes;
      plainFiles.set(directory, files);
    }
    const root = raw[5] as number | null;
    if (root === null) continue;
    const name = raw[6] as string;
    let byName = paths.get(directory);
    if (byName === undefined) paths.set(directory, (byName = new Map()));
    let path = byName.get(name);
    if (path === undefined) {
      byName.set(name, (path = { directory, name, byRoot: new Map() }));
      count++;
    }
    const version = versionOf(raw, 7);
    const list = path.byRoot.get(root);
    if (list === undefined) path.byRoot.set(root, [version]);
    else list.push(version);
  }
  const counted = plain.files + plain.directories;
  if (names !== count + counted) {
    throw new Error(`${names} names lie in these directories, but ${count} were fetched and ${counted} counted`);
  }
  const all: PathRows[] = [];
  for (const byName of paths.values()) {
    for (const path of byName.values()) {
      for (const list of path.byRoot.values()) {
        if (list.length > 1) list.sort((a, b) => (a.firstSeq < b.firstSeq ? -1 : 1));
      }
      all.push(path);
    }
  }
  return { paths: all, plain, plainFiles };
}

/** Rows of single names, whatever their state: the candidates of a move. */
export async function rowsOfNames(
  client: Queryable,
  roots: readonly JudgedRoot[],
  names: readonly { readonly directory: number; readonly name: string }[],
): Promise<PathRows[]> {
  if (names.length === 0) return [];
  const columns = await columnsOf(client, roots);
  const found = await runForArrays(client, 'rows-of-names', [
    columns.roots,
    columns.newest,
    columns.running,
    names.map((n) => n.directory),
    names.map((n) => n.name),
  ]);
  const paths = new Map<string, { directory: number; name: string; byRoot: Map<number, Version[]> }>();
  for (const raw of found.rows as unknown as readonly (readonly unknown[])[]) {
    const directory = raw[0] as number;
    const name = raw[1] as string;
    const key = `${directory} ${name}`;
    let path = paths.get(key);
    if (path === undefined) paths.set(key, (path = { directory, name, byRoot: new Map() }));
    const root = raw[2] as number;
    const list = path.byRoot.get(root);
    if (list === undefined) path.byRoot.set(root, [versionOf(raw, 3)]);
    else list.push(versionOf(raw, 3));
  }
  return [...paths.values()];
}

/** Printable paths by directory id. */
export async function pathsOfDirectories(client: Queryable, ids: readonly number[]): Promise<Map<number, string>> {
  if (ids.length === 0) return new Map();
  const found = await client.query<{ id: number; path: string }>('select id, path from directory where id = any ($1)', [
    ids,
  ]);
  return new Map(found.rows.map((row) => [row.id, row.path]));
}

export interface StoredGap {
  readonly scan: bigint;
  readonly directoryId: number;
  readonly directory: string;
  readonly name: string;
  readonly status: GapStatus;
  readonly errno: string | null;
  readonly detail: string | null;
}

export async function gapsOf(client: Queryable, scans: readonly bigint[]): Promise<StoredGap[]> {
  const found = await client.query<{
    scan: bigint;
    directory_id: number;
    directory: string;
    name: string;
    status: GapStatus;
    errno: string | null;
    detail: string | null;
  }>(
    `select g.scan, g.directory as directory_id, d.path as directory, g.name, g.status, g.errno, g.detail
       from gap g join directory d on d.id = g.directory where g.scan = any ($1) order by d.path, g.name`,
    [scans],
  );
  return found.rows.map((row) => ({
    scan: row.scan,
    directoryId: row.directory_id,
    directory: row.directory,
    name: row.name,
    status: row.status,
    errno: row.errno,
    detail: row.detail,
  }));
}

/** The rules that each scan was made by, and whether its state could be written to. */
export async function rulesOf(
  client: Queryable,
  scans: readonly bigint[],
): Promise<Map<bigint, { readonly scope: ScopeRules; readonly readOnly: boolean }>> {
  const found = await client.query<{ id: bigint; scope: ScopeRules; read_only: boolean }>(
    'select id, scope, read_only from scan where id = any ($1)',
    [scans],
  );
  return new Map(found.rows.map((row) => [row.id, { scope: row.scope, readOnly: row.read_only }]));
}
