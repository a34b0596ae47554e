// A live volume with its nights: people work on it by day, it is backed up at three in the morning, and sometimes
// something goes wrong without a word. Really on disk, really scanned, really restored with sh and rsync.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Finding, Recovery, Tally } from '../../domain/assessment.ts';
import type { Verdict } from '../../domain/verdicts.ts';
import { VERDICTS } from '../../domain/verdicts.ts';
import { encodePath } from '../../domain/path.ts';
import { assess, type AssessRequest, type AssessResult } from '../../services/assess.ts';
import { verify, type Verified } from '../../services/verify.ts';
import type { ScanTools } from '../../services/scan/scan-volume.ts';
import type { Catalog } from '../judge/world.ts';
import { plainRequest } from '../support/request.ts';

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

export type Bytes = string | Buffer;
/**
 * copies: `cp -a`, a new inode each night · links: `cp -al` of the night before, with what changed copied anew, as
 * rsync --link-dest does.
 */
export type Style = 'copies' | 'links';

function join2(directory: Bytes, name: Bytes): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), Buffer.from(name)]);
}

export class House {
  readonly base: string;
  readonly live: string;
  /** Null where the command line brings its own. */
  readonly catalog: Catalog | null;
  /** In s since 1970: the beginning of night 0. */
  readonly startS: number;
  #bundles = 0;

  /**
   * @param today the night of the first assessment that scans anything: it comes an hour after now by the file system's
   *   clock, because what changes while it is scanned is told from what changed before it by ctime, and that cannot be
   *   set
   */
  constructor(catalog: Catalog | null, today: number) {
    this.catalog = catalog;
    this.base = mkdtempSync(join(realpathSync(tmpdir()), 'rollcall-scenario-'));
    this.live = join(this.base, 'live');
    this.startS = Math.floor(Date.now() / 1000 + HOUR_S - 6 * HOUR_S - today * DAY_S);
    mkdirSync(this.live);
    mkdirSync(join(this.base, 'backup'));
    mkdirSync(join(this.base, 'bundles'));
    this.stamp('', 0);
  }

  /** Gone, with what was mounted in it, when the test ends. */
  static open<T extends House>(
    this: new (
      catalog: Catalog | null,
      today: number,
    ) => T,
    catalog: Catalog | null,
    today: number,
  ): T {
    const house = new this(catalog, today);
    onTestFinished(() => house.close());
    return house;
  }

