// Draining a scan: claiming shards, giving them to threads, renewing leases, and closing when none is left. Any number
// of processes may drain the same scan at once; one-shot commands call this directly, workers when the queue wakes
// them.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { joinPath } from '../../domain/path.ts';
import { throwAdvised } from '../catalog/advice.ts';
import type { Connection, Database } from '../catalog/database.ts';
import { giveUpShard } from '../catalog/give-up.ts';
import { loadScanContext, type ScanContext } from '../catalog/scan-context.ts';
import { giveUpScan } from '../catalog/abort-scan.ts';
import { scanState } from '../catalog/scans.ts';
import {
  claimShard,
  endOverdueWrites,
  FenceLost,
  releaseHung,
  releaseShard,
  renewLeases,
  type Shard,
} from '../catalog/shards.ts';
import type { Debug } from '../process/debug.ts';
import { DrainConnection } from './drain-connection.ts';
import { endedElsewhere, finishScan, type FinishOutcome } from './finish.ts';
import { type Flight, groupedByThread, nameOf, newFlight, type Progress, progressOf } from './flight.ts';
import { Fullness } from './fullness.ts';
import { CONTINUES, interrupted } from './interrupted.ts';
import { HANGS_MIN, LEASES, type Leases, SHARD_ATTEMPTS, UNWATCHED_MS, WRITTEN_OFF_MAX } from './limits.ts';
import type { RunningShard, ThreadPool } from './pool.ts';
import type { ShardAnswer } from './task.ts';
import { Widening } from './widening.ts';

export interface DrainOptions {
  readonly db: Database;
  readonly threads: ThreadPool;
  readonly scanId: bigint;
  /** Shards of roots on this host are done. */
  readonly host: string;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  /** False for a worker: another host may hold what is left, and nothing has to be waited for. */
  readonly waitForOthers: boolean;
  /** Asked before each shard is claimed: whether something more urgent waits. What is in hands is ended first. */
  readonly givesWay?: () => boolean;
  /**
   * Of a worker: how many shards it may have in hands at once, so that the other slots of its host find some, too. As
   * many as its threads can hold unless given.
   */
  readonly share?: (client: Connection) => Promise<number>;
  /** Told now and then that all lanes are taken, so that others may find shards to do. */
  readonly onFull?: () => void;
  /** LEASES unless given. */
  readonly leases?: Leases;
  readonly debug?: Debug;
  /** A shard failed for the last time; it will be divided, or become a gap. */
  readonly onFailure: (error: unknown) => void;
}

export type DrainOutcome = FinishOutcome | { readonly outcome: 'left to others' };

const POLL_MS = 100;

/**
 * Does shards of the scan until none is left, then closes it.
 * @throws RollcallError when a guard stops the scan (exit 4) or the command is interrupted (130); the scan can then be
 *   continued
 */
export async function drain(options: DrainOptions): Promise<DrainOutcome> {
  const connection = await DrainConnection.open(options.db, options.signal);
  let started: Drain | null = null;
  try {
    const context = await loadScanContext(connection.client, options.scanId, { host: options.host });
    started = new Drain(options, connection, context);
    return await started.run();
  } catch (error) {
    // It was running when it was looked for, a moment ago.
    if (started === null && error instanceof FenceLost)
      return endedElsewhere(await connection.ask((client) => scanState(client, options.scanId)));
    await started?.abandon();
    return throwAdvised(error);
  } finally {
    await connection.end();
  }
}

class Drain {
  readonly #options: DrainOptions;
  readonly #connection: DrainConnection;
  readonly #context: ScanContext;
  readonly #flights = new Map<bigint, Flight>();
  readonly #leases: Leases;
  #done: Progress = { files: 0, bytes: 0 };
  /** What a thread is measured by: time in which this process looked. */
  #watchedMs = 0;
  #lookedAtMs: number;
  #renewedAtMs: number;
  readonly #widening = new Widening();
  readonly #fullness = new Fullness();
  #writtenOff = 0;
  /** Of these, the ones that did not even come to a name. */
  #outside = 0;

  constructor(options: DrainOptions, connection: DrainConnection, context: ScanContext) {
    this.#options = options;
    this.#connection = connection;
    connection.onLost = () => this.abandon();
    this.#context = context;
    this.#leases = options.leases ?? LEASES;
    this.#lookedAtMs = options.nowMs();
    this.#renewedAtMs = this.#lookedAtMs;
  }

