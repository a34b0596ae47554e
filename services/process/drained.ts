// What was written to a pipe waits in this process until its reader takes it. Whoever ends a process waits for that
// first.
import type { Writable } from 'node:stream';

/**
 * Resolves when everything that was written has left this process, or its reader is gone: a reader who is slow is
 * waited for.
 * @param giveUp ends the wait: nobody who interrupts a program wants the rest of what it says
 */
export async function drained(
  giveUp: AbortSignal | null = null,
  streams: readonly Pick<Writable, 'write' | 'errored' | 'writableLength'>[] = [process.stdout, process.stderr],
): Promise<void> {
  const empty = Promise.all(
    streams
      // What failed once fails again, and says so with another event.
      .filter(({ errored, writableLength }) => errored === null && writableLength > 0)
      // Called in the order of the writes, and where one of them fails.
      .map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
  );
  if (giveUp === null) {
    await empty;
    return;
  }
  let stop = (): void => {};
  const given = new Promise<void>((resolve) => {
    stop = resolve;
    if (giveUp.aborted) resolve();
    else giveUp.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([empty, given]).finally(() => giveUp.removeEventListener('abort', stop));
}
