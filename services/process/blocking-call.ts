// A thread that does all with synchronous calls asks the one that started it, and stands still until it is answered:
// other threads and connections go on meanwhile.
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** What the thread says, besides what it says otherwise. */
export interface CallWord {
  readonly call: {
    readonly host: string;
    readonly question: string;
    /** The answer comes by it … */
    readonly port: MessagePort;
    /** … before this is 1. */
    readonly flag: SharedArrayBuffer;
  };
}

export type CallAnswer = { readonly answer: string } | { readonly failed: string };

/** Answers what threads ask of other hosts; rejects where that cannot be. */
export type CallHost = (host: string, question: string) => Promise<string>;

/** How long a thread stands without a sign of life. */
const TICK_MS = 1_000;

/** @param onWait told each second while it waits @throws Error with what went wrong on the other side */
export function callOut(
  say: (word: CallWord, moved: readonly MessagePort[]) => void,
  host: string,
  question: string,
  onWait: () => void,
): string {
  const { port1, port2 } = new MessageChannel();
  const flag = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  try {
    say({ call: { host, question, port: port2, flag } }, [port2]);
    const answered = new Int32Array(flag);
    while (Atomics.wait(answered, 0, 0, TICK_MS) === 'timed-out') onWait();
    const received = receiveMessageOnPort(port1);
    if (received === undefined) throw new Error('an answer was told and did not come');
    const message = received.message as CallAnswer;
    if ('failed' in message) throw new Error(message.failed);
    return message.answer;
  } finally {
    port1.close();
  }
}

/** What the thread that was asked does with a word; false for all other words. */
export function answersCall(word: object, call: CallHost | null): boolean {
  if (!('call' in word)) return false;
  const { host, question, port, flag } = (word as CallWord).call;
  const answer = (said: CallAnswer): void => {
    port.postMessage(said);
    const answered = new Int32Array(flag);
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
    port.close();
  };
  if (call === null) answer({ failed: 'bricks on other hosts are read by their workers' });
  else
    call(host, question).then(
      (text) => answer({ answer: text }),
      (error: unknown) => answer({ failed: error instanceof Error ? error.message : String(error) }),
    );
  return true;
}
