// The slots of a worker process: one thread each, so that a scan that hangs in dead storage takes its own thread with it and no other.
import { EXIT, RollcallError } from '../domain/exit.ts';
import type { Database } from '../services/catalog/database.ts';
import { drain } from '../services/scan/drain.ts';
import { openThreads, type ThreadPool } from '../services/scan/pool.ts';

export interface SlotOptions {
  readonly db: Database;
  readonly count: number;
  readonly nowMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** No slot has a thread that can be used any more: the storage does not answer. */
  readonly onNoneLeft: () => void;
}

export interface Slots {
  /** Slots that could take a scan now. */
  free(): number;
  /** Drains what can be drained of the scan on one slot; resolves at once where none is free. Failures are told, never thrown. */
  drain(scanId: bigint, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface Slot {
  /** Opened by the first scan: a thread costs memory. */
  threads: ThreadPool | null;
  state: 'free' | 'busy' | 'lost';
}

export function openSlots(options: SlotOptions): Slots {
  const slots = Array.from({ length: options.count }, (): Slot => ({ threads: null, state: 'free' }));

  const run = async (slot: Slot, scanId: bigint, signal: AbortSignal): Promise<void> => {
    slot.threads ??= openThreads(options.db.address, 1);
    const hung = watched(slot.threads, signal);
    try {
      const { outcome } = await drain({
        db: options.db,
        threads: hung.threads,
        scanId,
        nowMs: options.nowMs,
        signal,
        waitForOthers: false,
        onProgress: () => undefined,
        onFailure: (error) => options.log(`scan ${scanId}: a shard failed: ${told(error)}`),
      });
      if (outcome === 'complete' || outcome === 'unchanged') options.log(`scan ${scanId}: ${outcome}`);
    } catch (error) {
      if (error instanceof RollcallError && error.exit === EXIT.interrupted) return;
      options.log(`scan ${scanId}: ${told(error)}`);
    } finally {
      slot.state = hung.is() ? 'lost' : 'free';
    }
    if (slot.state === 'lost') {
      options.log('a thread hangs in a system call and is written off with its slot');
      if (slots.every((each) => each.state === 'lost')) options.onNoneLeft();
    }
  };

  return {
    free: () => slots.filter((slot) => slot.state === 'free').length,
    async drain(scanId, signal) {
      const slot = slots.find((each) => each.state === 'free');
      if (slot === undefined || signal.aborted) return;
      slot.state = 'busy';
      await run(slot, scanId, signal);
    },
    async close() {
      await Promise.all(slots.map(async (slot) => slot.threads?.close()));
    },
  };
}

/** A shard that is abandoned although nobody asked for the end hangs, and so does its thread. */
function watched(threads: ThreadPool, signal: AbortSignal): { threads: ThreadPool; is: () => boolean } {
  let hangs = false;
  return {
    is: () => hangs,
    threads: {
      threads: threads.threads,
      close: () => threads.close(),
      run(scanId, shard) {
        const running = threads.run(scanId, shard);
        return {
          ...running,
          abandon() {
            hangs ||= !signal.aborted;
            running.abandon();
          },
        };
      },
    },
  };
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const next = error instanceof RollcallError && error.next !== null ? ` ${error.next}` : '';
  return `${error.message}${next}`;
}
