// What `rollcall worker` does: it serves one host, woken by the queue, and looks into the catalog by itself, so that no
// lost job and no lost queue leaves work lying. Nothing but a signal, or storage in which every thread hangs, ends it.
import { EXIT, type ExitCode } from '../domain/exit.ts';
import { openPool } from './catalog/database.ts';
import { migrationLevel } from './catalog/migrate.ts';
import { endSilent, forgetOldTasks } from './catalog/steer-tasks.ts';
import { type DueTask, dueTasks } from './catalog/tasks.ts';
import { scansToDrain } from './catalog/to-drain.ts';
import { forgetOldRuns } from './catalog/schedule-runs.ts';
import { farewell, heartbeat, HEARTBEAT_MS, workersAlive } from './catalog/workers.ts';
import { adviceOnConnections, SHARED_MAX } from './fleet/budget.ts';
import { openCalls } from './fleet/call-hosts.ts';
import { Crew } from './fleet/crew.ts';
import type { Duty } from './fleet/duty.ts';
import { Holder } from './fleet/holder.ts';
import { newBell, quietly } from './fleet/loop.ts';
import { openSlots, type Slots } from './fleet/slots.ts';
import { rollcallEdition } from './process/edition.ts';
import { ownersOfMachine } from './process/owners.ts';
import { limitReading, newHostBudget, shareHostBudget } from './process/pace.ts';
import { within } from './process/within.ts';
import type { QueueAddress } from './queue/backend.ts';
import { KINDS, type KindName, WAKE_EVERY_MS } from './queue/catalogue.ts';
import { openQueue, type WakeQueue } from './queue/queue.ts';
import { openWorker } from './queue/worker.ts';
import { LEASES, type Leases, RESUME_WITHIN_MS, THREADS_MAX } from './scan/limits.ts';
import { threadsAllowed } from './scan/pool.ts';
import { taskHandlers } from './tasks.ts';

export { waitForCatalog } from './fleet/catalog-wait.ts';

export interface WorkerOptions {
  /** Of the catalog, which is migrated; a queue without redisUrl lies beside it. */
  readonly address: NonNullable<QueueAddress['address']>;
  readonly redisUrl: string | null;
  /** Whose roots are read: the name that the scans of this machine were begun with. */
  readonly host: string;
  /** Shards that are done at once, one thread each, as far as memory allows; null for one per core. */
  readonly slots: number | null;
  /** Bytes that are read in a second, over all slots; null for no limit. */
  readonly bytesPerSecond: number | null;
  /** How often the catalog is looked into; WAKE_EVERY_MS unless given. */
  readonly lookEveryMs?: number;
  /** A host that says nothing for so long is not waited for; SILENT_MS unless given. */
  readonly silentMs?: number;
  /** LEASES unless given. */
  readonly leases?: Leases;
  /** End when nothing is left to do. */
  readonly once: boolean;
  /** What it does besides, where it is a serve. */
  readonly duty?: Duty;
  readonly nowMs: () => number;
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** Ends the work in order when it fires. */
  readonly signal: AbortSignal;
}

/** Each phase of the end has its own bound: whatever hangs, a service manager does not have to kill. */
const STOP_MS = { jobs: 20_000, threads: 5_000, queue: 2_000, catalog: 5_000 } as const;
/** What was left for a host that has no worker for so long is ended, and whoever waits goes on without. */
const SILENT_MS = 5 * 60_000;
/** What ended long ago is let go this often. */
const FORGET_EVERY_MS = 3_600_000;
/** Somebody waits for a worker that ends by itself. */
const ONCE_LOOK_MS = 500;
/** How long one of the connections that all slots share is kept when nobody uses it. */
const POOL_IDLE_MS = 5_000;
/** Beyond this, times of different hosts do not order what happened. */
const CLOCK_OFFSET_MS = 2_000;

/**
 * Works until the signal fires (then 0), with `once` until nothing is left to do; 2, loudly, when no thread is left, or
 * when the catalog has become newer than this version.
 */
export async function runWorker(options: WorkerOptions): Promise<ExitCode> {
  const worker = new FleetWorker(options);
  return worker.run();
}

class FleetWorker {
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #onError: (error: Error) => void;
  readonly #db;
  readonly #slots: Slots;
  readonly #slotCount: number;
  readonly #queue: WakeQueue;
  readonly #holder: Holder;
  readonly #crew: Crew;
  readonly #bell;
  readonly #budget = newHostBudget();
  readonly #tickBell;
  readonly #startedMs: number;
  #exit: ExitCode = EXIT.nothing;
  #forgotMs = 0;

