// Where violence is tried: a volume with snapshots, a state directory that knows an earlier state of the volume, and
// what an undisturbed command makes of them. Each trial gets a copy of the state directory, and runs the built command
// line as a person would. Not a test/support/volume.ts: its volume is made once for many processes, and copied.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openPool } from '../../../services/catalog/database.ts';
import type { Queryable } from '../../../services/catalog/scans.ts';
import { openEmbedded } from '../../../services/embedded/embedded.ts';
import { installInto } from '../../support/install.ts';
import { dumpOf, filesRead, type Dump } from './dump.ts';
import { processesIn, send } from './processes.ts';
import { settled } from '../../support/tree.ts';
import { DAY_MS } from '../../../domain/lengths.ts';

const DIRECTORIES = 72;
const FILES = 10;
const SPARSE_BYTES = 40 * 1024 * 1024;

export interface Ran {
  /** Null after a signal. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Command {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly done: Promise<Ran>;
  readonly isOver: () => boolean;
  readonly said: () => string;
}

/**
 * scan: every copy is read, so that there is something to disturb. first: on a state directory that is yet to be made.
 */
export type What = 'first' | 'scan' | 'assess';

/** Scans of the live tree in the end. */
export const LIVE_SCANS: Readonly<Record<What, number>> = { first: 1, scan: 2, assess: 2 };

export interface Place {
  readonly directory: string;
  readonly state: string;
  readonly cwd: string;
}

export interface Undisturbed {
  readonly code: number;
  readonly dump: Dump;
  readonly filesRead: number;
  /** Of each scan in the order in which they were made: how many shards it had. */
  readonly shards: readonly number[];
  readonly bundle: Bundle;
}

export interface Stage {
  readonly live: string;
  readonly pattern: string;
  /**
   * A state directory that knows the volume as it was before its losses (for `first` none), and a directory to run in.
   */
  trial(what: What): Place;
  arguments(what: What): readonly string[];
  start(state: string, cwd: string, args: readonly string[]): Command;
  /** On a terminal of its own, which ends with the process that is returned. */
  startOnTerminal(state: string, cwd: string, args: readonly string[]): ChildProcess;
  /** Asks the catalog in a state directory that no command uses. */
  ask<T>(state: string, question: (client: Queryable) => Promise<T>): Promise<T>;
  /** What an undisturbed command makes of the trial's state. */
  undisturbed(what: What): Undisturbed;
  close(): void;
}

/** Files of a bundle with their content, without what differs from run to run. */
export type Bundle = Readonly<Record<string, string>>;

export async function openStage(whats: readonly What[]): Promise<Stage> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'rollcall-riot-')));
  installInto(home);
  const launcher = join(home, 'rollcall');
  const running = new Set<ChildProcess>();
  const live = join(home, 'live');
  const pattern = join(home, 'backup/*');
  let trials = 0;
  const tidy = (): void => {
    for (const child of running) child.kill('SIGKILL');
    // Whatever a failed trial left: started by us, in a directory of ours.
    for (const { pid } of processesIn(home)) send(pid, 'SIGKILL');
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  // Also when nobody comes to close it, because its opening took too long.
  process.once('exit', tidy);

  const start: Stage['start'] = (state, cwd, args) => {
    const child = spawn(launcher, ['--state-dir', state, ...args], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: home, TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let out = '';
    let err = '';
    let over = false;
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.once('exit', () => {
      over = true;
      running.delete(child);
    });
    // Of a killed parent the child may live on, and keep the pipes: the end is that of the process.
    const done = new Promise<Ran>((resolve) => {
      child.once('exit', (code) => setImmediate(() => resolve({ code, out, err })));
    });
    return { child, pid: child.pid ?? 0, done, isOver: () => over, said: () => err };
  };
  const startOnTerminal: Stage['startOnTerminal'] = (state, cwd, args) => {
    const words = [launcher, '--state-dir', state, ...args].map((word) => `'${word}'`);
    const terminal = spawn('script', ['-qfec', `exec ${words.join(' ')}`, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: home, TZ: 'UTC', SHELL: '/bin/sh', TERM: 'xterm' },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    running.add(terminal);
    terminal.once('exit', () => running.delete(terminal));
    return terminal;
  };
  const command: Stage['arguments'] = (what) =>
    what === 'assess'
      ? ['assess', '--live', live, '--backup', pattern, '--threads', '2']
      : ['scan', live, '--reread', '--threads', '2'];
  try {
    makeVolume(home, live);
    const template = join(home, 'template');
    const first = await start(template, home, ['scan', live]).done;
    if (first.code !== 0) throw new Error(`the first scan failed: ${first.err}`);
    await ask(template, (client) => client.query(SHARD_LOG));
    damage(live);
    await settled(live);
    const trial: Stage['trial'] = (what) => {
      const directory = join(home, `trial${++trials}`);
      const state = join(directory, 'state');
      const cwd = join(directory, 'cwd');
      mkdirSync(cwd, { recursive: true });
      if (what !== 'first') copyState(template, state);
      return { directory, state, cwd };
    };
    const undisturbed = new Map<What, Undisturbed>();
    for (const what of whats) {
      const { state, cwd } = trial(what);
      const { code, err } = await start(state, cwd, command(what)).done;
      if (code === null || code > 1) throw new Error(`undisturbed, it ended with ${code}: ${err}`);
      const known = await ask(state, async (client) => ({
        dump: await dumpOf(client, LIVE_SCANS[what]),
        filesRead: await filesRead(client, LIVE_SCANS[what]),
        shards: what === 'first' ? [] : await shardsOf(client),
      }));
      undisturbed.set(what, { code, ...known, bundle: bundlesIn(cwd).at(-1) ?? {} });
    }
    return {
      live,
      pattern,
      trial,
      arguments: command,
      start,
      startOnTerminal,
      ask,
      undisturbed(what) {
        const found = undisturbed.get(what);
        if (found === undefined) throw new Error(`nobody asked for ${what}`);
        return found;
      },
      close: tidy,
    };
  } catch (error) {
    tidy();
    throw error;
  }
}

/**
 * What became of each shard, in the order in which it was committed: the catalog itself forgets them when a scan is
 * complete. Whoever writes it waits there as long as a setting says so (Probe.holdAt): a scan of this size is over
 * before anyone has looked twice.
 */
const SHARD_LOG = `
  create schema riot;
  create table riot.shard_log (n bigint generated always as identity, scan bigint, shard bigint, was text, now text, holder int);
  create table riot.let_go ();
  create function riot.is_held(scanned bigint) returns boolean language sql volatile as $$
    select coalesce(row(scans, done) >= row((hold->>0)::int, (hold->>1)::int), false) and not exists (select from riot.let_go)
    from (select current_setting('riot.hold', true)::jsonb as hold) setting,
      (select count(*)::int - 1 as scans from rollcall.scan where state = 'complete') complete,
      (select count(*)::int as done from riot.shard_log where scan = scanned and now = 'done') finished $$;
  create function riot.log_shard() returns trigger language plpgsql as $$ begin
    insert into riot.shard_log (scan, shard, was, now, holder) values (new.scan, new.id, old.state, new.state, new.holder);
    while riot.is_held(new.scan) loop perform pg_sleep(0.002); end loop;
    return null; end $$;
  create trigger shard_log after update on rollcall.shard for each row execute function riot.log_shard()`;

async function shardsOf(client: Queryable): Promise<number[]> {
  const { rows } = await client.query<{ done: number }>(
    `select count(*)::int as done from riot.shard_log where now = 'done' group by scan order by scan`,
  );
  return rows.map(({ done }) => done);
}

async function ask<T>(state: string, question: (client: Queryable) => Promise<T>): Promise<T> {
  const embedded = await openEmbedded({ stateDir: state, now: Date.now, log: () => {} });
  const db = openPool(embedded.address);
  try {
    return await question(db.pool);
  } finally {
    await db.close();
    await embedded.close();
  }
}

/** Programs are shared; the data directory keeps owners and modes. */
export function copyState(from: string, to: string): void {
  mkdirSync(to, { mode: 0o711 });
  for (const name of readdirSync(from)) {
    if (name.startsWith('postgres-')) symlinkSync(realpathSync(join(from, name)), join(to, name));
    else copy(join(from, name), join(to, name));
  }
}

function copy(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', '--', from, to], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

function stamp(path: string, dayMs: number): void {
  utimesSync(path, dayMs / 1000, dayMs / 1000);
}

/** A volume as it was, with three nights in which a little changed. */
function makeVolume(home: string, live: string): void {
  // Whole seconds, so that a directory's time can be set back to it.
  const longAgoMs = Math.floor(Date.now() / 1000) * 1000 - 30 * DAY_MS;
  mkdirSync(join(home, 'backup'));
  for (let d = 0; d < DIRECTORIES; d++) {
    const directory = join(live, `d${d % 6}`, `e${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < FILES; f++) {
      writeFileSync(join(directory, `f${f}`), `what stands in ${d}/${f} `.repeat(3 + ((d * f) % 40)));
      stamp(join(directory, `f${f}`), longAgoMs);
    }
    linkSync(join(directory, 'f0'), join(directory, 'second name'));
    symlinkSync('f1', join(directory, 'link'));
    stamp(directory, longAgoMs);
  }
  for (let d = 0; d < 6; d++) stamp(join(live, `d${d}`), longAgoMs);
  // Holes are read as fast as memory, and keep a thread busy long enough to be caught at it.
  mkdirSync(join(live, 'large'));
  for (const name of ['large/0', 'large/1', 'large/2']) {
    writeFileSync(join(live, name), name);
    truncateSync(join(live, name), SPARSE_BYTES);
    stamp(join(live, name), longAgoMs);
  }
  for (let night = 4; night >= 1; night--) {
    const atMs = Date.now() - night * DAY_MS;
    write(live, `d1/e1/of night ${night}`, `written before night ${night}`, atMs - DAY_MS / 2);
    write(live, `d2/e2/f${night}`, `changed before night ${night}`, atMs - DAY_MS / 2);
    const name = new Date(atMs).toISOString().slice(0, 10);
    copy(live, join(home, 'backup', name));
  }
}

function write(live: string, path: string, content: string, atMs: number): void {
  const fresh = join(live, `${path}.new`);
  writeFileSync(fresh, content);
  stamp(fresh, atMs);
  renameSync(fresh, join(live, path));
}

/** Lost below the file system: the time of its directory does not move. */
function lose(path: string): void {
  const { mtimeMs } = statSync(dirname(path));
  rmSync(path, { recursive: true });
  stamp(dirname(path), mtimeMs);
}

/** What happened since the scan that the state directory knows. */
function damage(live: string): void {
  lose(join(live, 'd3/e3'));
  for (let d = 0; d < DIRECTORIES; d += 3) if (d !== 3) lose(join(live, `d${d % 6}/e${d}/f7`));
  for (let d = 1; d < DIRECTORIES; d += 5) write(live, `d${d % 6}/e${d}/f5`, `work of today in ${d}`, Date.now());
  for (let d = 2; d < DIRECTORIES; d += 7) {
    const path = join(live, `d${d % 6}/e${d}/f8`);
    truncateSync(path, 0);
    stamp(path, Date.now());
  }
  renameSync(join(live, 'd4/e4/f3'), join(live, 'd4/e4/renamed'));
  mkdirSync(join(live, 'd5/new'));
  for (let f = 0; f < 20; f++) writeFileSync(join(live, 'd5/new', `n${f}`), `new ${f}`);
}

/** Every bundle in a directory, the oldest first. */
export function bundlesIn(directory: string): Bundle[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith('rollcall-'))
    .sort()
    .map((name) => bundleOf(join(directory, name), name));
}

function bundleOf(directory: string, own: string): Bundle {
  const bundle: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    if (name === 'SHA256SUMS' || statSync(join(directory, name)).isDirectory()) continue;
    bundle[name] = readFileSync(join(directory, name), 'utf8').replaceAll(own, 'BUNDLE');
  }
  return bundle;
}
