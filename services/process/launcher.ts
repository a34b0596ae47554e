// The shell that started this process (./rollcall) and waits for it. It outlives this process where a thread hangs in a
// system call that never returns: then the process stays after its end, and whoever waits for that hangs as well. So
// the shell is told, and reads what it is told from the name of this process (/proc/PID/comm): that can be read as long
// as anything of the process is there, and needs no file and no pipe.

import { closeSync } from 'node:fs';

/** How often it is looked whether the shell is still there. */
const LOOK_MS = 500;
/** A shell that has not read the exit code by then takes that of the process. */
const STAYS_MS = 5_000;

const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export interface Launcher {
  /** A signal was heard: this process shuts down by itself and need not be killed. */
  heard(): void;
  /** The exit code. From now on nobody waits for this process. */
  ends(code: number): void;
}

/**
 * @param pid of the shell
 * @param onGone called once if the shell is killed: nobody is left then to tell the exit code to
 */
export function openLauncher(pid: number, onGone: () => void): Launcher {
  const isThere = (): boolean => process.ppid === pid;
  const look = setInterval(() => {
    if (isThere()) return;
    clearInterval(look);
    onGone();
  }, LOOK_MS);
  look.unref();
  return {
    heard() {
      process.title = 'heard';
    },
    ends(code) {
      process.title = `exit ${code}`;
      if (!isThere()) return;
      // Whoever reads the output waits for its end, and a thread that hangs would keep it open.
      for (const output of [1, 2]) close(output);
      process.kill(pid, 'SIGUSR1');
      // Until the shell has read the name. `wait` of bash in POSIX mode loses the code of a process that is gone before
      // its trap runs: it said 255 in 327 of 1,500 tries (5.2, 2026-11-30).
      const untilMs = Date.now() + STAYS_MS;
      while (isThere() && Date.now() < untilMs) Atomics.wait(sleeper, 0, 0, 2);
    },
  };
}

function close(output: number): void {
  try {
    closeSync(output);
  } catch {
    // It was closed before.
  }
}
