// Why a server did not start, or breaks off, and what an operator does about it.
import { statfsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { BEGIN_ANEW, closedError, dataDirectory, LOG_PREFIX } from './cluster.ts';
import { endOfLog, logPath, type Starting } from './server.ts';
import { closedAncestor } from './state-directory.ts';

/** A server that cannot write a page of its own has no room, whatever it says. */
const ROOM_MIN = 64 * 1024;
/** Postgres writes ahead in files of this size, and breaks off where the next one cannot be made. */
const SEGMENT_BYTES = 16 * 1024 * 1024;
/** A full file system takes not even the line of the log that says so. */
const FULL = 'No space left on device';
const NO_SPACE = /No space left|Disk quota exceeded/;
/**
 * A server makes its lock file empty and fills it at once; one that stays empty is what a machine that stopped in that
 * moment leaves.
 */
const EMPTY_LOCK = /lock file "(.+)" is empty/;
const EMPTY_LOCK_MAX_MS = 10_000;

/** What Postgres says, and what helps. The first that fits. */
const NEXT: readonly (readonly [RegExp, (state: string) => string])[] = [
  [NO_SPACE, (state) => `free space on the file system of ${state}, then run the same command again`],
  [
    /File (too large|size limit exceeded)/,
    () => 'lift the limit of file sizes (ulimit -f unlimited), then run the same command again',
  ],
  [/invalid permissions/, (state) => `chmod 700 ${dataDirectory(state)}`],
  [/Too many open files|insufficient file descriptors/, () => 'raise the limit of open files: ulimit -n 65536'],
  [
    /could not fork|Resource temporarily unavailable|EAGAIN/,
    () => "raise the limit of processes (ulimit -u) of the database's user",
  ],
  [
    /Cannot allocate memory|could not (create|map anonymous|resize) shared memory/,
    () => 'give it memory: about 300 MB, also within ulimit -v and the limits of a container',
  ],
  [
    /incompatible with server/,
    () =>
      'use the Rollcall, or with ROLLCALL_PG_BIN the programs of Postgres, that made it, or another directory with --state-dir',
  ],
  [
    /shared librar|symbol lookup|GLIBC|Exec format/,
    () => 'name programs that run on this machine in ROLLCALL_PG_BIN, or a server in DATABASE_URL',
  ],
  [
    /Permission denied/,
    (state) =>
      `give its files back to the database's user: chown -R ${ownerOf(dataDirectory(state))} ${dataDirectory(state)}`,
  ],
  [
    /pg_control|control file|find the database system|checkpoint record|PANIC|directory ".*" does not exist|could not open file|invalid page|bogus data/,
    () => BEGIN_ANEW,
  ],
];

function ownerOf(path: string): string {
  const { uid, gid } = statSync(path);
  return `${uid}:${gid}`;
}

/** Why a server ended: null where another one has, or has just had, the data directory, which is no error. */
export function startFailure(
  state: string,
  { child, says, all, spawnError }: Starting,
  nowMs: number,
): RollcallError | null {
  // The recovery of what was cut off is a process of its own, whose end is the server's: a full disk shows there.
  const text = /due to startup process failure/.test(says()) ? all() : says();
  if (
    /lock file ".*" already exists|pre-existing shared memory block|could not create any Unix-domain sockets/.test(text)
  )
    return null;
  const emptyLock = EMPTY_LOCK.exec(text)?.[1];
  if (emptyLock !== undefined) return emptyLockFailure(state, resolve(dataDirectory(state), emptyLock), nowMs);
  // Asked to stop before it was ready: by who left last.
  if (child.exitCode === 0 || /received (smart|fast|immediate) shutdown request/.test(text)) return null;
  const neverRan = spawnError();
  const asRoot = process.getuid?.() === 0;
  const closed = asRoot && (neverRan !== null || /Permission denied/.test(text)) ? closedAncestor(state) : null;
  if (closed !== null) return closedError(closed, `with uid ${statSync(dataDirectory(state)).uid}`);
  const lines = text.split('\n');
  const fatal =
    lines.findLast(
      (line) => /(FATAL|PANIC|ERROR|error).*?:/.test(line) && !/FATAL: +the database system is/.test(line),
    ) ?? lines.findLast((line) => /^postgres: |terminated by signal|could not fork/.test(line));
  const full = fatal === undefined && roomOf(state) < ROOM_MIN ? FULL : null;
  const why =
    fatal?.replace(LOG_PREFIX, '') ??
    full ??
    neverRan?.message ??
    `it ended with ${child.signalCode ?? child.exitCode ?? 'no program'}`;
  const next = NEXT.find(([pattern]) => pattern.test(`${why}\n${text}`))?.[1];
  return new RollcallError(`the database in ${state} does not start: ${why}`, {
    next:
      next?.(state) ??
      `read ${logPath(state)}; DATABASE_URL names another server, --state-dir another directory (${basename(state)} is kept)`,
  });
}

/**
 * Null while another server that starts may still fill it. Postgres leaves the file to a person, and so does Rollcall.
 */
function emptyLockFailure(state: string, path: string, nowMs: number): RollcallError | null {
  const lock = statSync(path, { throwIfNoEntry: false });
  if (lock === undefined || lock.size > 0 || Math.abs(nowMs - lock.mtimeMs) < EMPTY_LOCK_MAX_MS) return null;
  return new RollcallError(
    `the database in ${state} does not start: its lock file ${path} is empty, as after a power cut while it started`,
    { next: `if no server uses ${state} (also in no other container), remove the file: rm ${path}` },
  );
}

/**
 * Why a server stopped by itself: no room for what it writes ahead, or for the memory that its processes share. It
 * recovers, and breaks off at the next write or connection. Null unless nothing is left, or little is and its log says
 * so: a server that is killed, however often, is waited for.
 */
export function outOfRoom(state: string): RollcallError | null {
  const room = Math.min(roomOf(state), roomOf(join(dataDirectory(state), 'pg_wal')));
  if (room >= SEGMENT_BYTES) return null;
  const said = endOfLog(state)
    .split('\n')
    .findLast((line) => /(PANIC|FATAL|ERROR):/.test(line) && NO_SPACE.test(line));
  if (said === undefined && room >= ROOM_MIN) return null;
  return new RollcallError(`the database in ${state} stopped: ${said?.replace(LOG_PREFIX, '') ?? FULL}`, {
    next: `free space on the file system of ${state}, then run the same command again: it continues`,
  });
}

/** Bytes that the server may still write there. */
function roomOf(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
