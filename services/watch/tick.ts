// One look at the clock: what is due is left as tasks, what has ended is kept, then incidents are reviewed and messages
// left. Whoever ticks, and however often, each due time has one run: the catalog keeps it, in one transaction with its
// task.
import type { Configuration, Schedule, WatchedBackup, WatchedVolume } from '../../domain/watch/configuration.ts';
import { isOpen } from '../../domain/watch/windows.ts';
import { keptConfiguration } from '../catalog/configurations.ts';
import { type Database, inTransaction } from '../catalog/database.ts';
import { pausedUntil, pausesNow } from '../catalog/pauses.ts';
import type { Queryable } from '../catalog/scans.ts';
import {
  forgetRunsAfter,
  leaveRun,
  lockRuns,
  type RunKind,
  runsSoFar,
  type RunsSoFar,
  volumesWithNews,
} from '../catalog/schedule-runs.ts';
import type { DueTask, Json, NewTask } from '../catalog/tasks.ts';
import { watchedIds } from '../catalog/watched.ts';
import { WORK } from '../report/watch/run.ts';
import { type Due, dueNow } from './due.ts';
import type { Review } from './incidents.ts';
import { scrubReference } from './scrub.ts';
import { settleRuns, tellPings } from './settle.ts';

/** What is to be done, for whoever makes a task of it. */
export type Wanted =
  | { readonly kind: 'quick'; readonly volume: WatchedVolume }
  | { readonly kind: 'snapshots'; readonly backup: WatchedBackup }
  | { readonly kind: 'scrub'; readonly volume: WatchedVolume; readonly reference: Json };

export interface TickTools {
  readonly db: Database;
  readonly nowMs: () => number;
  readonly taskFor: (configuration: Configuration, wanted: Wanted, nowMs: number) => NewTask;
  readonly reviewIncidents: (client: Queryable, of: Review) => Promise<unknown>;
  /** @returns the tasks that were left */
  readonly leaveDeliveries: (client: Queryable, at: { readonly nowMs: number }) => Promise<readonly DueTask[]>;
  /** Told of a step that failed; the others are done all the same. */
  readonly onError: (error: Error) => void;
  /** One line for the operator. */
  readonly log: (line: string) => void;
}

export interface Ticked {
  /** Null: none holds, and nothing is watched. */
  readonly configuration: Configuration | null;
  /** Tasks that can be taken now. */
  readonly left: readonly DueTask[];
  /** Incidents were reviewed and messages left: otherwise nobody is told of anything. */
  readonly isTold: boolean;
}

/**
 * A clock may be set back by the hours of a zone, and by mistake by a day: no due time comes twice then. Runs that are
 * further ahead are of a clock that was wrong, and are forgotten; else nothing would be due until it is that late.
 */
const AHEAD_MAX_MS = 25 * 3_600_000;

/** @throws where the catalog cannot be reached */
export async function tick(tools: TickTools): Promise<Ticked> {
  const { db, onError } = tools;
  const nowMs = tools.nowMs();
  const { configuration, left } = await inTransaction(db, (client) => leaveDue(client, tools, nowMs));
  if (configuration === null) return { configuration, left, isTold: true };
  let isTold = true;
  const step = async <T>(act: (client: Queryable) => Promise<T>, otherwise: T): Promise<T> =>
    inTransaction(db, act).catch((error: unknown) => {
      isTold = false;
      onError(error instanceof Error ? error : new Error(String(error)));
      return otherwise;
    });
  await step((client) => tools.reviewIncidents(client, { configuration, nowMs }), null);
  const told = await step((client) => tools.leaveDeliveries(client, { nowMs }), []);
  return { configuration, left: [...left, ...told], isTold };
}

async function leaveDue(client: Queryable, tools: TickTools, nowMs: number): Promise<Omit<Ticked, 'isTold'>> {
  await lockRuns(client);
  const kept = await keptConfiguration(client);
  if (kept === null) return { configuration: null, left: [] };
  const configuration = kept.document;
  const forgotten = await forgetRunsAfter(client, nowMs + AHEAD_MAX_MS);
  if (forgotten > 0)
    tools.log(`the clock was set back by more than a day: ${forgotten} runs that it was ahead for are forgotten`);
  await settleRuns(client, configuration, nowMs);
  const round = await Round.begin(client, tools, { configuration, sinceMs: kept.appliedMs, nowMs });
  const { backups, volumes } = configuration;
  for (const backup of backups) await apart(client, tools, backup.name, () => round.look(backup));
  for (const volume of volumes) await apart(client, tools, volume.name, () => round.assess(volume));
  for (const volume of volumes) await apart(client, tools, volume.name, () => round.scrub(volume));
  return { configuration, left: round.left };
}

