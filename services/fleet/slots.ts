// The slots of a worker process: one thread each, so that a call that hangs in dead storage takes its own thread with
// it and no other. One slot is kept for tasks: a person who asks does not wait for scans of millions of files. Another
// one only reads bricks for scans of other hosts: those wait with a thread in hand, and two hosts must not wait for
// each other.
import type { DatabaseAddress } from '../catalog/database.ts';
import type { CallHost } from '../process/blocking-call.ts';
import { Reader } from './reader.ts';
import { openThreads, type ThreadPool } from '../scan/pool.ts';

export interface SlotOptions {
  readonly address: DatabaseAddress;
  readonly host: string;
  /** Besides the one that is kept for tasks. */
  readonly count: number;
  /** What all slots together may read in a second (limitReading); null for no limit. */
  readonly pace: SharedArrayBuffer | null;
  /** What the host may read for the scrub, shared with other workers (newHostBudget). */
  readonly budget: SharedArrayBuffer;
  /** For what threads need of other hosts. */
  readonly callHost: CallHost;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** No slot has a thread that can be used any more: the storage does not answer. */
  readonly onNoneLeft: () => void;
}

export interface Slot {
  /** Only tasks are done in it. */
  readonly isKept: boolean;
  /** Only what scans of other hosts ask of bricks is done in it. */
  readonly isForBricks: boolean;
  /** Its thread, opened by the first work: a thread costs memory. */
  threads(): ThreadPool;
  /** Its other thread, that answers what other hosts ask of the disk of this one. */
  reader(): Reader;
  /** What it does, for whoever asks; null between two pieces of work. */
  say(what: string | null): void;
  /** Its thread hangs in a system call: it is of no use any more. */
  isLost(): boolean;
  release(): void;
}

export interface Slots {
  /** Slots that could take work now: any, or those for drains. */
  free(forDrains: boolean): number;
  busy(): number;
  /** What the busy ones do. */
  doing(): readonly { readonly what: string; readonly sinceMs: number }[];
  /** Null where none is free; one that is kept only where no other is, and never for drains. */
  take(forDrains: boolean): Slot | null;
  /** The one that only reads bricks for others; null while it does. */
  takeForBricks(): Slot | null;
  close(): Promise<void>;
}

interface Place {
  readonly isKept: boolean;
  readonly isForBricks: boolean;
  threads: ThreadPool | null;
  reader: Reader | null;
  state: 'free' | 'busy' | 'lost';
  doing: { readonly what: string; readonly sinceMs: number } | null;
}

export function openSlots(options: SlotOptions & { readonly nowMs: () => number }): Slots {
  const places = Array.from({ length: options.count + 2 }, (_, index): Place => {
    const isForBricks = index === options.count + 1;
    const isKept = isForBricks || index === options.count;
    return { isKept, isForBricks, threads: null, reader: null, state: 'free', doing: null };
  });
  const free = (forDrains: boolean): Place[] =>
    places.filter(({ state, isKept, isForBricks }) => state === 'free' && !isForBricks && !(forDrains && isKept));
  const slotOf = (place: Place): Slot => {
    let hangs = false;
    return {
      isKept: place.isKept,
      isForBricks: place.isForBricks,
      threads() {
        if (place.threads?.isBroken() === true) place.threads = null;
        place.threads ??= openThreads(options.address, 1, options);
        return watched(place.threads, () => (hangs = true));
      },
      reader() {
        const { host, pace, callHost } = options;
        place.reader ??= new Reader({ host, pace, callHost, onHang: () => (hangs = true) });
        return place.reader;
      },
      say(what) {
        place.doing = what === null ? null : { what, sinceMs: options.nowMs() };
      },
      isLost: () => hangs,
      release() {
        place.state = hangs ? 'lost' : 'free';
        place.doing = null;
        if (!hangs) return;
        options.log('a thread hangs in a system call and is written off with its slot');
        if (places.every(({ state, isKept }) => isKept || state === 'lost')) options.onNoneLeft();
      },
    };
  };
  const taken = (place: Place | undefined): Slot | null => {
    if (place === undefined) return null;
    place.state = 'busy';
    return slotOf(place);
  };
  return {
    free: (forDrains) => free(forDrains).length,
    busy: () => places.filter(({ state }) => state === 'busy').length,
    doing: () => places.flatMap(({ doing }) => doing ?? []),
    take: (forDrains) => taken(free(forDrains)[0]),
    takeForBricks: () => taken(places.find(({ state, isForBricks }) => state === 'free' && isForBricks)),
    async close() {
      await Promise.all(
        places.map(async ({ threads, reader }) => {
          await threads?.close();
          await reader?.close();
        }),
      );
    },
  };
}

/** The same threads, that tell when one of them hangs. */
function watched(threads: ThreadPool, onHang: () => void): ThreadPool {
  return {
    get lanes() {
      return threads.lanes;
    },
    get threads() {
      return threads.threads;
    },
    widen: () => threads.widen(),
    callHost: threads.callHost ?? null,
    isBroken: () => threads.isBroken(),
    close: () => threads.close(),
    run(scanId, shard) {
      const running = threads.run(scanId, shard);
      return {
        ...running,
        abandon(why) {
          if (why === 'hangs') onHang();
          running.abandon(why);
        },
      };
    },
  };
}
