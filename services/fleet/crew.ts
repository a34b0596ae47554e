// What the slots of a worker do: they take the most urgent task that is due, then shards of scans, until there is
// nothing left for this host. Everything but the end of the worker itself is told, tried again and survived.
import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { databaseAdvice, databaseCode } from '../catalog/advice.ts';
import { CALL_KIND } from '../catalog/calls.ts';
import type { Database } from '../catalog/database.ts';
import {
  type Claim,
  type DueTask,
  endTask,
  giveBackTask,
  type Json,
  keepMade,
  type NewTask,
  takeTask,
  type TakenTask,
  TASK_ATTEMPTS,
  waitForTasks,
} from '../catalog/tasks.ts';
import { scansToDrain } from '../catalog/to-drain.ts';
import { shareOfShards } from '../catalog/workers.ts';
import { type ServeKind, type TaskKind, WORKER_KINDS, type WorkerKind } from '../queue/catalogue.ts';
import { drain } from '../scan/drain.ts';
import { LEASES, type Leases, RESUME_WITHIN_MS } from '../scan/limits.ts';
import type { ThreadPool } from '../scan/pool.ts';
import { Crowding } from './crowding.ts';
import { delayMs, isDelay } from './delay.ts';
import { ClaimLost, type Holder } from './holder.ts';
import type { Reader } from './reader.ts';
import type { Slot, Slots } from './slots.ts';

/** What was found or made, for whoever asked. */
export interface TaskAnswer extends Json {
  readonly exit: number;
  /** A sentence for people. */
  readonly message: string;
  readonly next: string | null;
}

export type TaskOutcome =
  | { readonly done: TaskAnswer }
  /** Taken again when all of these have ended. */
  | { readonly wait: readonly NewTask[]; readonly made: Json };

export interface TaskWork {
  readonly task: TakenTask;
  /** Of its slot, opened when they are asked for: each thread costs memory. */
  readonly threads: () => ThreadPool;
  readonly reader: () => Reader;
  /** Fires when the worker ends, and when the task is cancelled or another worker has it. */
  readonly signal: AbortSignal;
  /** Keeps what was made before the next step. @throws ClaimLost */
  readonly keep: (made: Json) => Promise<void>;
  /** What it does now, for people. */
  readonly say: (what: string) => void;
}

/** What it throws as RollcallError is an answer, but for what is waited for (delay.ts). */
export type TaskHandler = (work: TaskWork) => Promise<TaskOutcome>;
/** One for every kind that workers do. */
export type TaskHandlers = { readonly [K in WorkerKind]: TaskHandler };
export type ServeHandlers = { readonly [K in ServeKind]: TaskHandler };

export interface CrewOptions {
  readonly db: Database;
  readonly holder: Holder;
  readonly slots: Slots;
  readonly host: string;
  /** Those of a serve as well, where this is one: kinds without a handler are left to others. */
  readonly handlers: TaskHandlers & Partial<ServeHandlers>;
  readonly nowMs: () => number;
  readonly log: (line: string) => void;
  /** Told of what is tried again and again: one line a minute is enough of it. */
  readonly onError: (error: Error) => void;
  /** LEASES unless given. */
  readonly leases?: Leases;
  /** Told of what other slots and workers could do now: these tasks, or shards. */
  readonly onDue: (due: readonly DueTask[]) => void;
  readonly signal: AbortSignal;
}

/** The SQLSTATE of a server that has no connection left. */
const NO_CONNECTION = '53300';

/** A scan that somebody else is about to close is not asked for again at once. */
const SCAN_AGAIN_MS = 1_000;

export class Crew {
  readonly #options: CrewOptions;
  readonly #kinds: readonly TaskKind[];
  readonly #atWork = new Set<Promise<void>>();
  readonly #triedMs = new Map<bigint, number>();
  readonly #crowding: Crowding;
  /** A task is due, and no slot was free for it. */
  #isTaskWaiting = false;

  /** Throws at once if a kind of the catalogue has no handler. */
  constructor(options: CrewOptions) {
    for (const kind of WORKER_KINDS)
      if (typeof options.handlers[kind] !== 'function') throw new Error(`task ${kind} has no handler`);
    this.#options = options;
    this.#kinds = Object.keys(options.handlers) as TaskKind[];
    this.#crowding = new Crowding(options.nowMs);
  }