  async run(): Promise<DrainOutcome> {
    const { scanId, host, signal, threads, share } = this.#options;
    for (;;) {
      if (signal.aborted) throw interrupted();
      const givesWay = this.#options.givesWay?.() === true;
      const mine = share === undefined ? Number.POSITIVE_INFINITY : await this.#connection.ask(share);
      // One more than there are lanes, so that none waits for a claim.
      const lanes = givesWay ? 0 : Math.min(threads.lanes + 1, mine);
      while (this.#flights.size < lanes && !signal.aborted) {
        const shard = await this.#connection.ask((client) =>
          claimShard(client, { scanId, host }, this.#connection.holder, this.#leases.leaseMs),
        );
        if (shard === null) break;
        if (shard.attempts > SHARD_ATTEMPTS) {
          await this.#connection.ask((client) => giveUpShard(client, this.#context, shard, this.#options.nowMs()));
          continue;
        }
        this.#start(shard);
      }
      this.#fullness.set(lanes > 0 && this.#flights.size >= lanes);
      if (this.#flights.size > 0) {
        await this.#landOne();
        continue;
      }
      if (givesWay) return { outcome: 'left to others' };
      const state = await this.#connection.ask((client) => scanState(client, scanId));
      if (state.state !== 'running' || state.openShards === 0) {
        const finished = await this.#connection.ask((client) =>
          finishScan({ ...this.#options, client, context: this.#context, asking: this.#options }, state),
        );
        this.#options.debug?.scan?.(
          `scan ${scanId} on ${this.#context.path}: ${finished === 'relist' ? finished : finished.outcome}`,
        );
        if (finished !== 'relist') return finished;
        continue;
      }
      await this.#connection.ask((client) => endOverdueWrites(client, scanId));
      if (!this.#options.waitForOthers) return { outcome: 'left to others' };
      await pause(POLL_MS);
    }
  }

  #start(shard: Shard): void {
    this.#options.debug?.scan?.(`${nameOf(shard)} begins, attempt ${shard.attempts}`);
    const running = this.#options.threads.run(this.#options.scanId, shard);
    // Landed in #landOne; marked as handled, so that a failure while another shard is awaited ends nothing.
    running.answer.catch(() => undefined);
    this.#flights.set(shard.id, newFlight(running, this.#watchedMs));
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
      this.#options.onProgress(progressOf(this.#flights.values(), this.#done, this.#watchedMs));
      await this.#tend();
      if (this.#fullness.isTold(this.#options.nowMs())) this.#options.onFull?.();
      if (landed === undefined) {
        if (this.#options.signal.aborted) return;
        continue;
      }
      const { shard } = landed.flight.running;
      // Given up meanwhile, and perhaps claimed anew.
      if (this.#flights.get(shard.id) !== landed.flight) return;
      this.#flights.delete(shard.id);
      this.#options.debug?.scan?.(
        `${nameOf(shard)} ends: ${'error' in landed ? String(landed.error) : landed.answer.outcome}, ${landed.flight.counted.files} files, ${landed.flight.counted.bytes} bytes read`,
      );
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
          // Not waited for: the server may be gone with its last free block. Its lease runs out.
          await releaseShard(this.#connection.client, shard, true).catch(() => undefined);
          const cause = Object.assign(new Error(stack ?? message), { code: stops.code });
          throw new RollcallError(message, { next: stops.next ?? CONTINUES, cause });
        }
        return this.#failed(shard, new Error(message, { cause: stack }));
      }
      case 'quarantine': {
        const reason = `quarantined: ${answer.reason}`;
        await giveUpScan(this.#options.db, this.#options.scanId, { reason, nowMs: this.#options.nowMs() });
        throw new RollcallError(`${answer.reason}. Nothing was concluded from this scan.`, {
          exit: EXIT.guard,
          next:
            this.#context.role === 'live'
              ? 'Check that the file system is mounted where it was (findmnt), then run the command again.'
              : 'Check that the file system of the backup is mounted (findmnt), and let the backup program finish if it is running; then run the command again.',
        });
      }
    }
  }

  /** What is neither a finding nor a passing fault: the shard is tried again, a few times. */
  async #failed(shard: Shard, error: unknown): Promise<void> {
    if (error instanceof RollcallError) throw error;
    await this.#connection.ask((client) => releaseShard(client, shard, false));
    if (shard.attempts >= SHARD_ATTEMPTS) this.#options.onFailure(error);
  }

