// A worker as a process, told what to do as JSON on its standard input: as `rollcall worker` runs it, but that it looks
// into the catalog more often.
import { runWorker, type WorkerOptions } from '../../services/work.ts';
import { endWithThreads } from '../../services/process/end.ts';

export type WorkerSettings = Omit<WorkerOptions, 'nowMs' | 'log' | 'signal'>;

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const code = await runWorker({
  ...(JSON.parse(text) as WorkerSettings),
  nowMs: Date.now,
  log: (line) => void process.stderr.write(`${line}\n`),
  signal: stop.signal,
});
await endWithThreads(code);
