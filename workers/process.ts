// The process of a worker: its settings come as JSON on standard input, an order to end as a message. SIGTERM and SIGINT end it in order too,
// a second one at once.
import { EXIT } from '../domain/exit.ts';
import { drained } from '../services/process/drained.ts';
import type { WorkerFarewell, WorkerSettings } from '../services/queue/process.ts';
import { runWorker } from './main.ts';

async function readSettings(): Promise<WorkerSettings> {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return JSON.parse(text) as WorkerSettings;
}

// What a worker writes (bundles of a request) tells the names of everybody's files.
process.umask(0o077);

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) void end(EXIT.interrupted);
    stop.abort();
  });
}
process.on('message', () => stop.abort());
// Whoever started it is gone, and with it whoever would keep the exit code: there is no reason to go on.
process.on('disconnect', () => stop.abort());
if (!process.connected) stop.abort();
// Nor is it one that nobody reads the log any more: what is said is dropped, the work goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
}

/** Tells the exit code first: with a thread in a system call that never returns, exiting takes for ever, and the parent has to end it. */
async function end(code: number): Promise<void> {
  const farewell: WorkerFarewell = { exit: code };
  const leave = (): void => {
    if (!process.connected) process.kill(process.pid, 'SIGKILL');
    process.exit(code);
  };
  // What was said last is the most important. A second signal does not wait for it.
  if (code !== EXIT.interrupted) await drained();
  if (process.connected) process.send?.(farewell, leave);
  else leave();
}

let asJson = false;

function log(event: string): void {
  const at = new Date().toISOString();
  if (asJson) process.stdout.write(`${JSON.stringify({ at, event })}\n`);
  else process.stderr.write(`${at} ${event}\n`);
}

async function work(): Promise<void> {
  try {
    const settings = await readSettings();
    asJson = settings.json ?? false;
    await end(await runWorker({ ...settings, nowMs: Date.now, log, signal: stop.signal }));
  } catch (error) {
    log(error instanceof Error ? error.message : String(error));
    await end(EXIT.failure);
  }
}

void work();