  /** Leaves the shards that are being done, for others to claim. */
  async abandon(): Promise<void> {
    for (const flight of this.#flights.values()) {
      flight.running.abandon('given up');
      await releaseShard(this.#connection.client, flight.running.shard, true).catch(() => undefined);
    }
    this.#flights.clear();
  }

  /** Renews the leases of threads that move; gives up a shard whose thread stood still, and writes the thread off. */
  async #tend(): Promise<void> {
    const nowMs = this.#options.nowMs();
    const { threads } = this.#options;
    if (this.#widening.isWorth(nowMs, this.#flights.size > threads.lanes)) threads.widen();
    // After a stop (Ctrl-Z, a suspended machine) or a jump of the clock nobody knows how long a thread stood still.
    this.#watchedMs += Math.min(Math.max(nowMs - this.#lookedAtMs, 0), UNWATCHED_MS);
    this.#lookedAtMs = nowMs;
    const { renewEveryMs, stallMs, leaseMs } = this.#leases;
    for (const flight of this.#flights.values()) {
      const moved = flight.running.progress.ticks();
      // 0: no thread has taken it up yet.
      if (moved !== flight.lastMoved || moved === 0) {
        flight.lastMoved = moved;
        flight.movedAtMs = this.#watchedMs;
      }
    }
    const silent = (ms: number): Flight[] =>
      [...this.#flights.values()].filter((flight) => this.#watchedMs - flight.movedAtMs > ms);
    if (silent(stallMs).length > 0) {
      // Those that began to hang a little later hang as well.
      const hanging = silent(stallMs / 2);
      const threads = groupedByThread(hanging);
      for (const flights of threads) await this.#writeOff(flights);
      this.#refuseDead(threads.length);
    }
    // By the clock itself, whichever way it jumps: renewing too often does no harm.
    if (Math.abs(nowMs - this.#renewedAtMs) < renewEveryMs) return;
    this.#renewedAtMs = nowMs;
    const moving = [...this.#flights.values()].filter((flight) => this.#watchedMs - flight.movedAtMs < stallMs);
    const shards = moving.map((flight) => flight.running.shard);
    await this.#connection.ask((client) => renewLeases(client, shards, this.#connection.holder, leaseMs));
  }

  /**
   * A system call that never returns cannot be ended, only left alone, with its thread; the pool starts another. The
   * shard is done without that name. The other shards of the thread only stood still with it, and are done again.
   */
  async #writeOff(flights: readonly Flight[]): Promise<void> {
    const isInCall = flights.some(({ running }) => running.place() !== null);
    if (!isInCall) this.#outside++;
    this.#writtenOff++;
    for (const { running } of flights) await this.#giveBack(running, isInCall);
  }

  async #giveBack(running: RunningShard, isInCall: boolean): Promise<void> {
    const { onFailure } = this.#options;
    const { shard } = running;
    const place = running.place();
    this.#flights.delete(shard.id);
    running.abandon('hangs');
    if (place === null) {
      await this.#connection.ask((client) => releaseShard(client, shard, isInCall));
    } else {
      const directory = await this.#connection.ask((client) => releaseHung(client, shard, place));
      const path = joinPath(joinPath(this.#context.path, directory), place.name);
      onFailure(
        new Error(`no answer from ${path}: a thread hangs there and is written off, the scan goes on without it`),
      );
    }
  }

  /** One name that hangs is left out; a storage that does not answer at all, or in ever more places, ends the run. */
  #refuseDead(hanging: number): void {
    const all = Math.max(HANGS_MIN, this.#options.threads.threads);
    if (hanging < all && this.#outside < all && this.#writtenOff < WRITTEN_OFF_MAX) return;
    throw new RollcallError(
      `${this.#writtenOff} threads hang in system calls on ${this.#context.path}: the storage does not answer.`,
      {
        next: 'Look at the kernel log and the mounts (dmesg, findmnt), then run the command again: it continues where it stopped.',
      },
    );
  }
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined));
}
