// The process of a worker: its settings come as JSON on standard input, what it says goes to standard error. SIGTERM and SIGINT end it in
// order; a second one ends it at once.
import { EXIT } from '../domain/exit.ts';
import type { WorkerFarewell, WorkerSettings } from '../services/queue/process.ts';
import { runWorker } from './main.ts';

async function settings(): Promise<WorkerSettings> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return JSON.parse(text) as WorkerSettings;
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) end(EXIT.interrupted);
    stop.abort();
  });
}
// Whoever started it is gone, and with it whoever would keep the exit code: there is no reason to go on.
process.on('disconnect', () => stop.abort());

/** Tells the exit code first: with a thread in a system call that never returns, exiting takes for ever, and the parent has to end it. */
function end(code: number): void {
  const farewell: WorkerFarewell = { exit: code };
  if (process.connected) process.send?.(farewell, () => process.exit(code));
  else process.exit(code);
}

const log = (line: string): void => {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
};

try {
  end(await runWorker({ ...(await settings()), nowMs: Date.now, log, signal: stop.signal }));
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  end(EXIT.failure);
}
