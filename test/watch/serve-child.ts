// A serve as a process, told what to do as JSON on its standard input: as `rollcall serve` runs it, but that its clock
// is what a file says (ms that it is ahead), and that it looks more often.
import { readFileSync } from 'node:fs';
import { hookTools, runServe, type ServeOptions } from '../../services/serve.ts';
import { endWithThreads } from '../../services/process/end.ts';

export type ServeSettings = Omit<ServeOptions, 'nowMs' | 'log' | 'signal' | 'hooks'> & {
  /** Null: the clock of the machine. */
  readonly clockFile: string | null;
};

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
let text = '';
for await (const chunk of process.stdin) text += String(chunk);
const { clockFile, ...settings } = JSON.parse(text) as ServeSettings;
const aheadMs = (): number => (clockFile === null ? 0 : Number(readFileSync(clockFile, 'utf8')));
const nowMs = (): number => Date.now() + aheadMs();
const code = await runServe({
  ...settings,
  nowMs,
  hooks: hookTools(process.env, nowMs),
  log: (line) => void process.stderr.write(`${line}\n`),
  signal: stop.signal,
});
await endWithThreads(code);
