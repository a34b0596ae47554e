// What a thread is told to do, and what it answers: plain data, because it crosses threads.
import type { DatabaseAddress } from '../catalog/database.ts';
import type { ShardCounts } from '../catalog/shard-result.ts';
import type { Shard } from '../catalog/shards.ts';
import type { CallWord } from '../process/blocking-call.ts';

export interface ShardTask {
  readonly address: DatabaseAddress;
  /** This one, by the name that roots have it under. */
  readonly host: string;
  readonly scanId: bigint;
  readonly shard: Shard;
  /** Of ProgressCounters. */
  readonly progress: SharedArrayBuffer;
  /** Of all threads of the process together (services/process/pace.ts); null for no limit. */
  readonly pace: SharedArrayBuffer | null;
  /** What the host may read for the scrub, as far as this process shares it (newHostBudget); null for no budget. */
  readonly budget: SharedArrayBuffer | null;
  /** Of LinkDigests, for all threads that do this scan. */
  readonly links: SharedArrayBuffer;
  /** Of Whereabouts. */
  readonly whereabouts: SharedArrayBuffer;
  /** '' but in tests (services/files/brick-attributes.ts). */
  readonly attributePrefix: string;
}

export type ShardAnswer =
  | { readonly outcome: 'done'; readonly counts: ShardCounts }
  /** Another holder has the shard now, or the scan is over: nothing was written. */
  | { readonly outcome: 'lost' }
  /** The root is not what it was when the scan began. */
  | { readonly outcome: 'quarantine'; readonly reason: string }
  /** Plain text, because an error crosses threads without its class, and some do not cross at all. */
  | {
      readonly outcome: 'failed';
      readonly message: string;
      readonly stack: string | null;
      /**
       * Set where the catalog cannot be written (a full disk, no connection left): no fault of the shard's, so it must
       * not become a gap.
       */
      readonly stops: { readonly next: string | null; readonly code: string | null } | null;
    };

/** What a thread is told: to do a shard, or to end. */
export type ThreadOrder = { readonly order: number; readonly task: ShardTask } | { readonly end: true };
/** What it says: that it can be told something, the answer to an order, and what it asks of another host. */
export type ThreadWord = { readonly ready: true } | { readonly order: number; readonly answer: ShardAnswer } | CallWord;
