// A program under the launcher, for the test of it: behaves as the argument says. Bundled to where the launcher looks
// for the command line.
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { takeLauncher } from '../../cli/config.ts';
import { EXIT, type ExitCode } from '../../domain/exit.ts';
import { drained } from '../../services/process/drained.ts';
import { endWithThreads } from '../../services/process/end.ts';
import { openLauncher } from '../../services/process/launcher.ts';

const behaviour = process.argv[2];
const say = (text: string): void => void writeSync(2, `${text}\n`);
const stop = new AbortController();
const pid = takeLauncher(process.env);
const launcher = pid === null ? null : openLauncher(pid, () => stop.abort());

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    launcher?.heard();
    stop.abort();
  });

async function end(code: ExitCode): Promise<void> {
  await drained(stop.signal);
  launcher?.ends(code);
  await endWithThreads(code);
}

/** What a blocked system call does to its thread. */
const HANG = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)';
// As the command line does: what nobody reads is dropped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const never = (): void => void setInterval(() => {}, 1_000);

async function behave(): Promise<void> {
  if (behaviour === 'end') return end(EXIT.findings);
  if (behaviour === 'a megabyte on both') {
    for (const stream of [process.stdout, process.stderr])
      for (let n = 0; n < 1_000; n++) stream.write(`${'x'.repeat(1_047)}\n`);
    process.stderr.write('the last word\n');
    process.stdout.write('the last word\n');
    return end(EXIT.findings);
  }
  if (behaviour === 'read') {
    for await (const chunk of process.stdin) process.stdout.write(chunk as Buffer);
    return end(EXIT.nothing);
  }
  if (behaviour === 'a thread hangs') {
    const worker = new Worker(`require('node:worker_threads').parentPort.postMessage('there'); ${HANG}`, {
      eval: true,
    });
    await new Promise((resolve) => worker.once('message', resolve));
    return end(EXIT.incomplete);
  }
  // Not told: an end that nobody meant.
  if (behaviour === 'fall over') process.exit(EXIT.findings);
  if (behaviour === 'end when asked') process.once('SIGUSR2', () => void end(EXIT.findings));
  if (behaviour === 'shut down') stop.signal.addEventListener('abort', () => void end(EXIT.interrupted));
  never();
  say(`node ${process.pid}`);
  // In this same turn: a signal that came between would be heard.
  if (behaviour === 'hang') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

void behave();
