// More threads than cores where the storage has latency. Nobody configures that: while there is work enough for all
// threads and the machine's processors stand idle, whatever the threads wait for is not computing, and more of them
// wait at once.
import { cpus } from 'node:os';

/** One look at the processors is held against the next one after this time. */
const EVERY_MS = 1_000;
/**
 * Below this part of all processors in use the machine waits. (Idle, waiting for disks, and stolen by a hypervisor
 * count as not in use.)
 */
const BUSY_MIN = 0.6;

interface Used {
  readonly atMs: number;
  /** Of all processors together, since the machine started. */
  readonly busyMs: number;
}

/** Asked again and again while a scan is drained. */
export class Widening {
  #before: Used | null = null;

  /**
   * Whether more threads are worth it now.
   * @param isFull every thread has had work since the last look
   */
  isWorth(nowMs: number, isFull: boolean): boolean {
    if (!isFull) {
      this.#before = null;
      return false;
    }
    if (this.#before !== null && nowMs - this.#before.atMs < EVERY_MS) return false;
    const before = this.#before;
    const now = usedBy(nowMs);
    this.#before = now;
    return before !== null && isWaiting(before, now);
  }
}

function isWaiting(before: Used, now: Used): boolean {
  const elapsedMs = now.atMs - before.atMs;
  return elapsedMs > 0 && (now.busyMs - before.busyMs) / (elapsedMs * cpus().length) < BUSY_MIN;
}

function usedBy(nowMs: number): Used {
  const busyMs = cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  return { atMs: nowMs, busyMs };
}
