// A command of this machine. The catalog holds a name only; what runs lies in a directory that only root can change,
// and gets ids: who can write the catalog, or name a file, chooses neither what runs nor what it is given.
import { spawn } from 'node:child_process';
import { lstatSync, type Stats } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { NotDelivered } from './request.ts';
import type { Told } from './told.ts';

export interface CommandPlace {
  readonly directory: string;
  /** Who must own the program and the directories above it: root, but in tests that are not root's. */
  readonly owner: number;
  readonly timeLimitMs: number;
}

export const COMMANDS: CommandPlace = { directory: '/etc/rollcall/hooks.d', owner: 0, timeLimitMs: 60_000 };

const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[A-Za-z0-9_-]{1,16})?$/;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
const EXECUTES = 0o111;

/** @throws NotDelivered for a program that may not run, fails, or takes too long (then its process group is killed) */
export async function runCommand(
  told: Told,
  { program, place, signal }: { readonly program: string; readonly place: CommandPlace; readonly signal: AbortSignal },
): Promise<void> {
  const path = checkedProgram(program, place);
  const end = await ended(path, { told, place, signal });
  if (end !== null) throw new NotDelivered(`the program ${end}`);
}

/** @throws NotDelivered with what has to be put right */
export function checkedProgram(program: string, { directory, owner }: CommandPlace): string {
  if (!NAME.test(program))
    throw new NotDelivered(`a command is the plain name of a program in ${directory}, of letters, digits, _ and -`);
  const path = join(directory, program);
  const refuse = (at: string, why: string): NotDelivered => new NotDelivered(`${at} ${why}; nothing was run`);
  const file = statsOf(path);
  if (!file.isFile()) throw refuse(path, 'is no plain file (a link is not followed)');
  if (file.uid !== owner) throw refuse(path, `belongs to another user: chown root ${path}`);
  if ((file.mode & OTHERS_WRITE) !== 0) throw refuse(path, `can be written by others: chmod go-w ${path}`);
  if ((file.mode & EXECUTES) === 0) throw refuse(path, `cannot be executed: chmod +x ${path}`);
  for (let at = resolve(directory); ; at = dirname(at)) {
    const above = statsOf(at);
    if (!above.isDirectory()) throw refuse(at, 'is no directory (a link is not followed)');
    const others = (above.mode & OTHERS_WRITE) !== 0;
    // In a sticky directory (/tmp) nobody can put another thing in the place of what is the owner's.
    const held = at !== resolve(directory) && (above.mode & STICKY) !== 0;
    if ((above.uid !== owner && above.uid !== 0) || (others && !held))
      throw refuse(at, 'can be changed by others: it must belong to root, and be writable by root alone');
    if (at === '/') return path;
  }
}

function statsOf(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (cause) {
    throw new NotDelivered(`${path} cannot be looked at (${(cause as NodeJS.ErrnoException).code ?? 'no code'})`, {
      cause,
    });
  }
}

/** What programs are given: ids, and words of fixed lists. */
function environmentOf({ id, event, severity, incident }: Told): Record<string, string> {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    ROLLCALL_MESSAGE: id,
    ROLLCALL_EVENT: event,
    ROLLCALL_SEVERITY: severity,
    ...(incident === null || !/^\d{1,18}$/.test(incident.id)
      ? {}
      : { ROLLCALL_INCIDENT: incident.id, ROLLCALL_KIND: incident.kind }),
  };
}

/** @returns null for exit code 0, else how it ended */
function ended(
  path: string,
  { told, place, signal }: { readonly told: Told; readonly place: CommandPlace; readonly signal: AbortSignal },
): Promise<string | null> {
  return new Promise((resolve) => {
    // A process group of its own, so that what it starts ends with it.
    const child = spawn(path, [], {
      cwd: '/',
      env: environmentOf(told),
      shell: false,
      detached: true,
      stdio: 'ignore',
    });
    let killed: string | null = null;
    const kill = (why: string) => () => {
      killed = why;
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const onAbort = kill('was ended with rollcall serve');
    const timer = setTimeout(kill(`was killed after ${place.timeLimitMs / 1_000} s`), place.timeLimitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (how: string | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(killed ?? how);
    };
    child.once('error', (error: NodeJS.ErrnoException) => settle(`could not be started (${error.code ?? 'no code'})`));
    child.once('exit', (code, by) =>
      settle(code === 0 ? null : by === null ? `ended with exit code ${code}` : `was ended by ${by}`),
    );
  });
}

/** While the leader has not been waited for, the number is its own. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
