// Who stops the server when a command cannot: killed with -9, left by a second Ctrl-C, or with its working processes. A
// shell waits at the end of a pipe whose other end only the command holds. The kernel closes that with the command,
// however it ends.
import { spawn } from 'node:child_process';
import { startedPart } from '../process/parts.ts';

export interface Guard {
  /** The server is given up in order: there is nothing to do any more. */
  dismiss(): void;
}

/** A line says that all is well; the end of the pipe without one, that nobody is left to say so. */
const SCRIPT = 'read -r _ || exec "$@"';

/**
 * Must be there before a server is started. In a session of its own: what is sent to the command's whole group does not
 * reach it.
 */
export function postGuard(state: string): Guard {
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'sh', process.execPath, startedPart('guard'), state], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
  });
  // Without one (no process may be started any more) everything else works; a command that is killed then leaves its
  // server to the next one.
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  guard.unref();
  // A pipe of Node's, which TypeScript takes for any stream.
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  return { dismiss: () => void guard.stdin.end('done\n') };
}
