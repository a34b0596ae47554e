// The shell that started this process (./rollcall) and waits for it. It outlives this process where a thread hangs in a
// system call that never returns: then the process stays after its end, and whoever waits for that hangs as well. So
// the shell is told, and reads what it is told from the name of this process (/proc/PID/comm): that can be read as long
// as anything of the process is there, and needs no file and no pipe.

/** How often it is looked whether the shell is still there. */
const LOOK_MS = 500;

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
      if (isThere()) process.kill(pid, 'SIGUSR1');
    },
  };
}
