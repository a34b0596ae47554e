// A migrated database with the threads that scan into it, and the few questions that tests ask of what was recorded.
import { afterAll } from 'vitest';
import { hex } from '../../domain/digest.ts';
import type { ScanTotals } from '../../services/catalog/close.ts';
import { openPool, type Database } from '../../services/catalog/database.ts';
import type { Volume as VolumeRow } from '../../services/catalog/volumes.ts';
import { findSnapshots, type FoundSeries } from '../../services/files/snapshots.ts';
import { openThreads, type ThreadPool } from '../../services/scan/pool.ts';
import { scanSeries, type SeriesOptions, type SeriesPlan } from '../../services/scan/scan-series.ts';
import { scanTree, type TreeOptions } from '../../services/scan/scan-tree.ts';
import { totalsOf, type ScanTools } from '../../services/scan/scan-volume.ts';
import { testDatabase, type TestDatabase } from './postgres.ts';
import { makeDirectory, removeTree } from './tree.ts';

export const HOST = 'here';

const SCOPE = { excludes: [], crossMounts: false } as const;

/**
 * What the catalog says of a path: `file 3 <digest>`, `directory`, `symlink -> target`, with a mark for what is
 * suspect.
 */
export type Told = Readonly<Record<string, string>>;

export interface VersionLine {
  readonly path: string;
  readonly first: bigint;
  readonly end: bigint | null;
  readonly reason: string | null;
  readonly digest: bigint | null;
  readonly suspect: boolean;
}

export interface ScanLine {
  readonly seq: bigint;
  readonly snapshot: string | null;
  readonly state: string;
  readonly pruned: string | null;
  readonly mode: string;
}

export interface SeriesChoice {
  readonly reread?: boolean;
  readonly limit?: number;
  readonly nowMs?: number;
  readonly scope?: SeriesOptions['scope'];
}

export interface ScannedSeries {
  readonly volume: VolumeRow;
  readonly found: FoundSeries;
  readonly plan: SeriesPlan;
  readonly totals: readonly ScanTotals[];
}

export class Catalog {
  readonly db: Database;
  readonly address: TestDatabase['address'];
  readonly threads: ThreadPool;
  readonly host: string;
  readonly notices: string[] = [];
  readonly #database: TestDatabase;
  readonly #directories: string[] = [];

  constructor(database: TestDatabase, threads = 1, host = HOST) {
    this.#database = database;
    this.address = database.address;
    this.host = host;
    this.db = openPool(database.address, { applicationName: 'rollcall test' });
    this.threads = openThreads(database.address, threads);
  }

  static async open(threads?: number, host?: string): Promise<Catalog> {
    return new Catalog(await testDatabase(), threads, host);
  }

  /** For all tests of the file (or of the group) that awaits it; closed after them. Volumes are told apart by paths. */
  static async forFile(threads?: number, host?: string): Promise<Catalog> {
    const catalog = await Catalog.open(threads, host);
    afterAll(() => catalog.close());
    return catalog;
  }

  async close(): Promise<void> {
    await this.threads.close();
    await this.db.close();
    await this.#database.close();
    for (const path of this.#directories) removeTree(path);
  }

  /** A directory that is gone when the catalog closes. */
  directory(): string {
    const path = makeDirectory('rollcall-scan-');
    this.#directories.push(path);
    return path;
  }

  tools(changes: Partial<ScanTools> = {}): ScanTools {
    return {
      db: this.db,
      threads: this.threads,
      host: this.host,
      nowMs: Date.now,
      signal: new AbortController().signal,
      onProgress: () => {},
      onNotice: (text) => void this.notices.push(text),
      ...changes,
    };
  }

  /** Scans a live tree and gives its sums. Fails where another process closed it. */
  async scan(
    path: string,
    options: Partial<Omit<TreeOptions, 'path'>> = {},
    changes: Partial<ScanTools> = {},
  ): Promise<ScanTotals> {
    const plain = { path, scope: SCOPE, mode: 'read', newState: false } as const;
    const { run } = await scanTree(this.tools(changes), { ...plain, ...options });
    const totals = totalsOf(run);
    if (totals === null) throw new Error(`the scan ended otherwise: ${run.outcome.outcome}`);
    return totals;
  }

  async scanSnapshots(
    pattern: string,
    choice: SeriesChoice = {},
    changes: Partial<ScanTools> = {},
  ): Promise<ScannedSeries> {
    const { nowMs = Date.now(), limit = null, reread = false, scope = SCOPE } = choice;
    const found = await findSnapshots(pattern, { nowMs, tz: 'UTC', limit });
    const options = { pattern, found, scope, reread };
    const { volume, plan, runs } = await scanSeries(this.tools(changes), options, () => {});
    const totals = runs.map(totalsOf).filter((one) => one !== null);
    return { volume, found, plan, totals };
  }

  async rows(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> {
    return (await this.db.pool.query<Record<string, unknown>>(sql, values)).rows;
  }

  /** What the newest complete scan of the volume at that path (or of that pattern) says, by path. */
  async told(name: string): Promise<Told> {
    const found = await this.rows(
      `select d.path as directory, m.name, a.kind, m.size, m.digest, m.target, m.suspect, a.mode
         from volume v join root r on r.volume = v.id
         join lateral (select max(seq) as seq from scan s where s.volume = v.id and s.state = 'complete') n on true
         join lateral manifest(r.id, n.seq) m on true join directory d on d.id = m.directory join attribute a on a.id = m.attribute
        where v.name = $1 order by 1, 2`,
      name,
    );
    const lines = found.map((row): [string, string] => {
      const [directory, name] = [String(row['directory']), String(row['name'])];
      return [directory === '' ? name : `${directory}/${name}`, line(row)];
    });
    return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Every version that a volume has, as one line each. */
  async versions(name: string): Promise<VersionLine[]> {
    const found = await this.rows(
      `select case when d.path = '' then v.name else d.path || '/' || v.name end as path, v.first_seq as first, v.end_seq as end, v.end_reason as reason, v.digest, v.suspect
         from volume o join root r on r.volume = o.id join version v on v.root = r.id join directory d on d.id = v.directory where o.name = $1 order by 1, 2`,
      name,
    );
    return found as unknown as VersionLine[];
  }

  /** Gaps of the newest complete scan: `directory/name status errno`. */
  async gaps(name: string): Promise<string[]> {
    const found = await this.rows(
      `select d.path || '/' || g.name || ' ' || g.status || coalesce(' ' || g.errno, '') as line from gap g join directory d on d.id = g.directory
        where g.scan = (select s.id from scan s join volume v on v.id = s.volume where v.name = $1 and s.state = 'complete' order by s.seq desc limit 1) order by 1`,
      name,
    );
    return found.map((row) => String(row['line']));
  }

  async scans(name: string): Promise<ScanLine[]> {
    const found = await this.rows(
      `select s.seq, s.snapshot, s.state, s.pruned, s.mode from scan s join volume v on v.id = s.volume where v.name = $1 order by s.seq, s.id`,
      name,
    );
    return found as unknown as ScanLine[];
  }
}

function line(row: Record<string, unknown>): string {
  const mark = row['suspect'] === true ? ' suspect' : '';
  switch (row['kind']) {
    case 'file':
      return `file ${String(row['size'])} ${row['digest'] === null ? 'unread' : hex(BigInt.asUintN(64, row['digest'] as bigint))}${mark}`;
    case 'symlink':
      return `symlink ${String(row['target'])}`;
    default:
      return String(row['kind']);
  }
}
