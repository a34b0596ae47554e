// Real trees, a real catalog and real threads for the tests of the scan engine, and the few questions that they ask of
// the catalog.
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openPool } from '../../services/catalog/database.ts';
import type { Database } from '../../services/catalog/database.ts';
import type { ScanTotals } from '../../services/catalog/close.ts';
import { createHasher } from '../../services/files/hash.ts';
import { findSnapshots } from '../../services/files/snapshots.ts';
import { openThreads } from '../../services/scan/pool.ts';
import type { ThreadPool } from '../../services/scan/pool.ts';
import { scanSeries } from '../../services/scan/scan-series.ts';
import type { SeriesPlan } from '../../services/scan/scan-series.ts';
import { scanTree } from '../../services/scan/scan-tree.ts';
import type { TreeOptions } from '../../services/scan/scan-tree.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { testDatabase } from '../support/postgres.ts';
import type { ClusterAddress } from '../support/postgres.ts';
import { until } from '../support/poll.ts';

export const HOST = 'here';

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

export interface World {
  readonly db: Database;
  readonly address: ClusterAddress;
  readonly threads: ThreadPool;
  readonly notices: string[];
  tools(changes?: Partial<ScanTools>): ScanTools;
  /** A directory of this world's own, gone when it closes. */
  directory(): string;
  /** Scans a live tree and gives its sums. Fails where another process closed it. */
  scan(path: string, options?: Partial<Omit<TreeOptions, 'path'>>, changes?: Partial<ScanTools>): Promise<ScanTotals>;
  scanSnapshots(
    pattern: string,
    options?: SeriesChoice,
    changes?: Partial<ScanTools>,
  ): Promise<{ plan: SeriesPlan; totals: readonly ScanTotals[] }>;
  /** What the newest complete scan of the volume at that path (or of that pattern) says, by path. */
  told(name: string): Promise<Told>;
  /** Every version that a volume has, as one line each. */
  versions(name: string): Promise<VersionLine[]>;
  /** Gaps of the newest complete scan: `directory/name status errno`. */
  gaps(name: string): Promise<string[]>;
  scans(
    name: string,
  ): Promise<{ seq: bigint; snapshot: string | null; state: string; pruned: string | null; mode: string }[]>;
  rows(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export interface SeriesChoice {
  readonly reread?: boolean;
  readonly limit?: number;
  readonly nowMs?: number;
}

export async function openWorld(threadCount = 2): Promise<World> {
  const database = await testDatabase();
  return worldOn(database.address, () => database.close(), threadCount);
}

/** @param leave gives the database up, after everything that uses it is closed */
export function worldOn(address: ClusterAddress, leave: () => Promise<void>, threadCount = 2): World {
  const db = openPool(address, { applicationName: 'rollcall test' });
  const threads = openThreads(address, threadCount);
  const directories: string[] = [];
  const notices: string[] = [];
  const rows = async (sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]> =>
    (await db.pool.query<Record<string, unknown>>(sql, values)).rows;
  const tools = (changes: Partial<ScanTools> = {}): ScanTools => ({
    db,
    threads,
    host: HOST,
    nowMs: Date.now,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onNotice: (text) => void notices.push(text),
    ...changes,
  });
  return {
    db,
    address,
    threads,
    notices,
    tools,
    rows,
    directory() {
      const path = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-scan-')));
      directories.push(path);
      return path;
    },
    async scan(path, options = {}, changes = {}) {
      const scope = { excludes: [], crossMounts: false };
      const { run } = await scanTree(tools(changes), { path, scope, mode: 'read', newState: false, ...options });
      if (!('totals' in run.outcome) || run.outcome.totals === null)
        throw new Error(`the scan ended otherwise: ${run.outcome.outcome}`);
      return run.outcome.totals;
    },
    async scanSnapshots(pattern, choice = {}, changes = {}) {
      const found = await findSnapshots(pattern, {
        nowMs: choice.nowMs ?? Date.now(),
        tz: 'UTC',
        limit: choice.limit ?? null,
      });
      const scope = { excludes: [], crossMounts: false };
      const options = { pattern, found, scope, reread: choice.reread ?? false };
      const { plan, runs } = await scanSeries(tools(changes), options, () => undefined);
      return {
        plan,
        totals: runs.flatMap(({ outcome }) => ('totals' in outcome && outcome.totals !== null ? [outcome.totals] : [])),
      };
    },
    async told(name) {
      const found = await rows(
        `select d.path as directory, m.name, a.kind, m.size, m.digest, m.target, m.suspect, a.mode
           from volume v join root r on r.volume = v.id
           join lateral (select max(seq) as seq from scan s where s.volume = v.id and s.state = 'complete') n on true
           join lateral manifest(r.id, n.seq) m on true join directory d on d.id = m.directory join attribute a on a.id = m.attribute
          where v.name = $1 order by 1, 2`,
        name,
      );
      return sorted(
        found.map((row): [string, string] => {
          const [directory, name] = [String(row['directory']), String(row['name'])];
          const path = directory === '' ? name : `${directory}/${name}`;
          return [path, line(row)];
        }),
      );
    },
    async versions(name) {
      const found = await rows(
        `select case when d.path = '' then v.name else d.path || '/' || v.name end as path, v.first_seq as first, v.end_seq as end, v.end_reason as reason, v.digest, v.suspect
           from volume o join root r on r.volume = o.id join version v on v.root = r.id join directory d on d.id = v.directory where o.name = $1 order by 1, 2`,
        name,
      );
      return found as unknown as VersionLine[];
    },
    async gaps(name) {
      const found = await rows(
        `select d.path || '/' || g.name || ' ' || g.status || coalesce(' ' || g.errno, '') as line from gap g join directory d on d.id = g.directory
          where g.scan = (select s.id from scan s join volume v on v.id = s.volume where v.name = $1 and s.state = 'complete' order by s.seq desc limit 1) order by 1`,
        name,
      );
      return found.map((row) => String(row['line']));
    },
    async scans(name) {
      const found = await rows(
        `select s.seq, s.snapshot, s.state, s.pruned, s.mode from scan s join volume v on v.id = s.volume where v.name = $1 order by s.seq, s.id`,
        name,
      );
      return found as unknown as Awaited<ReturnType<World['scans']>>;
    },
    async close() {
      await threads.close();
      await db.close();
      await leave();
      for (const path of directories) execFileSync('rm', ['-rf', '--one-file-system', '--', path]);
    },
  };
}

function line(row: Record<string, unknown>): string {
  const mark = row['suspect'] === true ? ' suspect' : '';
  switch (row['kind']) {
    case 'file':
      return `file ${String(row['size'])} ${row['digest'] === null ? 'unread' : hex(row['digest'] as bigint)}${mark}`;
    case 'symlink':
      return `symlink ${String(row['target'])}`;
    default:
      return String(row['kind']);
  }
}

export function hex(digest: bigint): string {
  return BigInt.asUintN(64, digest).toString(16).padStart(16, '0');
}

/**
 * What `told` must say of a tree, found without the engine: by Node's own calls and the hash alone. Names must be
 * plain.
 */
export async function truthOf(root: string): Promise<Told> {
  const hasher = await createHasher();
  const truth: Record<string, string> = {};
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below))) {
      const path = join(below, name);
      const stat = lstatSync(join(root, path));
      if (stat.isFile()) {
        const content = readFileSync(join(root, path));
        truth[path] = `file ${stat.size} ${hex(hasher.one(content))}`;
      } else if (stat.isSymbolicLink()) {
        truth[path] = `symlink ${execFileSync('readlink', ['-n', '--', join(root, path)], { encoding: 'utf8' })}`;
      } else if (stat.isDirectory()) {
        truth[path] = 'directory';
        visit(path);
      } else {
        truth[path] = stat.isFIFO() ? 'fifo' : 'socket';
      }
    }
  };
  visit('');
  return sorted(Object.entries(truth));
}

function sorted(entries: [string, string][]): Told {
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Writes files (path below root → content) and their directories. */
export function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

export function remove(...paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { recursive: true });
}

/** Gives every file and directory below an mtime of long ago, the deepest first. */
export function age(root: string, seconds = 1_700_000_000): void {
  execFileSync('find', [root, '-depth', '-exec', 'touch', '-h', '-d', `@${seconds}`, '--', '{}', '+']);
}

export function touch(path: string, seconds: number): void {
  utimesSync(path, seconds, seconds);
}

/** Waits until nothing below has changed within the last 2 s: what is read from then on is not racy. */
export async function settled(...roots: readonly string[]): Promise<void> {
  await until(
    'no change within the last two seconds',
    () => execFileSync('find', [...roots, '-newerct', '2.1 seconds ago', '-print', '-quit']).length === 0,
  );
}
