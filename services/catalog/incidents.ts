// Incidents and mutes as rows. One incident of a kind on a subject is open at a time, whoever opens it.
import type { ClosedBecause, Mute } from '../../domain/watch/review.ts';
import { type Condition, LOSS_KINDS } from '../../domain/watch/conditions.ts';
import type { Incident, IncidentDetail, IncidentKind } from '../../domain/watch/incident.ts';
import { writeAudit } from './audit-log.ts';
import type { Queryable } from './scans.ts';

export interface KeptIncident extends Incident {
  /** Its size at the last message; 0: nobody was told. */
  readonly told: number;
  /** A hook has taken the message that it opened. */
  readonly isHeard: boolean;
  /** The newest one, also where its time is over. */
  readonly mute: (Mute & { readonly reason: string; readonly actor: string }) | null;
}

interface Row {
  readonly id: bigint;
  readonly kind: IncidentKind;
  readonly subject: string;
  readonly opened_ms: bigint;
  readonly seen_ms: bigint;
  readonly closed_ms: bigint | null;
  readonly size: bigint;
  readonly peak: bigint;
  readonly told: bigint;
  readonly heard: boolean;
  readonly clean: number;
  readonly detail: IncidentDetail;
  readonly mute: { id: string; until: number; size: number; at: number; reason: string; actor: string } | null;
}

// What comes and goes stays muted when it comes again; another loss is another one.
const SELECT = `
  select i.id, i.kind, i.subject, i.opened_ms, i.seen_ms, i.closed_ms, i.size, i.peak, i.told, i.clean, i.detail,
         exists (select from message e where e.incident = i.id and e.event = 'opened' and e.state = 'sent') as heard,
         (select json_build_object('id', m.id::text, 'until', m.until_ms, 'size', m.at_size, 'at', m.at_ms, 'reason', m.reason, 'actor', m.actor)
            from mute m join incident o on o.id = m.incident
           where o.id = i.id or (o.kind = i.kind and o.subject = i.subject and i.kind in ('blind', 'overdue', 'trouble'))
           order by m.id desc limit 1) as mute
    from incident i`;

function keptOf(row: Row): KeptIncident {
  const { opened_ms, seen_ms, closed_ms, size, peak, told, heard, mute, ...rest } = row;
  return {
    ...rest,
    openedMs: Number(opened_ms),
    seenMs: Number(seen_ms),
    closedMs: closed_ms === null ? null : Number(closed_ms),
    size: Number(size),
    peak: Number(peak),
    told: Number(told),
    isHeard: heard,
    mutedUntilMs: mute?.until ?? null,
    mute:
      mute === null
        ? null
        : {
            id: BigInt(mute.id),
            untilMs: mute.until,
            atSize: mute.size,
            atMs: mute.at,
            reason: mute.reason,
            actor: mute.actor,
          },
  };
}

/** An arbitrary number of our own: reviews take turns. */
const REVIEW_LOCK = 7_462;

/** Must run in a transaction: until its end no other serve reviews, and it then sees what this one did. */
export async function lockIncidents(client: Queryable): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [REVIEW_LOCK]);
}

export async function openIncidents(client: Queryable): Promise<KeptIncident[]> {
  const found = await client.query<Row>(`${SELECT} where i.closed_ms is null order by i.id`);
  return found.rows.map(keptOf);
}

/** Newest first: those that are open, and those that were closed since. */
export async function incidentsSince(client: Queryable, closedSinceMs: number, max: number): Promise<KeptIncident[]> {
  const found = await client.query<Row>(
    `${SELECT} where i.closed_ms is null or i.closed_ms >= $1 order by i.closed_ms is not null, i.id desc limit $2`,
    [Math.floor(closedSinceMs), max],
  );
  return found.rows.map(keptOf);
}

export async function incidentById(client: Queryable, id: bigint): Promise<KeptIncident | null> {
  const found = await client.query<Row>(`${SELECT} where i.id = $1`, [id]);
  const [row] = found.rows;
  return row === undefined ? null : keptOf(row);
}

