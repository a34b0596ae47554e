// A live volume with its nights: people work on it by day, it is backed up at three in the morning, and sometimes
// something goes wrong without a word. Really on disk, really scanned, really restored with sh and rsync.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Assessment } from '../../domain/assessment.ts';
import { assess, type AssessRequest, type AssessResult } from '../../services/assess.ts';
import { reconcile, type ReconcileInput } from '../../services/judge/assess-volume.ts';
import { scanTree } from '../../services/scan/scan-tree.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import { verify, type Verified } from '../../services/verify.ts';
import { type Report, reportIn } from './answers.ts';
import { type Catalog, HOST } from './catalog.ts';
import { run } from './machine.ts';
import { plainRequest } from './request.ts';
import { bytes, makeDirectory } from './tree.ts';
import { DAY_MS, HOUR_MS } from '../../domain/lengths.ts';

export type Bytes = string | Buffer;
/**
 * by hour: snapshots are named by their time, and a first assessment "today" comes an hour after now by the file
 * system's clock, because what changes while it is scanned is told from what changed before it by ctime, and that
 * cannot be set. by day: they are named by their date and hold until midnight, and assessments use the clock as it is.
 */
export type Dated = 'by hour' | 'by day';
type Choice = Partial<Pick<ReconcileInput, 'sinceMs' | 'side'>>;

export interface Scanned {
  readonly volume: ReconcileInput['volume'];
  readonly series: ReconcileInput['series'];
}

export class Volume {
  readonly base: string;
  readonly live: string;
  /** Null where the command line brings its own. */
  readonly catalog: Catalog | null;
  /** The beginning of night 0. */
  readonly startMs: number;
  excludes: string[] = [];
  readonly #dated: Dated;
  /** By directory: the night before which somebody changed it last. */
  readonly #changed = new Map<string, number>();
  #bundles = 0;

  /** @param today the night of the first assessment that scans anything */
  constructor(catalog: Catalog | null, today: number, dated: Dated = 'by hour') {
    this.catalog = catalog;
    this.base = makeDirectory('rollcall-volume-');
    this.live = join(this.base, 'live');
    this.#dated = dated;
    const [unit, offset] = dated === 'by hour' ? [1000, -5 * HOUR_MS] : [DAY_MS, 0];
    this.startMs = Math.floor((Date.now() + offset) / unit) * unit - today * DAY_MS;
    for (const name of ['live', 'backup', 'bundles']) mkdirSync(join(this.base, name));
    this.stamp('', 0);
  }

  /** Gone, with what was mounted in it, when the test ends. */
  static open<T extends Volume>(
    this: new (
      catalog: Catalog | null,
      today: number,
      dated?: Dated,
    ) => T,
    ...of: readonly [catalog: Catalog | null, today: number, dated?: Dated]
  ): T {
    const volume = new this(...of);
    onTestFinished(() => volume.close());
    return volume;
  }

  close(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  at(path: Bytes): Buffer {
    return path.length === 0 ? Buffer.from(this.live) : bytes(this.live, '/', path);
  }

  path(name: string): string {
    return join(this.live, name);
  }

  /**
   * Sets a time in the afternoon before night `night`, so that it is what that night's snapshot is the first to see.
   */
  stamp(path: Bytes, night: number): void {
    const seconds = Math.floor((this.startMs + night * DAY_MS - 9 * HOUR_MS) / 1000);
    utimesSync(this.at(path), seconds, seconds);
  }

  /** Somebody changes a directory before that night: its time moves, and never back. */
  #changes(directory: Bytes, night: number): void {
    const key = Buffer.from(directory).toString('latin1');
    const last = Math.max(night, this.#changed.get(key) ?? night);
    this.#changed.set(key, last);
    this.stamp(directory, last);
  }

  #parent(path: Bytes): Buffer {
    const raw = Buffer.from(path);
    return raw.subarray(0, Math.max(0, raw.lastIndexOf('/')));
  }

