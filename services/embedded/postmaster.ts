// Whose process the id in postmaster.pid is. The file outlives a server that is killed, and its id is given away again,
// or means another process in another container; so it is believed only together with what /proc says. Nobody here
// deletes the file: Postgres guards the data directory with it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirectory } from './cluster.ts';

function firstLineNumber(path: string): number | null {
  try {
    const number = Number.parseInt(readFileSync(path, 'utf8'), 10);
    return Number.isNaN(number) || number <= 0 ? null : number;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The id in postmaster.pid; null if there is no such file. It may be stale. */
export function postmasterPid(state: string): number | null {
  return firstLineNumber(join(dataDirectory(state), 'postmaster.pid'));
}

/**
 * ours: a server of this state directory. other: something else, or a zombie. unseen: no process that this one may see.
 */
function whoseIs(pid: number, state: string): 'ours' | 'other' | 'unseen' {
  try {
    // Not /proc/PID/cwd: root in a container may not read that of another user's process.
    const [, option, data] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return option === '-D' && data === dataDirectory(state) ? 'ours' : 'other';
  } catch {
    return 'unseen';
  }
}

/** The id of the server that runs on this state directory, as far as this process can see it. */
export function runningServer(state: string): number | null {
  const pid = postmasterPid(state);
  return pid !== null && whoseIs(pid, state) === 'ours' ? pid : null;
}

/** Whether a server of this state directory is to be seen, also one that has not come so far as to write its id. */
export function serverIsSeen(state: string): boolean {
  return (
    runningServer(state) !== null ||
    readdirSync('/proc').some((name) => /^\d+$/.test(name) && whoseIs(Number(name), state) === 'ours')
  );
}

/**
 * An id in a lock file of the server that now belongs to somebody else, or to a dead server that nobody has waited for.
 * Postgres would take it for a server that runs. Told that this process is its grandparent (what pg_ctl does with its
 * own caller's), it looks on, and still checks by the shared memory that no server is alive before it replaces the file
 * itself.
 */
export function recycledPid(state: string, socketLock: string): number | null {
  const pid = postmasterPid(state) ?? firstLineNumber(socketLock);
  return pid !== null && whoseIs(pid, state) === 'other' ? pid : null;
}
