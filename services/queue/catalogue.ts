// Every kind of work on one screen. A job carries an id and only wakes a worker, which then asks Postgres what there is
// to do, and takes the most urgent of it. So a job that is lost, comes twice, or lies in another host's queue does no
// harm.

/**
 * Which workers a kind is for: those of its host, who alone can read what lies there, or any; or only serves, who alone
 * have the secrets of hooks.
 */
type For = 'host' | 'any' | 'serve';

export interface Kind {
  readonly for: For;
  /**
   * What it needs of a worker. thread: a thread that reads volumes; a call that hangs costs this thread and no other.
   * turn: the main thread, from one await to the next.
   */
  readonly needs: 'thread' | 'turn';
  /** What the id of its jobs names; the one watch, 1, of a tick. */
  readonly of: 'scan' | 'task' | 'watch';
  readonly means: string;
}

// Leases (TASK_LEASE_MS) and attempts (TASK_ATTEMPTS) are those of all tasks, LEASE_MS and SHARD_ATTEMPTS of shards; a
// worker has as many threads as slots, and one more that no drain may take: a person's task has room at once.
export const KINDS = {
  'drain-scan': {
    for: 'host',
    needs: 'thread',
    of: 'scan',
    means: 'claim shards of this scan until none is left; then close it',
  },
  scan: { for: 'host', needs: 'thread', of: 'task', means: 'scan a live tree, or what is new of a series' },
  scrub: { for: 'host', needs: 'thread', of: 'task', means: 'read again what nobody has read for longest' },
  assess: { for: 'host', needs: 'thread', of: 'task', means: 'assess what lies on this host, and write the bundle' },
  // An assessment across hosts, and what it leaves for others (services/joined.ts).
  'assess-hosts': { for: 'any', needs: 'turn', of: 'task', means: 'lead an assessment across hosts from step to step' },
  judge: { for: 'any', needs: 'turn', of: 'task', means: 'judge by what was scanned, and by what hosts have answered' },
  prove: { for: 'any', needs: 'turn', of: 'task', means: 'have the sources of an assessment read again' },
  bundle: { for: 'host', needs: 'turn', of: 'task', means: 'write the bundle of an assessment on this host' },
  'read-copies': { for: 'host', needs: 'thread', of: 'task', means: 'read the copies that judging asks for' },
  'second-look': {
    for: 'host',
    needs: 'thread',
    of: 'task',
    means: 'look once more at live paths that are not intact',
  },
  'prove-sources': { for: 'host', needs: 'thread', of: 'task', means: 'read the sources of a bundle again' },
  'prove-obstacles': { for: 'host', needs: 'thread', of: 'task', means: 'look at what is in the way of a restore' },
  'read-bricks': {
    for: 'host',
    needs: 'thread',
    of: 'task',
    means: 'read bricks of this host for a scan of a volume whose bricks lie on several',
  },
  // The watch (services/serve.ts).
  tick: { for: 'serve', needs: 'turn', of: 'watch', means: 'leave the audits that are due, and tell what is new' },
  deliver: { for: 'serve', needs: 'turn', of: 'task', means: 'tell hooks what waits in the outbox' },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof KINDS;
/** Kinds that are rows of `task`. */
export type TaskKind = { [K in KindName]: (typeof KINDS)[K]['of'] extends 'task' ? K : never }[KindName];
/** Of these, the ones that only a serve does. */
export type ServeKind = { [K in TaskKind]: (typeof KINDS)[K]['for'] extends 'serve' ? K : never }[TaskKind];
export type WorkerKind = Exclude<TaskKind, ServeKind>;

const isTask = (name: KindName): name is TaskKind => KINDS[name].of === 'task';
export const WORKER_KINDS: readonly WorkerKind[] = (Object.keys(KINDS) as KindName[])
  .filter(isTask)
  .filter((name): name is WorkerKind => KINDS[name].for !== 'serve');

/** What holds for every job: it only wakes. */
export const JOB_OPTIONS = {
  /** Runs of one job: what failed is woken again by the next round, from what Postgres then says. */
  attempts: 1,
  /** A job whose worker does not renew its lock for this long is given to another worker. */
  lockMs: 60_000,
  /** How often a job may change hands like that before it is dropped. */
  stalledMax: 1,
  /** Finished jobs are not facts, so they go at once … */
  removeOnComplete: true,
  /** … and of the failed ones a few stay to be looked at. Age in seconds. */
  removeOnFail: { count: 100, age: 7 * 86_400 },
} as const;

/** What wakes: plain data, so ids are decimal text. */
export interface Job {
  readonly kind: KindName;
  readonly id: bigint;
}

export function encodeJob({ id }: Job): Readonly<Record<string, string>> {
  return { id: String(id) };
}

/** Anybody who can write into the queue can write this: null for what encodeJob does not write. */
export function decodeJob(name: string, data: unknown): Job | null {
  if (!Object.hasOwn(KINDS, name)) return null;
  const id = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)['id'] : undefined;
  if (typeof id !== 'string' || !/^[1-9]\d{0,17}$/.test(id)) return null;
  return { kind: name as KindName, id: BigInt(id) };
}

/** The job that a serve has the queue add each minute. */
export const TICK: Job = { kind: 'tick', id: 1n };
export const TICK_EVERY_MS = 60_000;

/** How often the catalog is looked into for what no job has told of. */
export const WAKE_EVERY_MS = 30_000;
/** An idle worker looks into the queue at least this often, should the notice of a new job have been lost. */
export const IDLE_LOOK_S = 5;
/** A wake that the queue does not take within this time has failed: the work stays in Postgres and is found there. */
export const WAKE_LIMIT_MS = 5_000;
/** Jobs that wait are looked through up to here before more are added; hosts have tens of slots, not thousands. */
export const WAITING_MAX = 1_000;

/** The queue of what any worker may do, and that of what only serves do. */
export const ANY_QUEUE = 'any';
export const SERVE_QUEUE = 'serve';

/** Each host has a queue of its own. Queue names take no colon; what else is odd is spelled in hex. */
export function queueName(host: string | null): string {
  const odd = (character: string): string => `_${Buffer.from(character).toString('hex')}_`;
  return host === null ? ANY_QUEUE : `host-${host.replaceAll(/[^A-Za-z0-9.-]/gu, odd)}`;
}

/** @param host whose workers are meant, for kinds of a host; null for all others @throws where the two do not fit */
export function queueOf(kind: KindName, host: string | null): string {
  const { for: whom } = KINDS[kind];
  if ((whom === 'host') !== (host !== null)) throw new Error(`a ${kind} for ${host ?? 'any'}`);
  return whom === 'serve' ? SERVE_QUEUE : queueName(host);
}