/** @returns its id */
export async function openIncident(
  client: Queryable,
  { kind, subject, size }: Condition,
  { detail, nowMs }: { readonly detail: IncidentDetail; readonly nowMs: number },
): Promise<bigint> {
  const made = await client.query<{ id: bigint }>(
    `insert into incident (kind, subject, opened_ms, seen_ms, size, peak, told, detail) values ($1, $2, $3, $3, $4, $4, 0, $5) returning id`,
    [kind, subject, Math.floor(nowMs), size, JSON.stringify(detail)],
  );
  const [row] = made.rows;
  if (row === undefined) throw new Error('an insert returns its row');
  return row.id;
}

export async function incidentSeen(
  client: Queryable,
  id: bigint,
  seen: { readonly size: number; readonly peak: number; readonly detail: IncidentDetail; readonly nowMs: number },
): Promise<void> {
  // What is left of a loss is what people know of; what comes after nothing was left is news.
  await client.query(
    `update incident set seen_ms = $2, size = $3, peak = $4, clean = 0, detail = $5,
            told = case when not kind = any ($6) then told when size = 0 then 0 else least(told, $3) end
      where id = $1`,
    [id, Math.floor(seen.nowMs), seen.size, seen.peak, JSON.stringify(seen.detail), LOSS_KINDS],
  );
}

/** Nothing of a loss is open any more; it waits for whoever looks again. */
export async function incidentClean(client: Queryable, id: bigint, clean: number): Promise<void> {
  await client.query('update incident set size = 0, clean = $2 where id = $1', [id, clean]);
}

export async function closeIncident(
  client: Queryable,
  id: bigint,
  { because, nowMs }: { readonly because: ClosedBecause; readonly nowMs: number },
): Promise<void> {
  await client.query(
    `update incident set closed_ms = $2, size = 0, detail = detail || jsonb_build_object('closed', $3::text) where id = $1 and closed_ms is null`,
    [id, Math.floor(nowMs), because],
  );
}

/** People were told of it at its present size; what they knew before is not told again. */
export async function incidentTold(client: Queryable, id: bigint, size: number): Promise<void> {
  await client.query('update incident set told = greatest(told, 1, $2::bigint) where id = $1', [id, size]);
}

export async function muteIncident(
  client: Queryable,
  incident: KeptIncident,
  mute: { readonly untilMs: number; readonly reason: string; readonly actor: string; readonly nowMs: number },
): Promise<void> {
  await client.query(
    'insert into mute (incident, until_ms, at_size, reason, actor, at_ms) values ($1, $2, $3, $4, $5, $6)',
    [incident.id, Math.floor(mute.untilMs), incident.size, mute.reason, mute.actor, Math.floor(mute.nowMs)],
  );
  await writeAudit(client, [
    {
      atMs: Math.floor(mute.nowMs),
      actor: mute.actor,
      action: 'mute',
      subject: `incident ${incident.id} (${incident.kind}, ${incident.subject})`,
      reason: mute.reason,
    },
  ]);
}

export async function endMute(client: Queryable, id: bigint, nowMs: number): Promise<void> {
  await client.query('update mute set until_ms = least(until_ms, $2) where id = $1', [id, Math.floor(nowMs)]);
}

/**
 * What nobody has heard of yet, and nobody will, because every hook that was to be told of it is gone from the
 * configuration, was not told.
 * @param hooks those that the configuration has
 */
export async function forgetUnheard(client: Queryable, hooks: readonly string[]): Promise<void> {
  await client.query(
    `update incident i set told = 0 where i.closed_ms is null and i.told > 0
        and not exists (select from message m where m.incident = i.id and m.event in ('opened', 'tenfold')
                           and (m.state = 'sent' or m.hook = any ($1)))`,
    [hooks],
  );
}

/** Hooks that were told that it is open. */
export async function hooksTold(client: Queryable, incident: bigint): Promise<readonly string[]> {
  const found = await client.query<{ hook: string }>(
    "select distinct hook from message where incident = $1 and event in ('opened', 'tenfold') order by hook",
    [incident],
  );
  return found.rows.map(({ hook }) => hook);
}
