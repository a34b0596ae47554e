// Servers and workers that the benchmark starts, and that end with it, however that ends.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface Child {
  readonly pid: number;
  /** What it has printed so far, both of its outputs. */
  readonly said: () => string;
  readonly hasEnded: () => boolean;
  /** Sends it a signal, and waits for its end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** The shell waits for the end of its input, which comes when the benchmark closes it, or is no more. */
const SCRIPT = '"$@" </dev/null & echo $! >&3; exec 3>&-; cat >/dev/null; kill -KILL $! 2>/dev/null; wait';

export async function startChild(
  argv: readonly string[],
  options: {
    readonly output: string;
    readonly as?: { readonly uid?: number; readonly gid?: number };
    readonly environment?: Readonly<Record<string, string | undefined>>;
  },
): Promise<Child> {
  const output = openSync(options.output, 'w');
  const shell = spawn('sh', ['-c', SCRIPT, 'sh', ...argv], {
    ...options.as,
    cwd: '/',
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...options.environment },
    stdio: ['pipe', output, output, 'pipe'],
    // A Ctrl-C is for the benchmark, which then ends its children.
    detached: true,
  });
  closeSync(output);
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    for (const event of ['exit', 'error'] as const)
      shell.once(event, () => {
        hasEnded = true;
        resolve();
      });
  });
  const pid = await new Promise<number>((resolve, reject) => {
    shell.stdio[3]?.once('data', (data: Buffer) => resolve(Number(data.toString())));
    void ended.then(() => reject(new Error(`${argv[0]} did not start`)));
  });
  return {
    pid,
    said: () => readFileSync(options.output, 'utf8'),
    hasEnded: () => hasEnded || !isRunning(pid),
    async end(signal) {
      if (hasEnded) return;
      if (isRunning(pid)) process.kill(pid, signal);
      while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
      shell.stdin?.end();
      await ended;
    },
  };
}

function isRunning(pid: number): boolean {
  try {
    // Behind the name, which may hold anything.
    return !/^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? 'X');
  } catch {
    return false;
  }
}
