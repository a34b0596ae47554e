// Accepted losses that came back in a backup: what is lost after that is lost anew.
import { baseName, parentOf } from '../../domain/path.ts';
import type { Queryable } from './scans.ts';

/** A finding of a name that is gone, and that a person accepted. */
export interface AcceptedLoss {
  readonly id: bigint;
  readonly path: string;
  /** When it was accepted, ms since 1970. */
  readonly atMs: number;
  /** The last sighting before the loss, ms since 1970; null where none is known. */
  readonly lastSeenMs: number | null;
}

/**
 * Those that a snapshot taken after the acceptance shows again, where its series had lacked them since the loss. A
 * backup that deletes nothing has the name all the time: that is no return.
 * @returns ids
 */
export async function returnedLosses(
  client: Queryable,
  losses: readonly AcceptedLoss[],
  seriesIds: readonly number[],
): Promise<ReadonlySet<bigint>> {
  if (losses.length === 0 || seriesIds.length === 0) return new Set();
  const found = await client.query<{ id: bigint }>(
    `select distinct l.id
       from unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) as l (id, directory, name, at_ms, seen_ms)
       join directory d on d.path = l.directory collate "C"
       join root r on r.volume = any ($6)
       join version back on back.root = r.id and back.directory = d.id and back.name = l.name collate "C"
       join scan shows on shows.volume = r.volume and shows.state = 'complete' and shows.seq = back.first_seq and shows.as_of_to_ms > l.at_ms
      cross join lateral (
            select end_seq, end_reason from version v
             where v.root = back.root and v.directory = d.id and v.name = back.name and v.first_seq < back.first_seq
             order by v.first_seq desc limit 1) as before
      where before.end_reason = 'v'
        and exists (select from scan lacks
                     where lacks.volume = r.volume and lacks.state = 'complete' and lacks.seq >= before.end_seq and lacks.seq < back.first_seq
                       and lacks.as_of_to_ms >= coalesce(l.seen_ms, 0) and not hidden(lacks.id, d.id, back.name))`,
    [
      losses.map(({ id }) => id),
      losses.map(({ path }) => parentOf(path)),
      losses.map(({ path }) => baseName(path)),
      losses.map(({ atMs }) => atMs),
      losses.map(({ lastSeenMs }) => lastSeenMs),
      seriesIds,
    ],
  );
  return new Set(found.rows.map(({ id }) => id));
}
