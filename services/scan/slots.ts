// The slots of a worker process: one thread each, so that a scan that hangs in dead storage takes its own thread with
// it and no other.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { DatabaseAddress } from '../catalog/database.ts';
import { openThreads, type ThreadPool } from './pool.ts';

export interface SlotOptions {
  readonly address: DatabaseAddress;
  readonly count: number;
  /** What all slots together may read in a second (limitReading); null for no limit. */
  readonly pace: SharedArrayBuffer | null;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** No slot has a thread that can be used any more: the storage does not answer. */
  readonly onNoneLeft: () => void;
}

export interface Slots {
  /** Slots that could take work now. */
  free(): number;
  /** Slots that work. */
  busy(): number;
  /**
   * Does the work with a slot's thread; false at once where none is free. Failures are told under this name, never
   * thrown.
   */
  use(name: string, signal: AbortSignal, work: (threads: ThreadPool) => Promise<void>): Promise<boolean>;
  close(): Promise<void>;
}

interface Slot {
  /** Opened by the first work: a thread costs memory. */
  threads: ThreadPool | null;
  state: 'free' | 'busy' | 'lost';
}

export function openSlots(options: SlotOptions): Slots {
  const slots = Array.from({ length: options.count }, (): Slot => ({ threads: null, state: 'free' }));
  const inState = (state: Slot['state']): number => slots.filter((slot) => slot.state === state).length;
  return {
    free: () => inState('free'),
    busy: () => inState('busy'),
    async use(name, signal, work) {
      const slot = slots.find((each) => each.state === 'free');
      if (slot === undefined || signal.aborted) return false;
      slot.state = 'busy';
      slot.threads ??= openThreads(options.address, 1, options.pace);
      const hung = watched(slot.threads, signal);
      try {
        await work(hung.threads);
      } catch (error) {
        if (!(error instanceof RollcallError && error.exit === EXIT.interrupted))
          options.log(`${name}: ${told(error)}`);
      } finally {
        slot.state = hung.is() ? 'lost' : 'free';
      }
      if (hung.is()) {
        options.log('a thread hangs in a system call and is written off with its slot');
        if (inState('lost') === slots.length) options.onNoneLeft();
      }
      return true;
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
      get lanes() {
        return threads.lanes;
      },
      get threads() {
        return threads.threads;
      },
      widen: () => threads.widen(),
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

export function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const next = error instanceof RollcallError && error.next !== null ? ` ${error.next}` : '';
  return `${error.message}${next}`;
}
