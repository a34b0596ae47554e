// The demo as a person starts it: a process of its own, in a group of its own.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { CLI } from '../support/programs.ts';

/** The demo as a process, in a directory of the test; what it prints is read from its pipes. */
export function startDemo(base: string, stateDir: string): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [CLI, 'demo'], {
    env: {
      PATH: process.env['PATH'],
      HOME: base,
      TMPDIR: base,
      ROLLCALL_STATE_DIR: stateDir,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}
