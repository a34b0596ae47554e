// Draining a scan: claiming shards, giving them to threads, renewing leases, and closing when none is left. Any number of processes may drain
// the same scan at once; one-shot commands call this directly, workers when the queue wakes them.
import { randomInt } from 'node:crypto';
import type { Connection } from '../catalog/database.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { isConnectionLost, isTransient, throwAdvised } from '../catalog/advice.ts';
import type { Database, DatabaseAddress } from '../catalog/database.ts';
import { connect } from '../catalog/database.ts';
import { giveUpScan, loadScanContext, scanState } from '../catalog/scans.ts';
import type { Queryable, ScanContext } from '../catalog/scans.ts';
import { holdLeases } from '../catalog/holders.ts';
import { claimShard, releaseShard, renewLeases } from '../catalog/shards.ts';
import type { Shard } from '../catalog/shards.ts';
import { giveUpShard } from '../catalog/give-up.ts';
import { finishScan } from './finish.ts';
import type { FinishOutcome } from './finish.ts';
import { RECONNECT_PAUSE_MS, RECONNECT_TRIES, RENEW_EVERY_MS, SHARD_ATTEMPTS, STALL_MS } from './limits.ts';
import type { RunningShard, ThreadPool } from './pool.ts';
import type { ShardAnswer } from './shard-thread.ts';

export interface Progress {
  readonly files: number;
  readonly bytes: number;
  /** Files in all, where an earlier scan of the volume tells. */
  readonly filesExpected?: number | null;
}

export interface DrainOptions {
  readonly db: Database;
  readonly threads: ThreadPool;
  readonly scanId: bigint;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** False for a worker: another host may hold what is left, and nothing has to be waited for. */
  readonly waitForOthers: boolean;
  /** A shard failed for the last time; it will be divided, or become a gap. */
  readonly onFailure: (error: unknown) => void;
}

export type DrainOutcome = FinishOutcome | { readonly outcome: 'left to others' };

const POLL_MS = 100;
const HOLDER_MAX = 2 ** 31 - 1;
const CONTINUES = 'Run the same command again: it continues where this one stopped.';

/**
 * Does shards of the scan until none is left, then closes it.
 * @throws RollcallError when a guard stops the scan (exit 4) or the command is interrupted (130); the scan can then be continued
 */
export async function drain(options: DrainOptions): Promise<DrainOutcome> {
  const client = await connectDrain(options.db.address);
  let started: Drain | null = null;
  try {
    const holder = await newHolder(client);
    const context = await loadScanContext(client, options.scanId);
    started = new Drain(options, client, holder, context);
    return await started.run();
  } catch (error) {
    await started?.abandon();
    return throwAdvised(error);
  } finally {
    await (started?.connection() ?? client).end().catch(() => undefined);
  }
}

function connectDrain(address: DatabaseAddress): Promise<Connection> {
  return connect(address, { applicationName: 'rollcall drain', relaxed: true });
}

async function newHolder(client: Queryable): Promise<number> {
  for (;;) {
    const holder = randomInt(1, HOLDER_MAX);
    if (await holdLeases(client, holder)) return holder;
  }
}

interface Flight {
  readonly running: RunningShard;
  lastMoved: bigint;
  movedAtMs: number;
  counted: { files: number; bytes: number };
}

class Drain {
  readonly #options: DrainOptions;
  #client: Connection;
  #holder: number;
  readonly #context: ScanContext;
  readonly #flights = new Map<bigint, Flight>();
  #done: Progress = { files: 0, bytes: 0 };
  #renewedAtMs: number;
  #writtenOff = 0;

  constructor(options: DrainOptions, client: Connection, holder: number, context: ScanContext) {
    this.#options = options;
    this.#client = client;
    this.#holder = holder;
    this.#context = context;
    this.#renewedAtMs = options.nowMs();
  }

