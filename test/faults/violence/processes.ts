// Who runs: the processes below one, and those that have to do with a directory.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** Every process that is no zombie. */
function processes(): Running[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The name in parentheses may hold anything.
      const [state = '', parent = '', group = ''] = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (state === 'Z' || state === 'X') return [];
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), parent: Number(parent), group: Number(group), command }];
    } catch {
      // It ended meanwhile.
      return [];
    }
  });
}

export function childrenOf(pid: number): Running[] {
  return processes().filter(({ parent }) => parent === pid);
}

/** Of a process group, whoever is left of it. */
export function inGroup(group: number): Running[] {
  return processes().filter((each) => each.group === group);
}

/**
 * Those that were started with a path in the directory, and those that are at work in it, as every process of Postgres
 * is.
 */
export function processesIn(directory: string): Running[] {
  return processes().filter(({ pid, command }) => {
    if (pid === process.pid) return false;
    if (command.includes(directory)) return true;
    try {
      return readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
    } catch {
      return false;
    }
  });
}

export function isAlive(pid: number): boolean {
  return processes().some((each) => each.pid === pid);
}

/** Sends a signal to a process (or with a minus its group) that may have ended. @returns whether it was there */
export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}
