// Rollcall as one of those that take turns: through its launcher, with state directories of its own, and its server
// gone before anybody else runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openSession, type Session } from '../services/session.ts';
import { type Ground, make } from './ground.ts';
import { type Command, run, type Subject } from './runs.ts';

export const REPOSITORY = fileURLToPath(new URL('..', import.meta.url));
const JUDGE = join(REPOSITORY, 'bench', 'judge.ts');
const PROGRAM = join(REPOSITORY, 'rollcall');

const STOP_MAX_MS = 60_000;
const POLL_MS = 20;

/** Neither a server nor a queue of the caller's has a part in this. */
export function environmentOf(state: string): Readonly<Record<string, string | undefined>> {
  return {
    ROLLCALL_STATE_DIR: state,
    DATABASE_URL: undefined,
    REDIS_URL: undefined,
    ROLLCALL_PG_BIN: undefined,
    NO_COLOR: '1',
  };
}

export function rollcall(state: string, args: readonly string[], exits: readonly number[] = [0]): Command {
  return { argv: [PROGRAM, ...args], environment: environmentOf(state), exits, alsoRuns: () => serverOf(state) };
}

/** The embedded server is nobody's child: its process id is in the file that Postgres keeps. */
export function serverOf(state: string): readonly number[] {
  try {
    const pid = Number.parseInt(readFileSync(join(state, 'data', 'postmaster.pid'), 'utf8'), 10);
    return Number.isInteger(pid) ? [pid] : [];
  } catch {
    return [];
  }
}

/** Waits for the server to stop, which a command asks it to do when it leaves. */
export async function stopped(ground: Ground, state: string): Promise<void> {
  await serverGone(state, ground.signal);
}

async function serverGone(state: string, signal?: AbortSignal): Promise<void> {
  const untilMs = Date.now() + STOP_MAX_MS;
  while (existsSync(join(state, 'data', 'postmaster.pid'))) {
    if (Date.now() > untilMs) throw new Error(`the server of ${state} still runs after ${STOP_MAX_MS / 1000} s`);
    await sleep(POLL_MS, undefined, { signal });
  }
}

/**
 * Removes a directory of the benchmark once no server runs in it: a command that was killed leaves its server to a
 * guard, and at worst to the next command. What still runs then is left where it is, and said.
 */
export async function removeWithStates(dir: string, say: (line: string) => void): Promise<void> {
  try {
    for (const name of readdirSync(dir)) {
      const state = join(dir, name);
      await serverGone(state).catch(async () => {
        spawnSync(PROGRAM, ['volumes'], { env: { ...process.env, ...environmentOf(state) }, stdio: 'ignore' });
        await serverGone(state);
      });
    }
    // Node's own rm keeps all names in memory: 30 snapshots of a million files are more than it may have.
    const { status, stderr } = spawnSync('rm', ['-rf', '--', dir], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  } catch (error) {
    say(`${dir} is left: ${(error as Error).message}`);
  }
}

/** Runs a command that is no measurement. Throws where it fails. */
export async function call(ground: Ground, command: Command, state: string): Promise<number> {
  const { seconds, trouble } = await run(ground, command);
  if (trouble !== null) throw new Error(`${command.argv.slice(1).join(' ')}: ${trouble}`);
  await stopped(ground, state);
  return seconds;
}

/**
 * A state directory whose database is made and empty: made once, then copied, because that is done once in the life of
 * a state directory.
 */
export async function emptyState(ground: Ground, name: string): Promise<string> {
  const made = join(ground.dir, 'empty');
  if (!existsSync(made)) await call(ground, rollcall(made, ['volumes']), made);
  const state = join(ground.dir, name);
  await copyState(ground, made, state);
  return state;
}

/** In the place of what is there. */
export async function copyState(ground: Ground, from: string, state: string): Promise<void> {
  await make(ground, 'rm', ['-rf', '--', state]);
  await make(ground, 'cp', ['-a', '--', from, state]);
  // On a disk it is written out now, not while somebody is timed.
  await make(ground, 'sync', ['-f', state]);
}

/** An assessment that finds every one of so many files intact (or says what it found). Null: however many there are. */
export function assess(
  ground: Ground,
  {
    name,
    state,
    live,
    backup,
  }: { readonly name: string; readonly state: string; readonly live: string; readonly backup: string },
  files: number | null,
): Subject {
  return {
    name,
    command: () => rollcall(state, ['assess', '--live', live, '--backup', backup, '--json']),
    check: (output) => wrongIn(output, files),
    after: () => stopped(ground, state),
  };
}

/** A first assessment: each into an empty catalog. */
export function firstAssess(
  ground: Ground,
  {
    name = 'rollcall assess',
    live,
    backup,
  }: { readonly name?: string; readonly live: string; readonly backup: string },
  files: number | null,
): Subject {
  const state = join(ground.dir, 'first');
  return {
    ...assess(ground, { name, state, live, backup }, files),
    before: async () => void (await emptyState(ground, 'first')),
  };
}

/** Judging once more what the catalog holds, without a scan, in a process of its own: all of these files intact. */
export function judgeOnly(ground: Ground, state: string, files: number): Subject {
  return {
    name: 'judge',
    command: () => ({
      ...rollcall(state, []),
      argv: [process.execPath, '--import', 'tsx', JUDGE, state, String(files)],
      cwd: REPOSITORY,
    }),
    after: () => stopped(ground, state),
    timed: Number,
  };
}

/** A fast answer about other files is no answer. */
function wrongIn(output: string, files: number | null): string | null {
  const { universe, incomplete } = JSON.parse(output) as {
    readonly universe: { readonly files: number };
    readonly incomplete: readonly string[];
  };
  if (files !== null && universe.files !== files) return `it judged ${universe.files} files of ${files}`;
  if (universe.files === 0) return 'it judged no file';
  return incomplete.length > 0 ? `it is incomplete: ${incomplete[0]}` : null;
}

/** The server is held by this process while the work runs: warm for others, and open to questions. */
export async function withSession<T>(
  ground: Ground,
  state: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(
    { stateDir: state, databaseUrl: null, pgBin: null },
    { now: Date.now, log: ground.say, applicationName: 'rollcall bench' },
  );
  try {
    return await work(session);
  } finally {
    await session.close();
    await stopped(ground, state);
  }
}

export interface Room {
  readonly versions: number;
  readonly bytes: number;
}

/** What file versions take, with their indexes. */
export async function roomOf(ground: Ground, state: string): Promise<Room> {
  return withSession(ground, state, async ({ db }) => {
    const { rows } = await db.pool.query<{ versions: string; bytes: string }>(
      `select count(*)::text as versions, pg_total_relation_size('packed_version')::text as bytes from packed_version`,
    );
    return { versions: Number(rows[0]?.versions), bytes: Number(rows[0]?.bytes) };
  });
}