/** What goes wrong with one of them keeps nobody from auditing the others. */
async function apart(client: Queryable, { onError }: TickTools, name: string, act: () => Promise<void>): Promise<void> {
  await client.query('savepoint apart');
  try {
    await act();
    await client.query('release savepoint apart');
  } catch (error) {
    // Fails where the connection did: then all of it is done again.
    await client.query('rollback to savepoint apart');
    onError(
      new Error(`${name}: what is due could not be left: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

interface At {
  readonly configuration: Configuration;
  readonly sinceMs: number;
  readonly nowMs: number;
}

/** What is due at one moment, held against what was left before. */
class Round {
  readonly left: DueTask[] = [];
  readonly #client: Queryable;
  readonly #tools: TickTools;
  readonly #at: At;
  readonly #soFar: ReadonlyMap<string, RunsSoFar>;
  readonly #isPaused: (subject: string) => boolean;
  readonly #ids: ReadonlyMap<string, number>;
  #isAssessing = new Set<string>();

  private constructor(
    client: Queryable,
    tools: TickTools,
    at: At,
    known: {
      readonly runs: readonly RunsSoFar[];
      readonly isPaused: (subject: string) => boolean;
      readonly ids: ReadonlyMap<string, number>;
    },
  ) {
    this.#client = client;
    this.#tools = tools;
    this.#at = at;
    this.#soFar = new Map(known.runs.map((runs) => [keyOf(runs.subject, runs.kind), runs]));
    this.#isPaused = known.isPaused;
    this.#ids = known.ids;
  }

  static async begin(client: Queryable, tools: TickTools, at: At): Promise<Round> {
    const pauses = await pausesNow(client, at.nowMs);
    return new Round(client, tools, at, {
      runs: await runsSoFar(client, at.nowMs),
      isPaused: (subject) => pausedUntil(pauses, subject) !== null,
      ids: await watchedIds(client, at.configuration),
    });
  }

  /** New snapshots. */
  async look(backup: WatchedBackup): Promise<void> {
    const due = this.#dueOf(backup.name, 'snapshots', backup.look);
    if (due !== null) await this.#leave(backup.name, due, { kind: 'snapshots', backup });
  }

  /** Where its schedule says so, and after each new snapshot. */
  async assess(volume: WatchedVolume): Promise<void> {
    const { name } = volume;
    const due = this.#dueOf(name, 'quick', volume.quick) ?? (await this.#owed(volume));
    if (due !== null) {
      await this.#leave(name, due, { kind: 'quick', volume });
      this.#isAssessing.add(name);
    }
  }

  /** Never beside an assessment: both read the same disks, and the scrub has time. */
  async scrub(volume: WatchedVolume): Promise<void> {
    const { name, scrub } = volume;
    const { nowMs } = this.#at;
    const id = this.#ids.get(name);
    if (scrub === null || id === undefined || this.#isAssessing.has(name) || !this.#isFree(name, 'quick')) return;
    if (!this.#isFree(name, 'scrub')) return;
    const reference = await scrubReference(this.#client, volume, id, nowMs);
    if (reference !== null) await this.#leave(name, { dueMs: nowMs, missed: 0 }, { kind: 'scrub', volume, reference });
  }

  #isFree(subject: string, kind: RunKind): boolean {
    return !this.#isPaused(subject) && this.#soFar.get(keyOf(subject, kind))?.isRunning !== true;
  }

  /** What has not ended is not begun a second time: what was due meanwhile is made up for once afterwards. */
  #dueOf(subject: string, kind: RunKind, schedule: Schedule | null): Due | null {
    if (schedule === null || !this.#isFree(subject, kind)) return null;
    const { configuration, sinceMs, nowMs } = this.#at;
    const lastDueMs = this.#soFar.get(keyOf(subject, kind))?.lastDueMs ?? null;
    return dueNow(schedule, { timeZone: configuration.timeZone, lastDueMs, sinceMs, nowMs });
  }

  /** A snapshot has come that no assessment has seen, or the scrub has read something else than was known. */
  async #owed({ name, quick, backups }: WatchedVolume): Promise<Due | null> {
    const { configuration, nowMs } = this.#at;
    const live = this.#ids.get(name);
    if (live === undefined || !this.#isFree(name, 'quick')) return null;
    const window = quick?.window ?? null;
    if (window !== null && !isOpen(window, configuration.timeZone, nowMs)) return null;
    const sinceMs = this.#soFar.get(keyOf(name, 'quick'))?.leftMs ?? 0;
    const scrubbed = this.#soFar.get(keyOf(name, 'scrub'))?.foundMs ?? null;
    const due = { dueMs: nowMs, missed: 0 };
    if (scrubbed !== null && scrubbed > sinceMs) return due;
    const pairs = backups.flatMap((backup) => {
      const id = this.#ids.get(backup);
      return id === undefined ? [] : [{ live, backup: id, sinceMs }];
    });
    return (await volumesWithNews(this.#client, pairs)).has(live) ? due : null;
  }

  async #leave(subject: string, due: Due, wanted: Wanted): Promise<void> {
    const { configuration, nowMs } = this.#at;
    const task = this.#tools.taskFor(configuration, wanted, nowMs);
    const id = await leaveRun(this.#client, { subject, kind: wanted.kind, ...due }, { task, nowMs });
    if (id === null) return;
    await tellPings(this.#client, configuration, {
      run: { subject, kind: wanted.kind, dueMs: due.dueMs },
      end: null,
      nowMs,
    });
    this.left.push({ id, kind: task.kind, host: task.host });
    const missed = due.missed === 0 ? '' : `, for ${due.missed + 1} times that were due`;
    this.#tools.log(`${subject}: ${WORK[wanted.kind]} is due${missed}; queued as task ${id}`);
  }
}

function keyOf(subject: string, kind: RunKind): string {
  return `${kind} ${subject}`;
}
