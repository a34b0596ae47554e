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
  return aboutState(state, () => readFileSync(join(dataDirectory(state), PASSWORD_FILE), 'utf8').trim());
}

/** Refuses a cluster that another major version of Postgres made: its files mean something else. */
export function refuseOtherMajor(state: string, { major }: Binaries): void {
  const text = aboutState(state, () => readFileSync(join(dataDirectory(state), 'PG_VERSION'), 'utf8').trim());
  if (text === String(major)) return;
  throw new RollcallError(
    `the database in ${state} was made by Postgres ${text}; these programs are version ${major}`,
    {
      next: `set ROLLCALL_PG_BIN to the programs of Postgres ${text}, or choose another state directory with --state-dir`,
    },
  );
}

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
  throw new RollcallError(`the database could not be made in ${state}: ${says.trim()}`, {
    next: /No space left/.test(text)
      ? 'free about 100 MB there, or choose another directory with --state-dir'
      : 'choose another directory with --state-dir, or name a server in DATABASE_URL',
  });
}

/** The server's user cannot come to the state directory. */
export function closedError(closed: string, user: string): RollcallError {
  return new RollcallError(`the database runs as the user ${user}, which may not pass through ${closed}`, {
    next: `choose a state directory that is not below a closed one (--state-dir, ROLLCALL_STATE_DIR), or: chmod o+x ${closed}`,
  });
}

/** Makes the cluster. Two that do it at once do no harm: the first rename wins, and the other's work is dropped. */
export function makeCluster(state: string, { bin }: Binaries, user: ServerUser | null): void {
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
    // Single-user mode needs no authentication, so the superuser never gets a password and can never log in. The password goes in on
    // standard input, never on a command line.
    run(
      join(bin, 'postgres'),
      ['--single', '-D', fresh, '-c', 'log_statement=none', '-c', 'log_min_error_statement=panic', 'postgres'],
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
