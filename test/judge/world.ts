// A live tree and a nightly series of copies, really on disk and really scanned: what reconciling is tried on.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import type { Assessment, Finding } from '../../domain/assessment.ts';
import { openPool, type Database } from '../../services/catalog/database.ts';
import { findSnapshots } from '../../services/files/snapshots.ts';
import { reconcile, type ReconcileInput } from '../../services/judge/assess-volume.ts';
import { openThreads, type ThreadPool } from '../../services/scan/pool.ts';
import { scanSeries } from '../../services/scan/scan-series.ts';
import { scanTree } from '../../services/scan/scan-tree.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { testDatabase, type TestDatabase } from '../support/postgres.ts';

const DAY_MS = 86_400_000;

/** One database and one thread for all worlds of a test file: volumes are told apart by their paths. */
export class Catalog {
  readonly db: Database;
  readonly threads: ThreadPool;
  readonly #database: TestDatabase;

  constructor(database: TestDatabase) {
    this.#database = database;
    this.db = openPool(database.address, { applicationName: 'rollcall test' });
    this.threads = openThreads(database.address, 1);
  }

  get address(): TestDatabase['address'] {
    return this.#database.address;
  }

  static async open(): Promise<Catalog> {
    return new Catalog(await testDatabase());
  }

  /** For all tests of the file that awaits it at its top; closed after them. */
  static async forFile(): Promise<Catalog> {
    const catalog = await Catalog.open();
    afterAll(() => catalog.close());
    return catalog;
  }

  async close(): Promise<void> {
    await this.threads.close();
    await this.db.close();
    await this.#database.close();
  }
}

export interface Scanned {
  readonly volume: ReconcileInput['volume'];
  readonly series: ReconcileInput['series'];
}

export class World {
  readonly root: string;
  readonly live: string;
  readonly startMs: number;
  readonly catalog: Catalog;
  excludes: string[] = [];
  /** By directory: the night before which somebody changed it last. */
  readonly #changed = new Map<string, number>();

  constructor(catalog: Catalog, nights = 20) {
    this.catalog = catalog;
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-reconcile-')));
    this.live = join(this.root, 'live');
    mkdirSync(this.live);
    // So many nights ago, by the day: no test depends on the hour it runs at.
    this.startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - nights * DAY_MS;
  }

  /** Gone when the test ends. */
  static open(catalog: Catalog, nights?: number): World {
    const world = new World(catalog, nights);
    onTestFinished(() => world.close());
    return world;
  }

  close(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.live, name);
  }

  /** Writes a live file; its mtime is `night` days after the start. */
  write(name: string, content: string | Buffer, night = 0): void {
    const path = this.path(name);
    const isNew = !existsSync(path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    this.touch(path, night);
    if (!isNew) return;
    for (let directory = dirname(path); directory.startsWith(this.live); directory = dirname(directory)) {
      this.#changed.set(directory, Math.max(night, this.#changed.get(directory) ?? night));
      this.touch(directory, this.#changed.get(directory) ?? night);
    }
  }

  touch(path: string, night: number): void {
    const seconds = (this.startMs + night * DAY_MS) / 1000 - 3600;
    utimesSync(path, seconds, seconds);
  }

  /** Somebody deletes it on the day before `night`: its directory's time moves. */
  delete(name: string, night: number): void {
    rmSync(this.path(name), { recursive: true });
    const directory = dirname(this.path(name));
    this.#changed.set(directory, Math.max(night, this.#changed.get(directory) ?? night));
    this.touch(directory, this.#changed.get(directory) ?? night);
  }

  /** It is lost: its directory's time does not move (whole seconds, as write sets them). */
  remove(name: string): void {
    const directory = dirname(this.path(name));
    const seconds = Math.floor(statSync(directory).mtimeMs / 1000);
    rmSync(this.path(name), { recursive: true });
    utimesSync(directory, seconds, seconds);
  }

  /** The nightly copy of live as it is, with the times that it has; from another tree where one is given. */
  backup(night: number, series = 'nightly', from = this.live): string {
    const date = new Date(this.startMs + night * DAY_MS).toISOString().slice(0, 10);
    const target = join(this.root, series, date);
    mkdirSync(dirname(target), { recursive: true });
    const { status, stderr } = spawnSync('cp', ['-a', '--', from, target], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return target;
  }

  /** @param hosts as the catalog is to know where live and the backups lie */
  async scan(
    series: readonly string[] = ['nightly'],
    hosts: { readonly live: string; readonly backup: string } = { live: 'here', backup: 'here' },
  ): Promise<Scanned> {
    const { db, threads } = this.catalog;
    const toolsOf = (host: string): ScanTools => ({
      db,
      threads,
      host,
      nowMs: Date.now,
      signal: new AbortController().signal,
      onProgress: () => {},
      onNotice: () => {},
    });
    const scope = { excludes: this.excludes, crossMounts: false };
    const { volume } = await scanTree(toolsOf(hosts.live), { path: this.live, scope, mode: 'read', newState: false });
    const scannedSeries: { id: number; name: string; pattern: string }[] = [];
    for (const name of series) {
      const pattern = join(this.root, name, '*');
      const found = await findSnapshots(pattern, { nowMs: Date.now(), tz: null, limit: null });
      const scanned = await scanSeries(toolsOf(hosts.backup), { pattern, found, scope, reread: false }, () => {});
      scannedSeries.push({ id: scanned.volume.id, name, pattern });
    }
    return { volume: { id: volume.id, name: 'live', path: this.live }, series: scannedSeries };
  }

  async judge(scanned: Scanned, options: Partial<Pick<ReconcileInput, 'sinceMs' | 'side'>> = {}): Promise<Assessment> {
    const { assessment } = await reconcile({
      db: this.catalog.db,
      host: 'here',
      ...scanned,
      scope: { excludes: this.excludes, crossMounts: false },
      sinceMs: options.sinceMs ?? null,
      side: options.side ?? null,
      now: Date.now,
    });
    return assessment;
  }

  async assess(
    options: Partial<Pick<ReconcileInput, 'sinceMs' | 'side'>> & { series?: readonly string[] } = {},
  ): Promise<Assessment> {
    return this.judge(await this.scan(options.series), options);
  }
}

/** Path → verdict of every finding. */
export function verdicts(assessment: Assessment): Record<string, string> {
  return Object.fromEntries(assessment.findings.map((finding) => [finding.path, finding.verdict]));
}

export function findingAt(assessment: Assessment, path: string): Finding {
  const finding = assessment.findings.find((one) => one.path === path);
  if (finding === undefined) throw new Error(`no finding for ${path}`);
  return finding;
}

/** Classes that hold anything: files by verdict. */
export function classes(assessment: Assessment): Record<string, number> {
  return Object.fromEntries(
    Object.entries(assessment.verdicts).flatMap(([verdict, { files }]) => (files > 0 ? [[verdict, files]] : [])),
  );
}
