// Answering what other hosts ask of the disk of this one, in a thread: copies and names are read with synchronous
// calls.
import type { MessagePort } from 'node:worker_threads';
import { RollcallError } from '../domain/exit.ts';
import { carryOutTexts } from './bundle/carry-out.ts';
import { reachHostsBy } from './files/elsewhere.ts';
import type { ReaderOrder, ReaderWord } from './fleet/reader.ts';
import { callOut } from './process/blocking-call.ts';
import { keepPace } from './process/pace.ts';
import { ProgressCounters } from './scan/progress.ts';

/** Does the orders that come on the port, one after another. */
export function answerAsks(port: MessagePort): void {
  const say = (word: ReaderWord): void => port.postMessage(word);
  port.on('message', (order: ReaderOrder) => {
    const waiting = new ProgressCounters(order.progress);
    reachHostsBy(order.host, (host, question) =>
      callOut(
        (word, moved) => port.postMessage(word, moved),
        host,
        question,
        () => waiting.tick(),
      ),
    );
    void answersTo(order).then(
      (answers) => say({ answers }),
      (error: unknown) => say({ failed: failureOf(error) }),
    );
  });
  say({ ready: true });
}

async function answersTo({ questions, host, accepted, progress, pace }: ReaderOrder): Promise<readonly string[]> {
  keepPace(pace);
  const counters = new ProgressCounters(progress);
  counters.tick();
  const onProgress = (files: number, bytes: number): void => counters.add(files, bytes);
  return carryOutTexts(questions, { host, accepted, now: Date.now, onProgress });
}

/** Plain text, because an error crosses threads without its class. */
function failureOf(error: unknown): Extract<ReaderWord, { failed: unknown }>['failed'] {
  if (error instanceof RollcallError) return { message: error.message, next: error.next, exit: error.exit };
  return { message: error instanceof Error ? error.message : String(error), next: null, exit: null };
}
