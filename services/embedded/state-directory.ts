// The state directory: whose it is, which edition made it, and errors about it in the operator's words.
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { isAlive, startOf } from '../process/alive.ts';

/** What stands in STATE/VERSION. Raise it when the directory's shape changes, not when the catalog's schema does. */
const EDITION = 1;

const ELSEWHERE = 'choose another directory with --state-dir or ROLLCALL_STATE_DIR, or name a server in DATABASE_URL';

/**
 * How long a set-up that another process is at is waited for. On a machine with a load of 40 one took 70 s (2026-11-25,
 * two cores), and nine more at once, because nobody waited any longer, took 100 s together.
 */
const SETUP_MAX_MS = 300_000;

/** errno names that mean something to an operator, about this directory. */
const SAYS: Readonly<Record<string, string>> = {
  EACCES: 'may not be used by this user',
  ENOENT: 'cannot be made there',
  EPERM: 'may not be used by this user',
  EROFS: 'is on a read-only file system',
  ENOSPC: 'is on a file system that is full',
  EDQUOT: 'is over its quota',
  ENOTDIR: 'is not a directory, or is below something that is not one',
  EEXIST: 'is not a directory',
  ENAMETOOLONG: 'has a name that is too long',
  ELOOP: 'is or holds a link that is not followed',
  EIO: 'is on a file system that answers with input/output errors',
  EFBIG: 'may not get files of this size (ulimit -f unlimited lifts the limit)',
};

/** An errno name, as opposed to Node's own ERR_ codes, which are bugs of ours. */
const ERRNO = /^E(?!RR_)[A-Z0-9]+$/;

/** Runs fn; file system errors come out as a RollcallError about the state directory. */
export function aboutState<T>(stateDir: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof RollcallError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !ERRNO.test(code)) throw error;
    throw new RollcallError(
      `the state directory ${stateDir} ${SAYS[code] ?? 'cannot be used'}: ${(error as Error).message}`,
      {
        next: ELSEWHERE,
        cause: error,
      },
    );
  }
}

/**
 * Makes the state directory where it is missing, and refuses one that is not ours. As root it is 0711, because the
 * server runs as another user and must pass through; else 0700.
 * @returns its real path
 */
export function prepareStateDirectory(stateDir: string): string {
  return aboutState(stateDir, () => {
    const uid = process.getuid?.() ?? 0;
    const mode = uid === 0 ? 0o711 : 0o700;
    const made = makeDirectories(stateDir, mode);
    const state = realpathSync(stateDir);
    if (made !== undefined) openUpTo(realpathSync(made), state, mode);
    const owner = statSync(state).uid;
    if (owner !== uid) {
      throw new RollcallError(
        `the state directory ${state} belongs to the user with uid ${owner}, not to this one (${uid})`,
        {
          next: `run as that user, or ${ELSEWHERE}`,
        },
      );
    }
    accessSync(state, constants.R_OK | constants.W_OK | constants.X_OK);
    if (!readEdition(state)) {
      // Names of ours only, or nothing: several commands may be at this point at once.
      const foreign = readdirSync(state).find((name) => !name.startsWith('VERSION'));
      if (foreign !== undefined && !readEdition(state)) {
        throw new RollcallError(
          `${state} holds something else (${JSON.stringify(foreign)}) and is not a state directory of Rollcall`,
          {
            next: `name an empty or new directory: ${ELSEWHERE}`,
          },
        );
      }
      chmodSync(state, mode);
      const fresh = join(state, `VERSION.new-${process.pid}`);
      writeFileSync(fresh, `${EDITION}\n`, { mode: 0o600 });
      renameSync(fresh, join(state, 'VERSION'));
    }
    return state;
  });
}

/**
 * Makes a directory and what is missing above it. (The `recursive` of Node 20's mkdirSync never ends where the kernel
 * answers ENOENT below a directory that exists, as /proc does.)
 * @returns the topmost directory that was made; undefined if all were there
 */
function makeDirectories(path: string, mode: number): string | undefined {
  if (existsSync(path)) return undefined;
  const above = dirname(path);
  const made = above === path ? undefined : makeDirectories(above, mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Somebody else made it a moment ago, unless it is a link to what is not there.
    if (!existsSync(path)) throw new RollcallError(`${path} is a link that leads nowhere`, { next: ELSEWHERE });
    return made;
  }
  return made ?? path;
}

/** Whatever the umask says: directories that were made on the way must let the server's user pass, too. */
function openUpTo(made: string, state: string, mode: number): void {
  for (let at = state; at.length >= made.length; at = dirname(at)) chmodSync(at, mode);
}

/** Whether VERSION names this edition; false if there is none. Throws for any other. */
function readEdition(state: string): boolean {
  let text: string;
  try {
    text = readFileSync(join(state, 'VERSION'), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  if (text === String(EDITION)) return true;
  const newer = /^\d+$/.test(text) && Number(text) > EDITION;
  throw new RollcallError(
    newer
      ? `the state directory ${state} was made by a newer Rollcall (its edition is ${text}, this one knows ${EDITION})`
      : `the state directory ${state} is of an edition that this Rollcall does not know: ${JSON.stringify(text.slice(0, 40))}`,
    { next: newer ? `update Rollcall, or ${ELSEWHERE}` : ELSEWHERE },
  );
}

/**
 * The first directory on the way to path that others may not pass; null if there is none. What an ACL allows is not
 * seen here.
 */
export function closedAncestor(path: string): string | null {
  let closed: string | null = null;
  for (let at = path; ; at = dirname(at)) {
    if ((lstatSync(at).mode & 0o001) === 0) closed = at;
    if (at === dirname(at)) return closed;
  }
}

/**
 * Lets one process at a time do the costly part of the set-up. A kindness, not a guard: the set-up itself is safe when
 * two do it, so a lock that cannot be judged is ignored after a while.
 */
export async function oneAtATime(
  state: string,
  { now, pause }: { readonly now: () => number; readonly pause: () => Promise<void> },
  fn: () => Promise<void>,
): Promise<void> {
  const lock = join(state, 'setup.lock');
  const deadline = now() + SETUP_MAX_MS;
  let held = false;
  while (!held && now() < deadline) {
    try {
      writeFileSync(lock, `${process.pid} ${startOf(process.pid)}\n`, { flag: 'wx', mode: 0o600 });
      held = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        aboutState(state, () => {
          throw error;
        });
      }
      if (isAbandoned(lock, now())) rmSync(lock, { force: true });
      else await pause();
    }
  }
  try {
    await fn();
  } finally {
    if (held) rmSync(lock, { force: true });
  }
}

function isAbandoned(lock: string, nowMs: number): boolean {
  try {
    const [pid, start] = readFileSync(lock, 'utf8').trim().split(' ');
    // Between its making and its writing the file is empty for a moment.
    if (pid === undefined || start === undefined) return nowMs - statSync(lock).mtimeMs > 5_000;
    return !isAlive(Number(pid)) || startOf(Number(pid)) !== start;
  } catch {
    return false;
  }
}

/** Removes what set-ups that died have left: NAME.new-PID whose process is gone, or whose id has come to be ours. */
export function removeLeftovers(state: string): void {
  for (const name of readdirSync(state)) {
    const pid = Number(/\.new-(\d+)$/.exec(name)?.[1]);
    if (!Number.isInteger(pid) || (pid !== process.pid && isAlive(pid))) continue;
    try {
      // The initdb of a command that was killed lives on for a moment and writes there; without its directory it ends.
      rmSync(join(state, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    } catch {
      // It takes room and does no harm; the next set-up tries again.
    }
  }
}