  close(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  at(path: Bytes): Buffer {
    return path.length === 0 ? Buffer.from(this.live) : join2(this.live, path);
  }

  /**
   * Sets a time in the afternoon before night `night`, so that it is what that night's snapshot is the first to see.
   */
  stamp(path: Bytes, night: number): void {
    const seconds = Math.floor(this.startS + night * DAY_S - 9 * HOUR_S);
    utimesSync(this.at(path), seconds, seconds);
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
    this.stamp(parent, night);
    this.stamp(this.#parent(parent), night);
  }

  directory(path: Bytes, night = 0): void {
    this.#way(join2(path, 'x'), night);
  }

  /** Somebody writes a file: its mtime moves, and its directory's if the name is new. */
  write(path: Bytes, content: Bytes, night = 0): void {
    this.#way(path, night);
    const isNew = !existsSync(this.at(path));
    writeFileSync(this.at(path), content);
    this.stamp(path, night);
    if (isNew) this.stamp(this.#parent(path), night);
  }

  /** Twelve files in three directories, below a fourth, that nothing happens to. */
  furnish(): void {
    for (let i = 0; i < 12; i++) this.write(`rooms/${i % 3}/file${i}`, `what stands in file ${i} `.repeat(1 + i));
  }

  remove(path: Bytes, night: number): void {
    rmSync(this.at(path), { recursive: true });
    this.stamp(this.#parent(path), night);
  }

  rename(from: Bytes, to: Bytes, night: number): void {
    this.#way(to, night);
    renameSync(this.at(from), this.at(to));
    this.stamp(this.#parent(from), night);
    this.stamp(this.#parent(to), night);
  }

  link(from: Bytes, to: Bytes, night = 0): void {
    this.#way(to, night);
    linkSync(this.at(from), this.at(to));
    this.stamp(this.#parent(to), night);
  }

  symlink(target: Bytes, path: Bytes, night = 0): void {
    this.#way(path, night);
    symlinkSync(target, this.at(path));
    this.stamp(this.#parent(path), night);
  }

  chmod(path: Bytes, mode: number): void {
    chmodSync(this.at(path), mode);
  }

  /** Does something to a name of a directory whose mtime does not move: what a crash below the file system does. */
  silently(path: Bytes, act: (raw: Buffer) => void): void {
    const parent = this.at(this.#parent(path));
    const { atimeMs, mtimeMs } = statSync(parent);
    act(this.at(path));
    utimesSync(parent, atimeMs / 1000, mtimeMs / 1000);
  }

  lose(...paths: readonly Bytes[]): void {
    for (const path of paths) this.silently(path, (raw) => rmSync(raw, { recursive: true }));
  }

  /** Other bytes under the old mtime, in the same inode. */
  rot(path: Bytes, change: (content: Buffer) => Buffer, root = this.live): void {
    const raw = join2(root, path);
    const { atimeMs, mtimeMs } = statSync(raw);
    writeFileSync(raw, change(readFileSync(raw)));
    utimesSync(raw, atimeMs / 1000, mtimeMs / 1000);
  }

  /** The name of a night's snapshot. */
  night(night: number): string {
    return new Date((this.startS + night * DAY_S + 3 * HOUR_S) * 1000).toISOString().replace(/[-:]|\.000/g, '');
  }

  snapshotRoot(night: number): string {
    return join(this.base, 'backup', this.night(night));
  }

  /** The backup of a night: live as it is, with the times that it has. */
  snapshot(night: number, style: Style = 'copies', earlier: number | null = null): string {
    const target = this.snapshotRoot(night);
    const from =
      style === 'links' && earlier !== null
        ? ['rsync', '-aH', `--link-dest=${this.snapshotRoot(earlier)}`, `${this.live}/`, `${target}/`]
        : ['cp', '-a', '--', this.live, target];
    const [command = '', ...args] = from;
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return target;
  }

  nowMs(night: number): number {
    return (this.startS + night * DAY_S + 6 * HOUR_S) * 1000;
  }

  get pattern(): string {
    return join(this.base, 'backup', '*');
  }

  #opened(): Catalog {
    if (this.catalog === null) throw new Error('this house has no catalog');
    return this.catalog;
  }

  /** @param onPhase told of each phase as it begins: where a test gets in between */
  tools(night: number, onPhase: (phase: string) => void = () => {}): ScanTools {
    // A clock that moves, by the real one, from six in the morning of that night on.
    const offsetMs = this.nowMs(night) - Date.now();
    const { db, threads } = this.#opened();
    return {
      db,
      threads,
      host: 'here',
      nowMs: () => Date.now() + offsetMs,
      signal: new AbortController().signal,
      onProgress: onPhase,
      onNotice: () => {},
    };
  }

  async assess(
    night: number,
    options: Partial<AssessRequest> = {},
    onPhase?: (phase: string) => void,
  ): Promise<AssessResult> {
    return assess(
      {
        ...this.tools(night, onPhase),
        cwd: join(this.base, 'bundles'),
        stateDir: null,
        program: 'rollcall',
        owners: new Map(),
        onPlan: () => {},
      },
      {
        ...plainRequest(this.live, [this.pattern], join(this.base, 'bundles', String(++this.#bundles))),
        ...options,
      },
    );
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
      () => Promise.resolve(this.#opened().db),
    );
  }

  /** What a test says of an assessment: everything, as short as it can be said. */
  report({ assessment, bundle, exit }: AssessResult): Report {
    const nights = new Map<string, string>();
    for (let night = 0; night < 40; night++) nights.set(this.night(night), `night ${night}`);
    const short = (snapshot: string): string => nights.get(snapshot) ?? snapshot;
    const { window, universe } = assessment;
    const report: Report = {
      exit,
      window: window.reason,
      intervals: window.intervals.map(({ fromName, toName }) => `${short(fromName)} to ${short(toName)}`),
      universe: `${universe.paths} files, ${universe.directories} directories`,
      verdicts: some(assessment.verdicts),
      directories: Object.fromEntries(Object.entries(assessment.directories).filter(([, count]) => count > 0)),
      recovery: some(assessment.recovery),
      findings: Object.fromEntries(assessment.findings.map((finding) => [finding.path, sentence(finding, short)])),
      lists: bundle === null ? null : listsOf(bundle.directory, short),
      incomplete: assessment.incomplete,
    };
    checkSums(assessment);
    return report;
  }
}

export interface Report {
  readonly exit: number;
  readonly window: string;
  readonly intervals: readonly string[];
  readonly universe: string;
  readonly verdicts: Partial<Record<Verdict, number>>;
  readonly directories: Partial<Record<Verdict, number>>;
  readonly recovery: Partial<Record<Recovery, number>>;
  /** By path: verdict, recovery, source, cause, flags. */
  readonly findings: Readonly<Record<string, string>>;
  /** Every list of the bundle with its paths; null without a bundle. */
  readonly lists: Readonly<Record<string, readonly string[]>> | null;
  readonly incomplete: readonly string[];
}

/** A report that says nothing but what is given, of a furnished house with one more directory. */
export function reportOf(given: Partial<Report>): Report {
  return {
    exit: 1,
    window: 'no burst',
    intervals: [],
    universe: '',
    verdicts: {},
    directories: { intact: 5 },
    recovery: {},
    findings: {},
    lists: null,
    incomplete: [],
    ...given,
  };
}

function some(tallies: Readonly<Record<string, Tally>>): Record<string, number> {
  return Object.fromEntries(Object.entries(tallies).flatMap(([name, { files }]) => (files > 0 ? [[name, files]] : [])));
}

function sentence(finding: Finding, short: (snapshot: string) => string): string {
  const { verdict, recovery, source, cause, flags, movedTo, errno, below, linkTo, path } = finding;
  return [
    verdict,
    recovery,
    source === null ? null : `from ${short(source.snapshot)}`,
    source === null || source.path === path ? null : `as ${source.path}`,
    linkTo === null ? null : `link to ${linkTo}`,
    movedTo === null ? null : `to ${movedTo}`,
    errno,
    below === null ? null : `below ${below}`,
    cause === null ? null : cause.cause,
    ...flags.map((flag) => `(${flag})`),
  ]
    .filter((part) => part !== null)
    .join(' ');
}

/** The lists that rsync and restore.sh take, by what they are called and where they take from. */
function listsOf(bundle: string, short: (snapshot: string) => string): Record<string, string[]> {
  const directory = join(bundle, 'lists');
  const lists: Record<string, string[]> = {};
  const roots = new Map<string, string>();
  for (const name of readdirSync(directory)) {
    if (!name.endsWith('.root0')) continue;
    const [root = ''] = readFileSync(join(directory, name), 'utf8').split('\0');
    roots.set(name.slice(0, name.indexOf('.')), short(root.slice(root.lastIndexOf('/') + 1)));
  }
  const fields: Record<string, number> = { files0: 1, dirs0: 1, links0: 8, pairs0: 7 };
  for (const name of readdirSync(directory).sort()) {
    const [, nn = '', rest = '', type = ''] = /^(\d+)-?(.*)\.(files0|dirs0|links0|pairs0)$/.exec(name) ?? [];
    const every = fields[type];
    if (every === undefined) continue;
    const entries = readFileSync(join(directory, name), 'latin1').split('\0').slice(0, -1);
    lists[`${roots.get(nn)} ${rest === '' ? '' : `${rest}.`}${type.slice(0, -1)}`] = entries
      .filter((_, i) => i % every === (type === 'pairs0' ? 2 : 0))
      .map((entry) => encodePath(Buffer.from(entry, 'latin1')));
  }
  const left = readFileSync(join(bundle, 'lost.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  if (left.length > 0) lists['lost'] = left.map((line) => (JSON.parse(line) as { path: string }).path);
  return lists;
}

/** docs/design.md#rule-7: every path is in exactly one class, and what stands in the findings is what was counted. */
export function checkSums({ universe, verdicts, directories, recovery, findings }: AssessResult['assessment']): void {
  const count = (of: (finding: Finding) => boolean): number => findings.filter(of).length;
  const isDirectory = (finding: Finding): boolean => finding.kind === 'directory';
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  expect(sum(VERDICTS.map((verdict) => verdicts[verdict].files))).toBe(universe.paths);
  expect(sum(VERDICTS.map((verdict) => directories[verdict]))).toBe(universe.directories);
  for (const verdict of VERDICTS) {
    if (verdict === 'intact') continue;
    expect(
      count((f) => f.verdict === verdict && !isDirectory(f)),
      verdict,
    ).toBe(verdicts[verdict].files);
    expect(
      count((f) => f.verdict === verdict && isDirectory(f)),
      verdict,
    ).toBe(directories[verdict]);
  }
  for (const one of ['exact', 'older', 'none'] as const)
    expect(
      count((f) => f.recovery === one && !isDirectory(f)),
      one,
    ).toBe(recovery[one].files);
  expect(new Set(findings.map(({ path }) => path)).size).toBe(findings.length);
  for (const finding of findings)
    expect(finding.source === null || finding.recovery !== 'none', finding.path).toBe(true);
}

/** Every path below a root, as the catalog counts them: read with this file's own means. */
export function pathsBelow(root: Bytes): Map<string, 'directory' | 'other'> {
  const paths = new Map<string, 'directory' | 'other'>();
  const walk = (directory: Buffer, prefix: Buffer): void => {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) {
      const raw = join2(directory, name);
      const path = prefix.length === 0 ? name : join2(prefix, name);
      const isDirectory = lstatSync(raw).isDirectory();
      paths.set(encodePath(path), isDirectory ? 'directory' : 'other');
      if (isDirectory) walk(raw, path);
    }
  };
  walk(Buffer.from(root), Buffer.alloc(0));
  return paths;
}
