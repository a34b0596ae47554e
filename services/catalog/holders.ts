// Who works on what: a holder is a number, and a session that keeps an advisory lock on it for as long as it lives.
import { randomInt } from 'node:crypto';
import type { Queryable } from './scans.ts';

/**
 * The first key of the advisory locks that holders keep; the second is the holder's number (holder_lives in the
 * migrations).
 */
export const HOLDER_LOCK = 7461;

/** Takes the session's advisory lock that says "this holder lives". @returns false when the number is taken */
export async function holdLeases(client: Queryable, holder: number): Promise<boolean> {
  const found = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1, $2) as held', [
    HOLDER_LOCK,
    holder,
  ]);
  return found.rows[0]?.held === true;
}

/** Takes the lock on a number that nobody has. */
export async function newHolder(client: Queryable): Promise<number> {
  for (;;) {
    const holder = randomInt(1, 2 ** 31 - 1);
    if (await holdLeases(client, holder)) return holder;
  }
}

/**
 * Takes the lock on a number again after its connection was lost. The server may not know yet that the old session is
 * gone, and then is told.
 * @returns false where the old session has still to end
 */
export async function holdAgain(client: Queryable, holder: number): Promise<boolean> {
  if (await holdLeases(client, holder)) return true;
  await client.query(
    `select pg_terminate_backend(l.pid) from pg_locks l
      where l.locktype = 'advisory' and l.objsubid = 2 and l.classid = ${HOLDER_LOCK}::oid and l.objid = $1::int::oid and l.granted
        and l.database = (select oid from pg_database where datname = current_database())`,
    [holder],
  );
  return false;
}

/** SQL: whether the shard `h` can be claimed: it is open, its lease ran out, or its holder's session is gone. */
export const CLAIMABLE_SHARD = `(h.state = 'open' or (h.state = 'leased' and (h.lease_until < now() or not holder_lives(h.holder))))`;
