// The server process: where its socket lies, how it is started and stopped. Postgres itself guards the data directory with postmaster.pid;
// nobody here deletes that file.
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
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import type { Binaries } from './binaries.ts';
import { closedError, dataDirectory } from './cluster.ts';
import { aboutState, closedAncestor } from './state-directory.ts';

export const PORT = 5432;

// sockaddr_un holds 107 bytes and a NUL; `/.s.PGSQL.5432` takes 14 of them.
const SOCKET_DIRECTORY_MAX = 92;

const LOG_MAX = 4 * 1024 * 1024;

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
  // fsync and synchronous_commit stay on: a scan that was called complete must be complete after a power cut. (Only the threads' own
  // connections commit shards without waiting: catalog/database.ts.)
  jit: 'off',
  // A container's /dev/shm is often 64 MB, and a parallel hash join then fails with "no space left".
  dynamic_shared_memory_type: 'mmap',
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
  const { uid, gid } = statSync(dataDirectory(state));
  return { uid, gid };
}

/** The directory of the socket: in the state directory where the path is short enough, else a short one of ours. Same answer every time. */
export function socketDirectory(state: string): string {
  const near = join(state, 'run');
  if (Buffer.byteLength(near) <= SOCKET_DIRECTORY_MAX) return near;
  const mark = createHash('sha256').update(state).digest('hex').slice(0, 16);
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? `/run/rollcall/${mark}` : `/tmp/rollcall-${uid}-${mark}`;
}

export function socketExists(state: string): boolean {
  return existsSync(join(socketDirectory(state), `.s.PGSQL.${PORT}`));
}

function makeSocketDirectory(state: string): string {
  const directory = socketDirectory(state);
  const ids = serverIds(state);
  aboutState(state, () => {
    if (dirname(directory) === '/run/rollcall') mkdirSync('/run/rollcall', { recursive: true, mode: 0o711 });
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    // In /tmp somebody else may have been there first.
    const found = lstatSync(directory);
    const mine = found.isDirectory() && [process.getuid?.(), ids?.uid].includes(found.uid);
    if (!mine) {
      throw new RollcallError(`${directory}, where the database's socket belongs, is another user's`, {
        next: 'remove it, or choose a state directory with a shorter path (--state-dir)',
      });
    }
    if (dirname(directory) === '/run/rollcall') chmodSync('/run/rollcall', 0o711);
    chmodSync(directory, 0o700);
    if (ids !== null) chownSync(directory, ids.uid, ids.gid);
  });
  return directory;
}

/** The id in postmaster.pid; null if there is no such file. It may be stale. */
export function postmasterPid(state: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(join(dataDirectory(state), 'postmaster.pid'), 'utf8'), 10);
    return Number.isNaN(pid) || pid <= 0 ? null : pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * A process that has the id in postmaster.pid but works elsewhere: the id was given away again after a crash. Postgres would take it for
 * a server that runs. Told that this process is its grandparent (what pg_ctl does with its own caller's), it looks on, and still checks
 * by the shared memory that no server is alive before it replaces the file itself.
 */
function recycledPid(state: string): number | null {
  const pid = postmasterPid(state);
  if (pid === null) return null;
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === dataDirectory(state) ? null : pid;
  } catch {
    return null;
  }
}

export function logPath(state: string): string {
  return join(state, 'postgres.log');
}

function openLog(state: string): number {
  return aboutState(state, () => {
    const path = logPath(state);
    if (existsSync(path) && statSync(path).size > LOG_MAX) renameSync(path, `${path}.1`);
    return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW, 0o600);
  });
}

export interface Starting {
  readonly child: ChildProcess;
  /** What this process has written to the log so far. */
  readonly says: () => string;
}

/** Starts a server that outlives this process and hears none of its terminal's signals. It ends at once if another one has the data. */
export function startServer(state: string, { bin }: Binaries): Starting {
  const data = dataDirectory(state);
  const directory = makeSocketDirectory(state);
  const recycled = recycledPid(state);
  const log = openLog(state);
  try {
    const from = fstatSync(log).size;
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
    child.on('error', () => {});
    child.unref();
    return { child, says: () => linesOf(readFrom(logPath(state), from), child.pid) };
  } finally {
    closeSync(log);
  }
}

function readFrom(path: string, from: number): string {
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(Math.max(fstatSync(file).size - from, 0), 256 * 1024));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}

/** Lines with this process's id, and those with none (what the loader of libraries says). Others start servers into the same log. */
function linesOf(text: string, pid: number | undefined): string {
  return text
    .split('\n')
    .filter((line) => {
      const of = /^\S+ \S+ \S+ \[(\d+)\] /.exec(line)?.[1];
      return of === undefined || Number(of) === pid;
    })
    .join('\n');
}

/** Why a server ended: null where another one has, or has just had, the data directory, which is no error. */
export function startFailure(state: string, { child, says }: Starting): RollcallError | null {
  const text = says();
  const ids = serverIds(state);
  if (
    /lock file ".*" already exists|pre-existing shared memory block|is in use|could not create any Unix-domain sockets/.test(
      text,
    )
  )
    return null;
  // Asked to stop before it was ready: by who left last.
  if (child.exitCode === 0 || /shut down|shutting down/.test(text)) return null;
  const closed =
    ids !== null && (child.pid === undefined || /Permission denied/.test(text)) ? closedAncestor(state) : null;
  if (closed !== null) return closedError(closed, `with uid ${ids?.uid}`);
  const fatal = text.split('\n').findLast((line) => /(FATAL|PANIC|ERROR|error).*?:/.test(line));
  const why =
    fatal?.replace(/^.*?\] (LOG|FATAL|PANIC|ERROR): +/, '') ??
    `it ended with ${child.signalCode ?? child.exitCode ?? 'no program'}`;
  return new RollcallError(`the database in ${state} does not start: ${why}`, {
    next: /No space left/.test(text)
      ? `free space on the file system of ${state}, then run the same command again`
      : `read ${logPath(state)}; DATABASE_URL names another server, --state-dir another directory (${basename(state)} is kept)`,
  });
}

/** Asks the server to shut down: clients are cut off, everything committed is flushed. Returns whether there was one to ask. */
export function stopServer(state: string): boolean {
  const pid = postmasterPid(state);
  if (pid === null) return false;
  try {
    process.kill(pid, 'SIGINT');
    return true;
  } catch {
    return false;
  }
}
