// A program under services/process/supervise.ts, for the test of it: the parent supervises, the child behaves as the argument says.
import { writeSync } from 'node:fs';
import { EXIT } from '../../domain/exit.ts';
import { announceAndExit, CHILD_MARK, supervise, superviseSignal } from '../../services/process/supervise.ts';

const say = (text: string): void => void writeSync(1, `${text}\n`);

if (process.argv[2] === CHILD_MARK) {
  const behaviour = process.argv[3];
  const signal = superviseSignal();
  say(`child ${process.pid}`);
  if (behaviour === 'announce') await announceAndExit(EXIT.findings);
  else if (behaviour === 'a megabyte on both') {
    for (const stream of [process.stdout, process.stderr])
      for (let n = 0; n < 1_000; n++) stream.write(`${'x'.repeat(1_047)}\n`);
    process.stderr.write('the last word\n');
    process.stdout.write('the last word\n');
    await announceAndExit(EXIT.findings, signal);
  } else if (behaviour === 'hang after announcing') {
    process.send?.({ exit: EXIT.incomplete });
    // What a thread in a blocked system call does to its process.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  } else if (behaviour === 'hang') {
    // A main thread in a blocked system call.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  } else {
    if (behaviour === 'end in order') signal.addEventListener('abort', () => void announceAndExit(EXIT.interrupted));
    setInterval(() => {}, 1_000);
  }
} else {
  const impatient = process.argv[2] === 'hang' ? { hearsMs: 200 } : {};
  process.exit(await supervise(process.argv.slice(2), { note: say, ...impatient }));
}
