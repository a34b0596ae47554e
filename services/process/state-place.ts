// Where the state directory is unless --state-dir says otherwise.
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** A user without an entry in passwd has none, and Node throws. */
function passwdHome(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/**
 * ROLLCALL_STATE_DIR; else as root /var/lib/rollcall, and for others what the XDG base directory specification says, by
 * which relative paths are to be ignored. An empty variable is one that is not set. Null where there is no home.
 */
export function usualStateDirectory(environment: Environment): string | null {
  const named = environment['ROLLCALL_STATE_DIR'];
  if (named !== undefined && named !== '') return resolve(named);
  if (process.getuid?.() === 0) return '/var/lib/rollcall';
  const xdg = environment['XDG_STATE_HOME'];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'rollcall');
  const home = environment['HOME'] === '' ? undefined : environment['HOME'];
  const at = home ?? passwdHome();
  return at === null || !isAbsolute(at) ? null : join(at, '.local', 'state', 'rollcall');
}
