// The demo as a person starts it: a process of its own, in a group of its own.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const LOADER = join(REPOSITORY, 'node_modules/tsx/dist/loader.mjs');

/** The demo as a process, in a directory of the test; what it prints is read from its pipes. */
export function startDemo(base: string, stateDir: string): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [join(REPOSITORY, 'cli/main.ts'), 'demo'], {
    // The demo calls this program again, and a child of node has the loader from here only.
    env: {
      PATH: process.env['PATH'],
      HOME: base,
      TMPDIR: base,
      ROLLCALL_STATE_DIR: stateDir,
      NODE_OPTIONS: `--import ${LOADER}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}
