// How many connections to Postgres workers may open at once, held against what the server allows (docs/queue.md, "How
// many connections").
import type { Queryable } from '../catalog/scans.ts';

/** A slot at work: its thread has two shards in hands, each with a connection, and one claims them and holds them. */
const OF_SLOT = 3;
/** Connections that the slots share for short statements. */
export const SHARED_MAX = 4;
/** What holds the tasks. */
const OF_HOLDER = 1;
/** BullMQ on Postgres: for the host's queue and that of all, one to listen, one to take jobs, and one to add them. */
const OF_QUEUE = 6;

/** @param slots without the one that is kept for tasks */
export function connectionsOf(slots: number, isQueueOnPostgres: boolean): number {
  return OF_SLOT * (slots + 1) + SHARED_MAX + OF_HOLDER + (isQueueOnPostgres ? OF_QUEUE : 0);
}

/** A line of advice where the workers that are there want more than there are; null where they fit. */
export async function adviceOnConnections(client: Queryable, isQueueOnPostgres: boolean): Promise<string | null> {
  const found = await client.query<{ allowed: number; slots: readonly number[] }>(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              - coalesce(current_setting('reserved_connections', true), '0')::int as allowed,
            array(select w.slots from worker w where holder_lives(w.holder)) as slots`,
  );
  const { allowed = 0, slots = [] } = found.rows[0] ?? {};
  const wanted = slots.reduce((sum, one) => sum + connectionsOf(one, isQueueOnPostgres), 0);
  if (wanted <= allowed) return null;
  return `${slots.length === 1 ? 'this worker' : `the ${slots.length} workers`} may want ${wanted} connections at once, and the database allows ${allowed}: raise max_connections, or use fewer --threads; until then fewer slots work at once`;
}
