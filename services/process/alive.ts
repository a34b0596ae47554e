// Whether a process that has left its number somewhere still runs, and whether the number is still its own.
import { readFileSync } from 'node:fs';

/**
 * Whether a process with this id exists, whosever it is. One that was killed and that nobody has asked after yet (a
 * zombie; for ever, in a container whose first process is no init) does not.
 */
export function isAlive(pid: number): boolean {
  const [state] = statOf(pid);
  if (state !== undefined) return state !== 'Z' && state !== 'X';
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * When a process began, in ticks since the machine did: an id alone is given away again, in a container (where the
 * first process is always number 1) at every start. Empty where /proc does not tell.
 */
export function startOf(pid: number): string {
  return statOf(pid)[19] ?? '';
}

/**
 * What follows the program's name in /proc/PID/stat (proc_pid_stat(5)), the state first; the name, in brackets, may
 * hold anything.
 */
function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
