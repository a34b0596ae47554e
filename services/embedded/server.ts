// The server process: where its socket lies, how it is started and stopped.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import type { Binaries } from './binaries.ts';
import { dataDirectory } from './cluster.ts';
import { recycledPid, runningServer } from './postmaster.ts';
import { aboutState } from './state-directory.ts';

export const PORT = 5432;

// sockaddr_un holds 107 bytes and a NUL; `/.s.PGSQL.5432` takes 14 of them.
const SOCKET_DIRECTORY_MAX = 92;

const RUN = '/run/rollcall';
const SHORTER = 'choose a state directory with a shorter path (--state-dir)';

const LOG_MAX = 4 * 1024 * 1024;
/** What a server that does not start says is shorter. */
const SAYS_MAX = 256 * 1024;

/** For bulk COPY on one machine by a few dozen connections. What is not said here is Postgres' own default. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  port: String(PORT),
  unix_socket_permissions: '0700',
  max_connections: '120',
  shared_buffers: '128MB',
  work_mem: '32MB',
  maintenance_work_mem: '128MB',
  // Nobody replicates or archives this server.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // fsync and synchronous_commit stay on: a scan that was called complete must be complete after a power cut. (Only the
  // threads' own connections commit shards without waiting: catalog/database.ts.)
  jit: 'off',
  // A container's /dev/shm is often 64 MB, and a parallel hash join then fails with "no space left".
  dynamic_shared_memory_type: 'mmap',
  // What its processes share in small pieces takes no file then: on a full disk one that cannot be made ends them
  // (segmentation fault).
  min_dynamic_shared_memory: '8MB',
  max_logical_replication_workers: '0',
  // The query of a client that was killed ends by itself.
  client_connection_check_interval: '10s',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Owner of the data directory: who the server runs as. Asks no user database, so it holds when the name is gone. */
function serverIds(state: string): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const data = dataDirectory(state);
  const { uid, gid } = statSync(data);
  if (uid !== 0) return { uid, gid };
  throw new RollcallError(`${data} belongs to root, and Postgres does not run as root`, {
    next: `give it back to the user who had it, with all that is in it: chown -R rollcall: ${data}`,
  });
}

/**
 * The directory of the socket: in the state directory where the path is short enough, else a short one of ours. Same
 * answer every time.
 */
export function socketDirectory(state: string): string {
  const near = join(state, 'run');
  if (Buffer.byteLength(near) <= SOCKET_DIRECTORY_MAX) return near;
  const mark = createHash('sha256').update(state).digest('hex').slice(0, 16);
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? join(RUN, mark) : `/tmp/rollcall-${uid}-${mark}`;
}

function socketPath(state: string): string {
  return join(socketDirectory(state), `.s.PGSQL.${PORT}`);
}

export function socketExists(state: string): boolean {
  return existsSync(socketPath(state));
}

function makeSocketDirectory(state: string): string {
  const directory = socketDirectory(state);
  const ids = serverIds(state);
  // In the state directory, trouble is the state directory's; else it is that of the other place.
  const about = <T>(fn: () => T): T =>
    dirname(directory) === state ? aboutState(state, fn) : aboutSocket(directory, state, fn);
  about(() => {
    if (dirname(directory) === RUN) mkdirSync(RUN, { recursive: true, mode: 0o711 });
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // In /tmp somebody else may have been there first.
    const found = lstatSync(directory);
    const mine = found.isDirectory() && [process.getuid?.(), ids?.uid].includes(found.uid);
    if (!mine) {
      throw new RollcallError(`${directory}, where the database's socket belongs, is not a directory of this user`, {
        next: `remove it, or ${SHORTER}`,
      });
    }
    if (dirname(directory) === RUN) chmodSync(RUN, 0o711);
    chmodSync(directory, 0o700);
    if (ids !== null) chownSync(directory, ids.uid, ids.gid);
  });
  return directory;
}

/** A path too long for a socket has it elsewhere; what is wrong there is said of there. */
function aboutSocket<T>(directory: string, state: string, fn: () => T): T {
  try {
    return fn();
  } catch (cause) {
    if (cause instanceof RollcallError) throw cause;
    const says = `the path of ${state} is too long for the database's socket, and ${directory} cannot be used instead`;
    throw new RollcallError(`${says}: ${(cause as Error).message}`, { next: SHORTER, cause });
  }
}

export function logPath(state: string): string {
  return join(state, 'postgres.log');
}

function openLog(state: string): number {
  return aboutState(state, () => {
    const path = logPath(state);
    try {
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_MAX) renameSync(path, `${path}.1`);
    } catch (error) {
      // Another command has just done it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  });
}

export interface Starting {
  readonly child: ChildProcess;
  /** What this process has written to the log so far. */
  readonly says: () => string;
  /** What was written to the log since it was started, by the server's own children and by others. */
  readonly all: () => string;
  /** Why there is no process; null where there was one. */
  readonly spawnError: () => Error | null;
}

/**
 * Starts a server that outlives this process and hears none of its terminal's signals. It ends at once if another one
 * has the data.
 */
export function startServer(state: string, { bin }: Binaries): Starting {
  const data = dataDirectory(state);
  const directory = makeSocketDirectory(state);
  const recycled = recycledPid(state, `${socketPath(state)}.lock`);
  const log = openLog(state);
  try {
    const { size: from, ino } = fstatSync(log);
    const settings = { ...SETTINGS, unix_socket_directories: directory };
    const child = spawn(
      join(bin, 'postgres'),
      ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      {
        detached: true,
        stdio: ['ignore', log, log],
        cwd: '/',
        env: {
          PATH: '/usr/bin:/bin',
          LC_ALL: 'C',
          TZ: 'UTC',
          ...(recycled === null ? {} : { PG_GRANDPARENT_PID: String(recycled) }),
        },
        ...serverIds(state),
      },
    );
    let spawnError: Error | null = null;
    child.on('error', (error) => {
      spawnError = error;
    });
    child.unref();
    // The next command may have renamed it meanwhile.
    const all = (): string => {
      const path = [logPath(state), `${logPath(state)}.1`].find(
        (each) => statSync(each, { throwIfNoEntry: false })?.ino === ino,
      );
      return path === undefined ? '' : readFrom(path, from, SAYS_MAX);
    };
    return { child, all, says: () => linesOf(all(), child.pid), spawnError: () => spawnError };
  } finally {
    closeSync(log);
  }
}

/** The end of the log. */
export function endOfLog(state: string): string {
  const path = logPath(state);
  return readFrom(path, Math.max(statSync(path).size - LOG_MAX, 0), LOG_MAX);
}

function readFrom(path: string, from: number, bytesMax: number): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(Math.max(fstatSync(file).size - from, 0), bytesMax));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}

/**
 * Lines with the id of this process or of its child that replays the log, and those with none (what the loader of
 * libraries says). Others start servers into the same log.
 */
function linesOf(text: string, pid: number | undefined): string {
  const replays = Number(/startup process \(PID (\d+)\)/.exec(text)?.[1]);
  return text
    .split('\n')
    .filter((line) => {
      const of = /^\S+ \S+ \S+ \[(\d+)\] /.exec(line)?.[1];
      return of === undefined || Number(of) === pid || Number(of) === replays;
    })
    .join('\n');
}

/**
 * Asks the server to shut down: clients are cut off, everything committed is flushed. Returns whether there was one to
 * ask.
 */
export function stopServer(state: string): boolean {
  const pid = runningServer(state);
  if (pid === null) return false;
  try {
    process.kill(pid, 'SIGINT');
    return true;
  } catch {
    return false;
  }
}
