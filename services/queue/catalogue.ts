// Every job on one screen. Jobs carry ids, Postgres carries facts: a job only wakes a worker, which then asks Postgres
// what there is to do.

/**
 * Drain scan S on host H: claim its shards one after another until none is left. Any number of these for one scan do no
 * harm.
 */
export interface DrainScan {
  readonly scanId: bigint;
}

/**
 * Run request R, which --detach left for host H. The catalog says whether it is still to be run, so a second job for it
 * does no harm either.
 */
export interface RunRequest {
  readonly requestId: bigint;
}

export interface JobDefinition<Payload> {
  /** What goes over the wire: JSON, so ids are decimal text. */
  readonly encode: (payload: Payload) => Record<string, string>;
  /** Throws on anything that encode does not write. */
  readonly decode: (data: unknown) => Payload;
}

/** What holds for every job, because the queue's worker takes them all. */
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

export const CATALOGUE = {
  'drain-scan': {
    encode: ({ scanId }) => ({ scanId: String(scanId) }),
    decode: (data) => ({ scanId: idOf(data, 'scanId') }),
  } satisfies JobDefinition<DrainScan>,
  'run-request': {
    encode: ({ requestId }) => ({ requestId: String(requestId) }),
    decode: (data) => ({ requestId: idOf(data, 'requestId') }),
  } satisfies JobDefinition<RunRequest>,
};

export type JobName = keyof typeof CATALOGUE;
export type Payload<N extends JobName> = ReturnType<(typeof CATALOGUE)[N]['decode']>;

/**
 * One for every job; concurrency is the number of slots of the worker, for all jobs together. The signal fires when the
 * worker shuts down.
 */
export type Handlers = {
  readonly [N in JobName]: (payload: Payload<N>, signal: AbortSignal) => Promise<void>;
};

/** How often scans with claimable shards are looked for, and their hosts woken again under fresh job ids. */
export const WAKE_EVERY_MS = 30_000;
/** An idle worker looks into the queue at least this often, should the notice of a new job have been lost. */
export const IDLE_LOOK_S = 5;
/**
 * A wake that the queue does not take within this time has failed: the work stays in Postgres and is found by the next
 * round.
 */
export const WAKE_LIMIT_MS = 5_000;
/** Jobs that wait are looked through up to here before more are added; hosts have tens of slots, not thousands. */
export const WAITING_MAX = 1_000;

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(CATALOGUE, name);
}

/**
 * Each host has a queue of its own, for only its workers can read its roots. Queue names take no colon; what else is
 * odd is spelled in hex.
 */
export function queueName(host: string): string {
  const odd = (character: string): string => `_${Buffer.from(character).toString('hex')}_`;
  return `drain-${host.replaceAll(/[^A-Za-z0-9.-]/gu, odd)}`;
}

function idOf(data: unknown, key: string): bigint {
  const value = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined;
  if (typeof value !== 'string' || !/^[1-9]\d{0,18}$/.test(value)) throw new Error(`a job without a proper ${key}`);
  return BigInt(value);
}
