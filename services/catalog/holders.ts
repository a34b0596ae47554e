// Who works on what: a holder is a number, and a session that keeps an advisory lock on it for as long as it lives.
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

/** SQL: whether the shard `h` can be claimed: it is open, its lease ran out, or its holder's session is gone. */
export const CLAIMABLE_SHARD = `(h.state = 'open' or (h.state = 'leased' and (h.lease_until < now() or not holder_lives(h.holder))))`;
