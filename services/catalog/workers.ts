// Workers, as they say that they are there: who serves which host, with what, and what each slot does.
import { databaseCode } from './advice.ts';
import type { Database } from './database.ts';
import { migrationLevel } from './migrate.ts';
import type { Queryable } from './scans.ts';

export interface WorkerSays {
  /** Its advisory lock key (holders.ts). */
  readonly holder: number;
  readonly host: string;
  readonly version: string;
  readonly pid: number;
  readonly slots: number;
  readonly doing: readonly { readonly what: string; readonly sinceMs: number }[];
  readonly startedMs: number;
}

export interface KnownWorker extends WorkerSays {
  /** Its session is there, and it said so lately. */
  readonly isAlive: boolean;
  /** When it said something last, by the clock of Postgres. */
  readonly seenMs: number;
  /** Its clock less that of Postgres. */
  readonly clockOffsetMs: number;
}

/** Workers say this often that they are there … */
export const HEARTBEAT_MS = 10_000;
/** … and one that said nothing for so long stands still, or is cut off. */
export const HEARTBEAT_MISSED_MS = 60_000;
/** SQL: whether the worker `w` is alive. */
export const ALIVE = `(holder_lives(w.holder) and w.seen > now() - interval '${HEARTBEAT_MISSED_MS} milliseconds')`;
/** Workers that are gone are remembered for so long. */
const REMEMBERED = '7 days';

/** @param nowMs the worker's own clock, to be held against that of Postgres @returns the offset of its clock, in ms */
export async function heartbeat(client: Queryable, says: WorkerSays, nowMs: number): Promise<number> {
  const found = await client.query<{ offset: bigint }>(
    `insert into worker (holder, host, version, pid, slots, doing, started_ms, clock_offset_ms, seen)
       values ($1, $2, $3, $4, $5, $6, $7, $8::bigint - (extract(epoch from clock_timestamp()) * 1000)::bigint, now())
       on conflict (holder) do update set host = excluded.host, version = excluded.version, pid = excluded.pid, slots = excluded.slots,
         doing = excluded.doing, started_ms = excluded.started_ms, clock_offset_ms = excluded.clock_offset_ms, seen = excluded.seen
       returning clock_offset_ms as offset`,
    [
      says.holder,
      says.host,
      says.version,
      says.pid,
      says.slots,
      JSON.stringify(says.doing),
      Math.floor(says.startedMs),
      Math.floor(nowMs),
    ],
  );
  return Number(found.rows[0]?.offset ?? 0n);
}

/**
 * It ends in order: it is not missed, and for a while its host does not count as silent, for it may come back. Those
 * that are gone for long are forgotten with it.
 */
export async function farewell(client: Queryable, holder: number): Promise<void> {
  await client.query('update worker set ended = true, seen = now() where holder = $1', [holder]);
  await client.query(`delete from worker where seen < now() - interval '${REMEMBERED}'`);
}

/**
 * How many shards of a scan one slot may hold, so that every slot of the host has some: with few shards one that holds
 * several works on them while others have nothing to do.
 */
export async function shareOfShards(
  client: Queryable,
  of: { readonly scanId: bigint; readonly host: string },
): Promise<number> {
  const found = await client.query<{ share: number }>(
    `select ceil(s.open_shards::float8 / greatest(1, (select sum(w.slots) from worker w where w.host = $2 and ${ALIVE})))::int as share
       from scan s where s.id = $1`,
    [of.scanId, of.host],
  );
  return Math.max(1, found.rows[0]?.share ?? 1);
}

/** How many living workers serve a host. */
export async function workersAlive(client: Queryable, host: string): Promise<number> {
  const found = await client.query<{ alive: number }>(
    `select count(*)::int as alive from worker w where w.host = $1 and not w.ended and ${ALIVE}`,
    [host],
  );
  return found.rows[0]?.alive ?? 0;
}

/** The first of these hosts that a living worker serves; the first of all where none does. */
export async function servedOf(client: Queryable, hosts: readonly string[]): Promise<string> {
  for (const host of hosts) if ((await workersAlive(client, host)) > 0) return host;
  const [first] = hosts;
  if (first === undefined) throw new Error('one host at least');
  return first;
}

export async function knownWorkers(client: Queryable): Promise<KnownWorker[]> {
  const found = await client.query<
    Omit<KnownWorker, 'startedMs' | 'seenMs' | 'clockOffsetMs'> & {
      started_ms: bigint;
      seen_ms: bigint;
      clock_offset_ms: bigint;
    }
  >(
    `select w.holder, w.host, w.version, w.pid, w.slots, w.doing, w.started_ms, w.clock_offset_ms,
            (extract(epoch from w.seen) * 1000)::bigint as seen_ms,
            ${ALIVE} as "isAlive"
       from worker w where not w.ended order by w.host, w.started_ms, w.holder`,
  );
  return found.rows.map(({ started_ms, seen_ms, clock_offset_ms, ...row }) => ({
    ...row,
    startedMs: Number(started_ms),
    seenMs: Number(seen_ms),
    clockOffsetMs: Number(clock_offset_ms),
  }));
}

export interface UnservedRoot {
  readonly host: string;
  readonly volume: string;
  readonly path: string;
}

/** Roots of hosts that no living worker serves, but for hosts that were taken out of service. */
export async function unservedRoots(client: Queryable): Promise<UnservedRoot[]> {
  const found = await client.query<UnservedRoot>(
    `select r.host, v.name as volume, r.path from root r join volume v on v.id = r.volume
      where not exists (select from worker w where w.host = r.host and ${ALIVE})
        and not exists (select from retired_host h where h.host = r.host) order by r.host, r.path`,
  );
  return found.rows;
}

/**
 * Where the catalog is behind this version: workers of another one that are at work on it, as `host (version)`.
 * @throws as the server does
 */
export async function workersOfOtherVersions(db: Database, version: string): Promise<readonly string[]> {
  const level = await migrationLevel(db);
  if (level.pending.length === 0 || level.database === null) return [];
  try {
    const workers = await knownWorkers(db.pool);
    return workers.filter((one) => one.isAlive && one.version !== version).map((one) => `${one.host} (${one.version})`);
  } catch (error) {
    // A catalog from before there were workers in it.
    if (databaseCode(error) === '42P01') return [];
    throw error;
  }
}