  async run(): Promise<DrainOutcome> {
    const { scanId, signal, threads } = this.#options;
    for (;;) {
      if (signal.aborted) throw interrupted();
      // One more than there are threads, so that none waits for a claim.
      while (this.#flights.size < threads.threads + 1 - this.#writtenOff && !signal.aborted) {
        const shard = await this.#ask((client) => claimShard(client, scanId, this.#holder));
        if (shard === null) break;
        if (shard.attempts > SHARD_ATTEMPTS) {
          await this.#ask((client) => giveUpShard(client, this.#context, shard, this.#options.nowMs()));
          continue;
        }
        this.#start(shard);
      }
      if (this.#flights.size > 0) {
        await this.#landOne();
        continue;
      }
      const state = await this.#ask((client) => scanState(client, scanId));
      if (state.state !== 'running' || state.openShards === 0) {
        const finished = await this.#ask((client) =>
          finishScan({ db: this.#options.db, client, context: this.#context, nowMs: this.#options.nowMs }, state),
        );
        if (finished !== 'relist') return finished;
        continue;
      }
      if (!this.#options.waitForOthers) return { outcome: 'left to others' };
      await pause(POLL_MS);
    }
  }

  #start(shard: Shard): void {
    const running = this.#options.threads.run(this.#options.scanId, shard);
    // Landed in #landOne; marked as handled, so that a failure while another shard is awaited ends nothing.
    running.answer.catch(() => undefined);
    this.#flights.set(shard.id, {
      running,
      lastMoved: -1n,
      movedAtMs: this.#options.nowMs(),
      counted: { files: 0, bytes: 0 },
    });
  }

  /** Waits until one shard is done, reporting progress and renewing leases meanwhile. */
  async #landOne(): Promise<void> {
    const answers = [...this.#flights.values()].map(async (flight) => {
      try {
        return { flight, answer: await flight.running.answer };
      } catch (error) {
        return { flight, error };
      }
    });
    for (;;) {
      const landed = await Promise.race([...answers, pause(POLL_MS)]);
      this.#report();
      await this.#tend();
      if (landed === undefined) {
        if (this.#options.signal.aborted) return;
        continue;
      }
      const { shard } = landed.flight.running;
      // Given up meanwhile, and perhaps claimed anew.
      if (this.#flights.get(shard.id) !== landed.flight) return;
      this.#flights.delete(shard.id);
      this.#done = {
        files: this.#done.files + landed.flight.counted.files,
        bytes: this.#done.bytes + landed.flight.counted.bytes,
      };
      return 'error' in landed ? this.#failed(shard, landed.error) : this.#landed(shard, landed.answer);
    }
  }

  async #landed(shard: Shard, answer: ShardAnswer): Promise<void> {
    switch (answer.outcome) {
      case 'done':
      case 'lost':
        return;
      case 'failed': {
        const { message, stack, stops } = answer;
        if (stops !== null) {
          await this.#ask((client) => releaseShard(client, shard, true));
          throw new RollcallError(message, { next: stops.next ?? CONTINUES, cause: stack ?? undefined });
        }
        return this.#failed(shard, new Error(message, { cause: stack }));
      }
      case 'quarantine': {
        const reason = `quarantined: ${answer.reason}`;
        await giveUpScan(this.#options.db, this.#options.scanId, { reason, nowMs: this.#options.nowMs() });
        throw new RollcallError(`${answer.reason}. Nothing was concluded from this scan.`, {
          exit: EXIT.guard,
          next: 'Check that the file system is mounted where it was, then run the command again.',
        });
      }
    }
  }

  /** What is neither a finding nor a passing fault: the shard is tried again, a few times. */
  async #failed(shard: Shard, error: unknown): Promise<void> {
    if (error instanceof RollcallError) throw error;
    await this.#ask((client) => releaseShard(client, shard, false));
    if (shard.attempts >= SHARD_ATTEMPTS) this.#options.onFailure(error);
  }

  /** Does something with the connection; when it breaks, with a new one. What was being done is then claimed anew. */
  async #ask<T>(act: (client: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act(this.#client);
      } catch (error) {
        if (!isTransient(error) || attempt >= RECONNECT_TRIES) throw error;
        if (this.#options.signal.aborted) throw interrupted();
        if (!isConnectionLost(error)) continue;
        await this.#client.end().catch(() => undefined);
        await pause(RECONNECT_PAUSE_MS);
        try {
          this.#client = await connectDrain(this.#options.db.address);
          // A number of its own, and claims of its own: what the old ones say need not be so any more after a crash of the server.
          this.#holder = await newHolder(this.#client);
          for (const flight of this.#flights.values()) flight.running.abandon();
          this.#flights.clear();
        } catch (again) {
          if (!isTransient(again)) throw again;
        }
      }
    }
  }

  connection(): Connection {
    return this.#client;
  }

  /** Leaves the shards that are being done, for others to claim. */
  async abandon(): Promise<void> {
    for (const flight of this.#flights.values()) {
      flight.running.abandon();
      await releaseShard(this.#client, flight.running.shard, true).catch(() => undefined);
    }
    this.#flights.clear();
  }

  #report(): void {
    let { files, bytes } = this.#done;
    for (const flight of this.#flights.values()) {
      flight.counted = { files: Number(flight.running.progress[1]), bytes: Number(flight.running.progress[2]) };
      files += flight.counted.files;
      bytes += flight.counted.bytes;
    }
    this.#options.onProgress({ files, bytes });
  }

  /** Renews the leases of threads that move; gives up a shard whose thread stood still, and writes the thread off. */
  async #tend(): Promise<void> {
    const nowMs = this.#options.nowMs();
    for (const flight of this.#flights.values()) {
      const moved = Atomics.load(flight.running.progress, 0);
      // 0: no thread has taken it up yet.
      if (moved !== flight.lastMoved || moved === 0n) {
        flight.lastMoved = moved;
        flight.movedAtMs = nowMs;
      } else if (nowMs - flight.movedAtMs > STALL_MS) {
        this.#flights.delete(flight.running.shard.id);
        this.#writtenOff++;
        flight.running.abandon();
        await this.#ask((client) => releaseShard(client, flight.running.shard, false));
        if (this.#writtenOff >= this.#options.threads.threads) {
          throw new RollcallError('Every thread hangs in a system call: the storage does not answer.', {
            next: 'Look at the kernel log and the mounts (dmesg, findmnt), then run the command again: it continues where it stopped.',
          });
        }
      }
    }
    if (nowMs - this.#renewedAtMs < RENEW_EVERY_MS) return;
    this.#renewedAtMs = nowMs;
    const moving = [...this.#flights.values()].filter((flight) => nowMs - flight.movedAtMs < STALL_MS);
    const shards = moving.map((flight) => flight.running.shard);
    await this.#ask((client) => renewLeases(client, shards, this.#holder));
  }
}

export function interrupted(): RollcallError {
  return new RollcallError('Interrupted. What was scanned is kept.', { exit: EXIT.interrupted, next: CONTINUES });
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined));
}