  constructor(options: WorkerOptions) {
    const { address, host, nowMs, log, leases = LEASES } = options;
    this.#options = options;
    this.#startedMs = nowMs();
    if (options.signal.aborted) this.#stop.abort();
    options.signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    const { signal } = this.#stop;
    this.#onError = quietly(log, nowMs);
    // One more for each slot would be too many: short statements share these (docs/queue.md, the connections).
    this.#db = openPool(address, {
      applicationName: 'rollcall worker',
      connectionsMax: SHARED_MAX,
      idleMs: POOL_IDLE_MS,
    });
    this.#slotCount = threadsAllowed(options.slots ?? undefined);
    const onNoneLeft = (): void =>
      this.#end(
        EXIT.failure,
        'no thread is left: the storage does not answer. Look at dmesg and findmnt; this worker ends.',
      );
    // The pace is for this thread, too, which reads when it judges and writes bundles.
    const pace = limitReading(options.bytesPerSecond);
    const budget = this.#budget;
    const { silentMs = SILENT_MS } = options;
    const onDue = (due: readonly DueTask[]): void => void this.#wake(due);
    const callHost = openCalls({ db: this.#db, nowMs, silentMs, onDue, signal });
    this.#slots = openSlots({ address, host, count: this.#slotCount, pace, budget, callHost, log, onNoneLeft, nowMs });
    this.#queue = openQueue({ ...this.#where(), onError: this.#onError });
    this.#bell = newBell(signal);
    this.#tickBell = newBell(signal);
    this.#holder = new Holder({ address, signal, onError: this.#onError });
    const handlers = taskHandlers({
      db: this.#db,
      host,
      nowMs,
      log,
      leases,
      owners: ownersOfMachine(),
      onPhase: () => this.#bell.ring(),
    });
    this.#crew = new Crew({
      db: this.#db,
      holder: this.#holder,
      slots: this.#slots,
      host,
      handlers: { ...handlers, ...options.duty?.handlers },
      nowMs,
      log,
      onError: this.#onError,
      leases,
      signal,
      onDue: (due) => {
        this.#bell.ring();
        void this.#wake(due);
      },
    });
  }

  #where(): QueueAddress {
    const { redisUrl, address } = this.#options;
    return redisUrl === null ? { address } : { redisUrl };
  }

  #end(exit: ExitCode, why: string): void {
    this.#options.log(why);
    this.#exit = exit;
    this.#stop.abort();
  }

  async run(): Promise<ExitCode> {
    const { host, log, redisUrl, once, duty, lookEveryMs = WAKE_EVERY_MS } = this.#options;
    const { signal } = this.#stop;
    const slots = this.#slotCount;
    const worker = openWorker({
      ...this.#where(),
      host,
      slots: slots + 2,
      serves: duty !== undefined,
      onJob: async ({ kind }) => {
        if (KINDS[kind].of === 'watch') return this.#tickBell.ring();
        const forDrains = KINDS[kind].of === 'scan';
        if (!(await this.#crew.serve(forDrains)) && !forDrains) this.#crew.letTasksIn();
      },
      onError: this.#onError,
    });
    const what = duty === undefined ? 'worker' : 'serve';
    log(`${what} on ${host}: ${slots} slots, queue on ${redisUrl === null ? 'Postgres' : 'Redis'}`);
    const beat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    await this.#beat();
    await this.#adviseOnConnections();
    const ticking = duty === undefined ? Promise.resolve() : this.#ticks(duty);
    while (!signal.aborted) {
      try {
        const found = await this.#look();
        if (once && !found && this.#slots.busy() === 0) break;
      } catch (error) {
        this.#onError(error instanceof Error ? error : new Error(String(error)));
      }
      await this.#bell.pause(once ? ONCE_LOOK_MS : lookEveryMs);
    }
    log('stopping: no new work; running work returns to the queue');
    clearInterval(beat);
    this.#stop.abort();
    if ((await within(STOP_MS.jobs, Promise.all([this.#crew.ended(), ticking]))) === 'late')
      log('some work did not end in time; its leases run out by themselves');
    await worker.close(STOP_MS.queue);
    // What is away cannot be left in order.
    const left = (work: Promise<void>): Promise<void> => work.catch(() => undefined);
    await within(STOP_MS.threads, left(this.#slots.close()));
    await within(STOP_MS.queue, left(this.#queue.close()));
    await within(STOP_MS.catalog, left(this.#leave()));
    return this.#exit;
  }

  /** Each minute by a timer of its own, and when a job of the queue says so: a queue that was emptied only delays. */
  async #ticks(duty: Duty): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const due = await duty.tick();
        if (due.length > 0) this.#bell.ring();
        await this.#queue.tickEachMinute();
      } catch (error) {
        if (!signal.aborted) this.#onError(error instanceof Error ? error : new Error(String(error)));
      }
      await this.#tickBell.pause(duty.againMs());
    }
  }

  async #leave(): Promise<void> {
    const number = this.#holder.number();
    if (number !== null) await farewell(this.#db.pool, number);
    await this.#holder.close();
    await this.#db.close();
  }

  async #adviseOnConnections(): Promise<void> {
    const { log, redisUrl } = this.#options;
    const advice = await adviceOnConnections(this.#db.pool, redisUrl === null).catch(() => null);
    if (advice !== null) log(advice);
  }

  async #beat(): Promise<void> {
    const { host, nowMs } = this.#options;
    try {
      const offsetMs = await this.#holder.ask((client, holder) =>
        heartbeat(
          client,
          {
            holder,
            host,
            version: rollcallEdition(),
            pid: process.pid,
            slots: this.#slotCount,
            doing: this.#slots.doing(),
            startedMs: this.#startedMs,
          },
          nowMs(),
        ),
      );
      shareHostBudget(this.#budget, await workersAlive(this.#db.pool, host));
      if (Math.abs(offsetMs) > CLOCK_OFFSET_MS)
        this.#onError(
          new Error(`the clock of ${host} is ${offsetMs} ms off that of the database; set it (chrony, ntpd)`),
        );
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#onError(error as Error);
    }
  }

  /**
   * What jobs should have told: tasks that are due, scans with something to do, hosts that are silent, a catalog that
   * another version has migrated. Free slots take what they can, and the rest wakes others.
   * @returns whether there was anything
   */
  async #look(): Promise<boolean> {
    const { host, nowMs, silentMs = SILENT_MS } = this.#options;
    await this.#checkLevel();
    await this.#holder.ask((client) => endSilent(client, silentMs, nowMs()), { whole: true });
    if (nowMs() - this.#forgotMs > FORGET_EVERY_MS) {
      await forgetOldTasks(this.#db.pool, nowMs());
      await forgetOldRuns(this.#db.pool, nowMs());
      this.#forgotMs = nowMs();
    }
    const tasks = await dueTasks(this.#db.pool, { host, kinds: this.#crew.kinds() });
    const scans = await scansToDrain(this.#db.pool, { host, liveSinceMs: nowMs() - RESUME_WITHIN_MS });
    if (tasks.length > this.#slots.free(false)) this.#crew.letTasksIn();
    for (let n = 0; n < tasks.length && this.#slots.free(false) > 0; n++) void this.#crew.serve(false);
    // Those have a slot of their own, too.
    if (tasks.some(({ kind }) => kind === 'read-bricks')) void this.#crew.serve(false);
    const shards = scans.reduce((sum, scan) => sum + Math.max(1, scan.shards), 0);
    for (let n = 0; n < shards && this.#slots.free(true) > 0; n++) void this.#crew.serve(true);
    await this.#wake(tasks);
    for (const { scanId, shards: open } of scans)
      await this.#queue
        .wake(host, { kind: 'drain-scan', id: scanId }, Math.min(THREADS_MAX, Math.max(1, open)))
        .catch(this.#onError);
    return tasks.length + scans.length > 0;
  }

  /** Somebody has upgraded: what this version writes may be wrong in the new catalog. */
  async #checkLevel(): Promise<void> {
    const { unknown } = await migrationLevel(this.#db);
    if (unknown !== null)
      this.#end(
        EXIT.failure,
        `the catalog has ${unknown}, which this version does not know: update this worker. It ends.`,
      );
    this.#stop.signal.throwIfAborted();
  }

  async #wake(due: readonly DueTask[]): Promise<void> {
    for (const { id, kind, host } of due)
      await this.#queue.wake(host, { kind: kind as KindName, id }, 1).catch(this.#onError);
  }
}