  /** Of the tasks that it takes. */
  kinds(): readonly TaskKind[] {
    return this.#kinds;
  }

  /** Takes a free slot, and works in it until nothing is left; false where none is free. Never rejects. */
  async serve(forDrains: boolean): Promise<boolean> {
    const { slots, signal, onError } = this.#options;
    if (slots.busy() >= this.#crowding.limit()) return false;
    const slot = slots.take(forDrains) ?? (forDrains ? null : slots.takeForBricks());
    if (slot === null) return false;
    const work = this.#serveIn(slot)
      .catch((error: unknown) => {
        this.#meets(error);
        if (!signal.aborted) onError(new Error(told(error)));
      })
      .finally(() => {
        slot.release();
        this.#atWork.delete(work);
      });
    this.#atWork.add(work);
    await work;
    return true;
  }

  /** The next drain that comes to the end of a shard makes room. */
  letTasksIn(): void {
    this.#isTaskWaiting = true;
  }

  /** Resolves when no slot works any more. */
  async ended(): Promise<void> {
    while (this.#atWork.size > 0) await Promise.all(this.#atWork);
  }

  async #serveIn(slot: Slot): Promise<void> {
    const { signal, holder, host, nowMs, slots } = this.#options;
    while (!signal.aborted && !slot.isLost() && slots.busy() <= this.#crowding.limit()) {
      const task = await holder.ask(
        (client, number) => {
          const kinds = slot.isForBricks ? [CALL_KIND] : this.#kinds;
          return takeTask(client, { holder: number, host, kinds, nowMs: nowMs() });
        },
        { whole: true },
      );
      this.#isTaskWaiting = false;
      if (task !== null) await this.#doTask(slot, task);
      else if (slot.isKept || !(await this.#drainOne(slot))) return;
      slot.say(null);
    }
  }

  #meets(error: unknown): void {
    if (databaseCode(error) === NO_CONNECTION) this.#crowding.met(this.#options.slots.busy());
  }

  async #drainOne(slot: Slot): Promise<boolean> {
    const { db, host, nowMs, signal, log, onError, onDue, leases = LEASES } = this.#options;
    const scans = await scansToDrain(db.pool, { host, liveSinceMs: nowMs() - RESUME_WITHIN_MS });
    const next = scans.find(({ scanId }) => nowMs() - (this.#triedMs.get(scanId) ?? 0) > SCAN_AGAIN_MS);
    if (next === undefined) return false;
    const { scanId, shards } = next;
    slot.say(`scan ${scanId}`);
    try {
      const { outcome } = await drain({
        db,
        threads: slot.threads(),
        scanId,
        host,
        nowMs,
        signal,
        waitForOthers: false,
        // One whose thread hangs takes nothing more: the others have the rest.
        givesWay: () => this.#isTaskWaiting || slot.isLost(),
        share: (client) => shareOfShards(client, { scanId, host }),
        onFull: () => onDue([]),
        leases,
        onProgress: () => undefined,
        onFailure: (error) => log(`scan ${scanId}: a shard failed: ${told(error)}`),
      });
      if (outcome === 'complete' || outcome === 'unchanged') log(`scan ${scanId}: ${outcome}`);
      // There may be shards again at any moment: those that are being done are divided.
      if (outcome === 'left to others' && (shards > 0 || this.#isTaskWaiting)) return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#meets(error);
      const line = `scan ${scanId}: ${told(error)}`;
      if (error instanceof RollcallError && error.exit === EXIT.guard) log(line);
      else onError(new Error(line));
      // Its storage or the database is away: the next look finds it again.
      await pause(SCAN_AGAIN_MS);
    }
    if (this.#triedMs.size > 1_000) this.#triedMs.clear();
    this.#triedMs.set(scanId, nowMs());
    return true;
  }

  async #doTask(slot: Slot, task: TakenTask): Promise<void> {
    const { holder, signal, handlers, log } = this.#options;
    const name = `task ${task.id} (${task.kind})`;
    const claim: Claim = { ...task, holder: await holder.ask(async (_, number) => number) };
    const lost = holder.hold(claim);
    const stop = AbortSignal.any([signal, lost]);
    slot.say(name);
    const work: TaskWork = {
      task,
      threads: () => slot.threads(),
      reader: () => slot.reader(),
      signal: stop,
      keep: async (made) => {
        const kept = await holder.ask((client) => keepMade(client, claim, made));
        if (!kept) throw new ClaimLost(`${name} is not held any more`);
      },
      say: (what) => slot.say(`${name}: ${what}`),
    };
    try {
      const handler = handlers[task.kind as TaskKind];
      if (handler === undefined) throw new Error(`task ${task.kind} has no handler`);
      const outcome = await handler(work);
      await this.#settle(task, claim, outcome);
    } catch (error) {
      if (lost.aborted || error instanceof ClaimLost)
        log(`${name}: it was cancelled, or another worker has it; stopped`);
      else await this.#failed(task, claim, error);
    } finally {
      holder.release(task.id);
    }
  }

  async #settle(task: TakenTask, claim: Claim, outcome: TaskOutcome): Promise<void> {
    const { holder, nowMs, log, onDue } = this.#options;
    const name = `task ${task.id} (${task.kind})`;
    if ('wait' in outcome) {
      const { wait: tasks, made } = outcome;
      const waiting = { ...claim, priority: task.priority };
      const due = await holder.ask((client) => waitForTasks(client, waiting, { tasks, made, nowMs: nowMs() }), {
        whole: true,
      });
      if (due === null) log(`${name}: another worker has it; what it wanted was not kept`);
      else onDue(due);
      return;
    }
    await this.#end(task, claim, { state: 'done', result: outcome.done });
  }

  async #end(task: TakenTask, claim: Claim, end: { state: 'done' | 'failed'; result: TaskAnswer }): Promise<void> {
    const { holder, nowMs, log, onDue } = this.#options;
    const name = `task ${task.id} (${task.kind})`;
    const woken = await holder.ask((client) => endTask(client, claim, { ...end, nowMs: nowMs() }), { whole: true });
    if (woken === 'lost') return log(`${name}: another worker has it; what came of it here was not kept`);
    const { exit, message, next } = end.result;
    // A scan elsewhere asks for bricks by the thousand.
    if (task.kind !== CALL_KIND || exit !== EXIT.nothing)
      log(`${name} ended with exit code ${exit}: ${sentence(message)}${next === null ? '' : ` Next: ${next}`}`);
    if (woken !== null) onDue([woken]);
  }

  /**
   * What the operator can help with is an answer. A delay, and a worker that ends, are none, whatever they are told as.
   */
  async #failed(task: TakenTask, claim: Claim, error: unknown): Promise<void> {
    const { holder, host, signal, nowMs, log } = this.#options;
    const name = `task ${task.id} (${task.kind})`;
    const why = told(error);
    const ends = signal.aborted || (error instanceof RollcallError && error.exit === EXIT.interrupted);
    const waits = isDelay(error);
    this.#meets(error);
    if (!ends && !waits && (error instanceof RollcallError || task.attempts >= TASK_ATTEMPTS)) {
      const answer = answerOf(error);
      const state = error instanceof RollcallError ? 'done' : 'failed';
      return this.#end(task, claim, { state, result: answer });
    }
    const afterMs = ends ? 0 : delayMs(waits ? task.delays : task.attempts);
    if (!ends) log(`${name}: ${why} Tried again in ${Math.round(afterMs / 1_000)} s.`);
    const trouble = ends ? null : { atMs: nowMs(), host, why };
    await holder.ask((client) => giveBackTask(client, claim, { afterMs, blameless: ends || waits, trouble }));
  }
}

/** A failure as an answer. */
export function answerOf(error: unknown): TaskAnswer {
  const advised = error instanceof RollcallError ? error : databaseAdvice(error);
  if (advised !== null) return { exit: advised.exit, message: advised.message, next: advised.next };
  return { exit: EXIT.failure, message: error instanceof Error ? error.message : String(error), next: null };
}

function told(error: unknown): string {
  const { message, next } = answerOf(error);
  return next === null ? sentence(message) : `${sentence(message)} Next: ${sentence(next)}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
