// Scans that a host has something to do for: what the worker asks the catalog, whatever became of the jobs that should
// have told it.
import { CLAIMABLE_SHARD } from './holders.ts';
import type { Queryable } from './scans.ts';

export interface ScanToDrain {
  readonly scanId: bigint;
  /** Shards that can be claimed now; 0 where all are done and only the close is left. */
  readonly shards: number;
}

/**
 * Running scans of the host's roots with shards that nobody holds, or with nothing left but to be closed; longest
 * without progress first. Live scans without progress since `liveSinceMs` (ms since 1970) are left out: their trees
 * have moved on, and the next scan begins anew.
 */
export async function scansToDrain(
  client: Queryable,
  options: { readonly host: string; readonly liveSinceMs: number },
): Promise<ScanToDrain[]> {
  const found = await client.query<{ id: bigint; shards: number }>(
    `select s.id, h.shards from scan s join volume v on v.id = s.volume
       cross join lateral (
         select count(*)::int as shards from shard h join root r on r.id = h.root and r.host = $1 where h.scan = s.id and ${CLAIMABLE_SHARD}) h
      where s.state = 'running' and exists (select from scan_root p join root r on r.id = p.root where p.scan = s.id and r.host = $1) and (v.role = 'backup' or s.progressed_ms >= $2) and (h.shards > 0 or s.open_shards = 0)
      order by s.progressed_ms, s.id`,
    [options.host, Math.floor(options.liveSinceMs)],
  );
  return found.rows.map((row) => ({ scanId: row.id, shards: row.shards }));
}
