// The database cluster in the state directory: made once, whole or not at all, with one database and one role,
// which is no superuser. It may make databases: a demonstration has one of its own, and so has every test.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import type { Binaries } from './binaries.ts';
import type { ServerUser } from './server-user.ts';
import { aboutState, closedAncestor } from './state-directory.ts';

/** Role and database have one name. */
export const ROLE = 'rollcall';

// Inside the data directory, so that password and role appear together when the directory is renamed into place.
const PASSWORD_FILE = 'rollcall.password';

export function dataDirectory(state: string): string {
  return join(state, 'data');
}

export function clusterExists(state: string): boolean {
  return existsSync(join(dataDirectory(state), PASSWORD_FILE));
}

export function readPassword(state: string): string {
  const password = aboutState(state, () => readFileSync(join(dataDirectory(state), PASSWORD_FILE), 'utf8').trim());
  if (password === '') throw damaged(state, `its ${PASSWORD_FILE} is empty`);
  return password;
}

/** What helps where the data itself is no longer what it was. */
export const BEGIN_ANEW =
  'put your copy of the state directory back, or begin a new one with --state-dir (the volumes are not touched by either)';

/** Somebody or something was at the data directory. */
export function damaged(state: string, how: string, cause?: unknown): RollcallError {
  return new RollcallError(`the database in ${state} was damaged or altered: ${how}`, {
    next: BEGIN_ANEW,
    cause,
  });
}

/** Refuses a cluster that another major version of Postgres made: its files mean something else. */
export function refuseOtherMajor(state: string, { major }: Binaries, binDir: string | undefined): void {
  const text = aboutState(state, () => {
    try {
      return readFileSync(join(dataDirectory(state), 'PG_VERSION'), 'utf8').trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged(state, 'its PG_VERSION is missing', error);
      throw error;
    }
  });
  if (text === String(major)) return;
  if (!/^\d+$/.test(text)) throw damaged(state, 'its PG_VERSION holds no version');
  const use = `set ROLLCALL_PG_BIN to the programs of Postgres ${text}`;
  throw new RollcallError(
    `the database in ${state} was made by Postgres ${text}; these programs are version ${major}`,
    {
      next: `${binDir === undefined ? use : `leave ROLLCALL_PG_BIN out, or ${use}`}, or choose another state directory with --state-dir`,
    },
  );
}

/** What Postgres puts before a message: time, process, level. */
export const LOG_PREFIX = /^.*?\] (?:LOG|FATAL|PANIC|ERROR): +/;

function run(program: string, args: readonly string[], user: ServerUser | null, state: string, input = ''): void {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    input,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    ...(user === null ? {} : { uid: user.uid, gid: user.gid }),
  });
  if (done.error !== undefined) {
    const { code } = done.error as NodeJS.ErrnoException;
    const closed = user === null ? null : closedAncestor(state);
    if (code === 'EACCES' && closed !== null) throw closedError(closed, user?.name ?? '');
    throw new RollcallError(`${program} cannot be run: ${done.error.message}`, {
      next: 'name a Postgres server in DATABASE_URL, or the directory of its programs in ROLLCALL_PG_BIN',
      cause: done.error,
    });
  }
  const text = `${done.stderr}\n${done.stdout}`;
  // `postgres --single` ends with 0 even after an error.
  if (done.status === 0 && !/\b(ERROR|FATAL|PANIC):/.test(done.stderr)) return;
  if (/does not exist/.test(text) && /effective user ID/.test(text)) {
    throw new RollcallError('this user has no entry in passwd, and Postgres does not run without one', {
      next: 'run Rollcall as a user that has a name, or name a server in DATABASE_URL',
    });
  }
  const says =
    text.split('\n').find((line) => /error:|ERROR:|FATAL:|PANIC:/.test(line)) ??
    `it ended with ${done.status ?? done.signal}`;
  const closed = user !== null && /Permission denied/.test(text) ? closedAncestor(state) : null;
  if (closed !== null) throw closedError(closed, user?.name ?? '');
  throw new RollcallError(`the database could not be created in ${state}: ${says.replace(LOG_PREFIX, '').trim()}`, {
    next: /No space left/.test(text)
      ? 'free 150 MB there, or choose another directory with --state-dir'
      : 'choose another directory with --state-dir, or name a server in DATABASE_URL',
  });
}

/** The server's user cannot come to the state directory. */
export function closedError(closed: string, user: string): RollcallError {
  return new RollcallError(`the database runs as the user ${user}, which may not pass through ${closed}`, {
    next: `choose a state directory that is not below a closed one (--state-dir, ROLLCALL_STATE_DIR), or: chmod o+x ${closed}`,
  });
}

/** Whatever stands where the cluster belongs, and is none: nothing there is touched. */
function refuseOccupied(state: string): void {
  const data = dataDirectory(state);
  const holds = aboutState(state, () => (existsSync(data) ? readdirSync(data) : []));
  // Another command may have finished it in between.
  if (holds.length > 0 && !clusterExists(state)) throw damaged(state, `data/ lacks its ${PASSWORD_FILE}`);
}

/** Makes the cluster. Two that do it at once do no harm: the first rename wins, and the other's work is dropped. */
export function makeCluster(state: string, { bin }: Binaries, user: ServerUser | null): void {
  refuseOccupied(state);
  const fresh = join(state, `data.new-${process.pid}`);
  const own = (path: string) => {
    if (user !== null) chownSync(path, user.uid, user.gid);
  };
  try {
    aboutState(state, () => {
      rmSync(fresh, { recursive: true, force: true });
      mkdirSync(fresh, { mode: 0o700 });
      own(fresh);
    });
    run(
      join(bin, 'initdb'),
      [
        '-D',
        fresh,
        '-U',
        'postgres',
        '--auth=reject',
        '--locale=C',
        '--encoding=UTF8',
        '--data-checksums',
        '--no-instructions',
      ],
      user,
      state,
    );
    const password = randomBytes(24).toString('hex');
    // Single-user mode needs no authentication, so the superuser never gets a password and can never log in. The
    // password goes in on standard input, never on a command line. Of 192 random bits nobody guesses any, so that
    // stretching it would only slow each connection.
    run(
      join(bin, 'postgres'),
      [
        '--single',
        '-D',
        fresh,
        '-c',
        'log_statement=none',
        '-c',
        'log_min_error_statement=panic',
        '-c',
        'scram_iterations=1',
        'postgres',
      ],
      user,
      state,
      `create role ${ROLE} login createdb password '${password}'\ncreate database ${ROLE} owner ${ROLE}\n`,
    );
    aboutState(state, () => {
      const write = (name: string, text: string) => {
        const path = join(fresh, name);
        rmSync(path, { force: true });
        writeFileSync(path, text, { mode: 0o600, flush: true });
        own(path);
      };
      write('pg_hba.conf', `# One role, over the socket, by password.\nlocal all ${ROLE} scram-sha-256\n`);
      write(PASSWORD_FILE, `${password}\n`);
      renameSync(fresh, dataDirectory(state));
      const directory = openSync(state, 'r');
      fsyncSync(directory);
      closeSync(directory);
    });
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!clusterExists(state)) throw error;
  }
}