  /** Makes the directories on the way to a path. */
  #way(path: Bytes, night: number): void {
    const parent = this.#parent(path);
    if (parent.length === 0 || existsSync(this.at(parent))) return;
    this.#way(parent, night);
    mkdirSync(this.at(parent));
    this.#changes(parent, night);
    this.#changes(this.#parent(parent), night);
  }

  directory(path: Bytes, night = 0): void {
    this.#way(bytes(path, '/', 'x'), night);
  }

  /** Somebody writes a file: its mtime moves, and its directory's if the name is new. */
  write(path: Bytes, content: Bytes, night = 0): void {
    this.#way(path, night);
    const isNew = !existsSync(this.at(path));
    writeFileSync(this.at(path), content);
    this.stamp(path, night);
    if (isNew) this.#changes(this.#parent(path), night);
  }

  /** Twelve files in three directories, below a fourth, that nothing happens to. */
  furnish(): void {
    for (let i = 0; i < 12; i++) this.write(`rooms/${i % 3}/file${i}`, `what stands in file ${i} `.repeat(1 + i));
  }

  remove(path: Bytes, night: number): void {
    rmSync(this.at(path), { recursive: true });
    this.#changes(this.#parent(path), night);
  }

  rename(from: Bytes, to: Bytes, night: number): void {
    this.#way(to, night);
    renameSync(this.at(from), this.at(to));
    this.#changes(this.#parent(from), night);
    this.#changes(this.#parent(to), night);
  }

  link(from: Bytes, to: Bytes, night = 0): void {
    this.#way(to, night);
    linkSync(this.at(from), this.at(to));
    this.#changes(this.#parent(to), night);
  }

  symlink(target: Bytes, path: Bytes, night = 0): void {
    this.#way(path, night);
    symlinkSync(target, this.at(path));
    this.#changes(this.#parent(path), night);
  }

  chmod(path: Bytes, mode: number): void {
    chmodSync(this.at(path), mode);
  }

  /** Does something to a name of a directory whose mtime does not move: what a crash below the file system does. */
  silently(path: Bytes, act: (raw: Buffer) => void): void {
    const parent = this.at(this.#parent(path));
    const { mtimeNs } = statSync(parent, { bigint: true });
    act(this.at(path));
    // To the nanosecond, which Node's own call cannot do. Whole seconds are the rule here.
    const [seconds, rest] = [mtimeNs / 1_000_000_000n, mtimeNs % 1_000_000_000n];
    if (rest === 0n) return utimesSync(parent, Number(seconds), Number(seconds));
    run('touch', '-m', '-d', `@${seconds}.${String(rest).padStart(9, '0')}`, '--', parent.toString());
  }

  lose(...paths: readonly Bytes[]): void {
    for (const path of paths) this.silently(path, (raw) => rmSync(raw, { recursive: true }));
  }

  /** Other bytes under the old mtime, in the same inode. */
  rot(path: Bytes, change: (content: Buffer) => Buffer, root = this.live): void {
    const raw = bytes(root, '/', path);
    const { atimeMs, mtimeMs } = statSync(raw);
    writeFileSync(raw, change(readFileSync(raw)));
    utimesSync(raw, atimeMs / 1000, mtimeMs / 1000);
  }

  /** The name of a night's snapshot. */
  night(night: number): string {
    const time = new Date(this.startMs + night * DAY_MS + 3 * HOUR_MS).toISOString();
    return this.#dated === 'by day' ? time.slice(0, 10) : time.replace(/[-:]|\.000/g, '');
  }

  snapshotRoot(night: number, series = 'backup'): string {
    return join(this.base, series, this.night(night));
  }

  /**
   * The backup of a night: live (or another tree) as it is, with the times that it has: `cp -a`, a new inode each
   * night, or `rsync --link-dest` of an earlier one.
   */
  snapshot(night: number, how: { linkedTo?: number | null; series?: string; from?: string } = {}): string {
    const { linkedTo = null, series = 'backup', from = this.live } = how;
    const target = this.snapshotRoot(night, series);
    mkdirSync(join(this.base, series), { recursive: true });
    if (linkedTo === null) run('cp', '-a', '--', from, target);
    else run('rsync', '-aH', `--link-dest=${this.snapshotRoot(linkedTo, series)}`, `${from}/`, `${target}/`);
    return target;
  }

  nowMs(night: number): number {
    return this.startMs + night * DAY_MS + 6 * HOUR_MS;
  }

  patternOf(series: string): string {
    return join(this.base, series, '*');
  }

  get pattern(): string {
    return this.patternOf('backup');
  }

  get opened(): Catalog {
    if (this.catalog === null) throw new Error('this volume has no catalog');
    return this.catalog;
  }

  /**
   * With a clock that moves, by the real one, from six in the morning of that night on.
   * @param onPhase told of each phase as it begins: where a test gets in between
   */
  tools(night: number, onPhase: (phase: string) => void = () => {}): ScanTools {
    const offsetMs = this.nowMs(night) - Date.now();
    return this.opened.tools({ nowMs: () => Date.now() + offsetMs, onProgress: onPhase });
  }

  /** What `rollcall assess` does in the morning after a night. */
  async assess(
    night: number,
    options: Partial<AssessRequest> = {},
    onPhase?: (phase: string) => void,
  ): Promise<AssessResult> {
    const bundles = join(this.base, 'bundles');
    return assess(
      {
        ...this.tools(night, onPhase),
        cwd: bundles,
        stateDir: null,
        program: 'rollcall',
        owners: new Map(),
        onPlan: () => {},
      },
      { ...plainRequest(this.live, [this.pattern], join(bundles, String(++this.#bundles))), ...options },
    );
  }

  get #scope(): ReconcileInput['scope'] {
    return { excludes: this.excludes, crossMounts: false };
  }

  /**
   * What comes before judging, by the clock as it is.
   * @param hosts as the catalog is to know where live and the backups lie
   */
  async scan(series: readonly string[] = ['backup'], hosts = { live: HOST, backup: HOST }): Promise<Scanned> {
    const catalog = this.opened;
    const scope = this.#scope;
    const options = { path: this.live, scope, mode: 'read', newState: false } as const;
    const { volume } = await scanTree(catalog.tools({ host: hosts.live }), options);
    const scanned: { id: number; name: string; pattern: string }[] = [];
    for (const name of series) {
      const pattern = this.patternOf(name);
      const { volume: backup } = await catalog.scanSnapshots(pattern, { scope }, { host: hosts.backup });
      scanned.push({ id: backup.id, name, pattern });
    }
    return { volume: { id: volume.id, name: 'live', path: this.live }, series: scanned };
  }

  async judge(scanned: Scanned, { sinceMs = null, side = null }: Choice = {}): Promise<Assessment> {
    const { db } = this.opened;
    const { assessment } = await reconcile({
      db,
      host: HOST,
      ...scanned,
      scope: this.#scope,
      sinceMs,
      side,
      now: Date.now,
    });
    return assessment;
  }

  /** Both, without a bundle. */
  async judged({ series, ...choice }: Choice & { series?: readonly string[] } = {}): Promise<Assessment> {
    return this.judge(await this.scan(series), choice);
  }

  restore(bundle: string, ...args: readonly string[]): { code: number | null; output: string } {
    const ran = spawnSync('sh', [join(bundle, 'restore.sh'), ...args, this.live], {
      cwd: join(this.base, 'bundles'),
      env: { ...process.env, TMPDIR: this.base },
      encoding: 'latin1',
    });
    return { code: ran.status, output: ran.stdout + ran.stderr };
  }

  verify(bundle: string, night: number): Promise<Verified> {
    const { nowMs, signal } = this.tools(night);
    return verify(
      {
        bundle,
        target: null,
        notGluster: false,
        bricksRescued: false,
        cwd: '/',
        actor: 'test',
        nowMs,
        signal,
        onProgress: () => {},
      },
      () => Promise.resolve(this.opened.db),
    );
  }

  /** Snapshots are called by their nights. */
  report(result: AssessResult): Report {
    const nights = new Map<string, string>();
    for (let night = 0; night < 40; night++) nights.set(this.night(night), `night ${night}`);
    return reportIn(result, (snapshot) => nights.get(snapshot) ?? snapshot);
  }
}
