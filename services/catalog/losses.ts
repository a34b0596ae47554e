// What is lost, damaged or hidden on bricks now, by volume and kind of incident, and whether it has come back.
import { BRICK_VERDICTS, type BrickVerdict } from '../../domain/gluster/evidence.ts';
import { DAMAGES, LOSSES } from '../../domain/verdicts.ts';
import type { LossKind } from '../../domain/watch/conditions.ts';
import type { Queryable } from './scans.ts';

/** The backup's copy is damaged while live is right: nobody has lost anything yet, and a person has to see to it. */
export const DAMAGED = [...DAMAGES, 'backup-corrupt'];
export const COUNTED = [...LOSSES, 'backup-corrupt', ...BRICK_VERDICTS];

const ON_BRICKS = BRICK_VERDICTS.map((verdict) => `'${verdict}'`).join(', ');

/** SQL: the kind of incident that the finding `f` belongs to. $1 is COUNTED, $2 is DAMAGED. */
export const KIND = `case when f.verdict = any ($2) then 'damage' when f.verdict in (${ON_BRICKS}) then 'hidden' when f.detail -> 'cause' ->> 'cause' = 'silent' then 'silent-loss' else 'burst' end`;

const EXAMPLES_MAX = 5;

export interface Losses {
  readonly volumeId: number;
  readonly kind: LossKind;
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  /** Of files: what a restore brings back exactly, in an older version, not at all. */
  readonly exact: number;
  readonly older: number;
  readonly none: number;
  /** Of what is on bricks. */
  readonly hidden: number;
  readonly unreachable: number;
  readonly misplaced: number;
  readonly oldestMs: number;
  readonly newestMs: number;
  /** Last sighting of the first and first proof of the last, where they are known (ms). */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Paths in text form. */
  readonly examples: readonly string[];
}

/** Open findings that nobody has accepted. */
export async function lossesOf(client: Queryable, volumes: readonly number[]): Promise<Losses[]> {
  const found = await client.query<
    Omit<Losses, 'bytes' | 'oldestMs' | 'newestMs' | 'fromMs' | 'toMs'> & {
      bytes: bigint;
      oldest_ms: bigint;
      newest_ms: bigint;
      from_ms: bigint | null;
      to_ms: bigint | null;
    }
  >(
    `select f.volume as "volumeId", f.kind, (count(*) filter (where not f.is_directory))::int as files,
            (count(*) filter (where f.is_directory))::int as directories, coalesce(sum(f.bytes), 0)::bigint as bytes,
            (count(*) filter (where not f.is_directory and f.recovery = 'exact'))::int as exact,
            (count(*) filter (where not f.is_directory and f.recovery = 'older'))::int as older,
            (count(*) filter (where not f.is_directory and f.recovery = 'none'))::int as none,
            (count(*) filter (where f.verdict = 'hidden'))::int as hidden, (count(*) filter (where f.verdict = 'unreachable'))::int as unreachable,
            (count(*) filter (where f.verdict = 'misplaced'))::int as misplaced,
            min(f.opened_ms) as oldest_ms, max(f.opened_ms) as newest_ms, min(f.from_seq_ms) as from_ms, max(f.to_seq_ms) as to_ms,
            (array_agg(f.path order by f.is_directory, f.path))[1:${EXAMPLES_MAX}] as examples
       from (select f.volume, f.path, f.verdict, f.recovery, f.opened_ms, f.from_seq_ms, f.to_seq_ms, ${KIND} as kind,
                    f.detail ->> 'kind' is not distinct from 'directory' as is_directory,
                    case when f.detail ->> 'kind' is distinct from 'directory' then (f.detail ->> 'bytes')::bigint end as bytes
               from finding f where f.state = 'open' and f.verdict = any ($1) and f.volume = any ($3)) f
      group by f.volume, f.kind order by f.volume, f.kind`,
    [COUNTED, DAMAGED, volumes],
  );
  return found.rows.map(({ bytes, oldest_ms, newest_ms, from_ms, to_ms, ...row }) => ({
    ...row,
    bytes: Number(bytes),
    oldestMs: Number(oldest_ms),
    newestMs: Number(newest_ms),
    fromMs: from_ms === null ? null : Number(from_ms),
    toMs: to_ms === null ? null : Number(to_ms),
  }));
}

export interface AssessmentsSince {
  /** Oldest first; the newest ones where there are many. */
  readonly ids: readonly bigint[];
  /** Of the newest that has one. */
  readonly bundle: string | null;
}

const ASSESSMENTS_MAX = 20;

/** Assessments that a loss which was found then was part of. */
export async function assessmentsSince(
  client: Queryable,
  volumeId: number,
  sinceMs: number,
): Promise<AssessmentsSince> {
  const found = await client.query<{ id: bigint; bundle: string | null }>(
    'select id, bundle from assessment where volume = $1 and created_ms >= $2 order by id desc limit $3',
    [volumeId, Math.floor(sinceMs), ASSESSMENTS_MAX],
  );
  return {
    ids: found.rows.map(({ id }) => id).toReversed(),
    bundle: found.rows.find(({ bundle }) => bundle !== null)?.bundle ?? null,
  };
}

export interface Ending {
  /** Findings that ended because an audit did not find them any more: two have to say so. */
  readonly byAudit: number;
  /** Findings that a restore was proven for, or that a person accepted. */
  readonly settled: number;
  /** Complete audits since the last of them ended. */
  readonly cleanAudits: number;
}

/** How the findings of a loss ended that was opened then, and of which none is open any more. */
export async function endingOf(
  client: Queryable,
  { volumeId, kind, openedMs }: { readonly volumeId: number; readonly kind: LossKind; readonly openedMs: number },
): Promise<Ending> {
  const found = await client.query<{ by_audit: number; settled: number; clean: number }>(
    `with ended as (
       select f.state = 'accepted' or f.closed_ms is not distinct from f.restored_ms as settled, f.closed_ms
         from finding f
        where f.volume = $3 and f.state <> 'open' and f.verdict = any ($1) and ${KIND} = $4 and f.closed_ms >= $5
     )
     select (count(*) filter (where not settled))::int as by_audit, (count(*) filter (where settled))::int as settled,
            (select count(*)::int from assessment a where a.volume = $3 and a.created_ms >= coalesce((select max(closed_ms) from ended), $5)
               and a.result -> 'incomplete' = '[]') as clean
       from ended`,
    [COUNTED, DAMAGED, volumeId, kind, Math.floor(openedMs)],
  );
  const [row] = found.rows;
  return { byAudit: row?.by_audit ?? 0, settled: row?.settled ?? 0, cleanAudits: row?.clean ?? 0 };
}

/** Names on bricks that were found, and what a person accepted of them. */
export async function foundOnBricks(
  client: Queryable,
  volumeId: number,
): Promise<{ readonly path: string; readonly verdict: BrickVerdict; readonly state: 'open' | 'accepted' }[]> {
  const found = await client.query<{ path: string; verdict: BrickVerdict; state: 'open' | 'accepted' }>(
    "select path, verdict, state from finding where volume = $1 and state <> 'resolved' and verdict = any ($2) order by path",
    [volumeId, BRICK_VERDICTS],
  );
  return found.rows;
}

/** In any volume, watched or not. */
export async function areLossesOpen(client: Queryable): Promise<boolean> {
  const found = await client.query("select from finding where state = 'open' and verdict = any ($1) limit 1", [
    COUNTED,
  ]);
  return found.rowCount !== 0;
}
