// Assessments as they were recorded: when each was made, what it counted, where its bundle lies.
import type { Queryable } from './scans.ts';

export interface LastAssessment {
  readonly volumeId: number;
  readonly volume: string;
  readonly host: string;
  /** The path of the volume's root. */
  readonly path: string;
  readonly createdMs: number;
  /** Absolute, printable; null where none was written. */
  readonly bundle: string | null;
  /** Whether it found something that a bundle is written for: without one, that could not be written. */
  readonly losses: boolean;
  /** Of its backups, as typed. */
  readonly patterns: readonly string[];
  /** What could not be read, a sentence each. */
  readonly incomplete: readonly string[];
  /** Files by recovery. */
  readonly exact: number;
  readonly older: number;
  readonly none: number;
}

export async function lastAssessments(client: Queryable): Promise<LastAssessment[]> {
  const found = await client.query<Omit<LastAssessment, 'createdMs'> & { created_ms: bigint }>(
    `select distinct on (a.volume) a.volume as "volumeId", v.name as volume, r.host, r.path, a.created_ms, a.bundle,
            exists (select from finding f where f.volume = a.volume and f.seen_ms = a.created_ms and f.recovery is not null) as losses,
            jsonb_path_query_array(a.result, '$.series[*].pattern') as patterns,
            a.result -> 'incomplete' as incomplete,
            (a.result #>> '{recovery,exact,files}')::int as exact, (a.result #>> '{recovery,older,files}')::int as older,
            (a.result #>> '{recovery,none,files}')::int as none
       from assessment a join volume v on v.id = a.volume join root r on r.volume = v.id order by a.volume, a.id desc`,
  );
  return found.rows.map(({ created_ms, ...row }) => ({ ...row, createdMs: Number(created_ms) }));
}

/** Open findings by volume and verdict. */
export async function openFindings(client: Queryable): Promise<ReadonlyMap<number, Readonly<Record<string, number>>>> {
  const found = await client.query<{ volume: number; counts: Record<string, number> }>(
    `select volume, json_object_agg(verdict, n order by verdict) as counts
       from (select volume, verdict, count(*)::int as n from finding where state = 'open' group by volume, verdict) f group by volume`,
  );
  return new Map(found.rows.map(({ volume, counts }) => [volume, counts]));
}

/** @param result JSON of the assessment (domain/assessment-json.ts) @returns the assessment's id */
export async function recordAssessment(
  client: Queryable,
  assessment: {
    readonly volumeId: number;
    readonly liveScan: bigint;
    readonly scans: readonly bigint[];
    readonly result: string;
    readonly nowMs: number;
  },
): Promise<bigint> {
  const inserted = await client.query<{ id: bigint }>(
    'insert into assessment (volume, live_scan, scans, result, created_ms) values ($1, $2, $3, $4, $5) returning id',
    [
      assessment.volumeId,
      assessment.liveScan,
      JSON.stringify(assessment.scans.map(String)),
      assessment.result,
      assessment.nowMs,
    ],
  );
  const row = inserted.rows[0];
  if (row === undefined) throw new Error('an insert returns its row');
  return row.id;
}

/** Notes where the restore bundle of an assessment lies. */
export async function recordBundle(client: Queryable, assessmentId: bigint, bundle: string): Promise<void> {
  await client.query('update assessment set bundle = $2 where id = $1', [assessmentId, bundle]);
}

/** The same for an assessment that was met again in its bundle: it is known by the scan that it judged, and when. */
export async function recordBundleOf(
  client: Queryable,
  { liveScan, createdMs }: { readonly liveScan: bigint; readonly createdMs: number },
  bundle: string,
): Promise<void> {
  await client.query('update assessment set bundle = $3 where live_scan = $1 and created_ms = $2', [
    liveScan,
    createdMs,
    bundle,
  ]);
}

/** The backups that a volume was judged by last, as they were typed, and the host of each; null where it never was. */
export async function lastBackupsOf(
  client: Queryable,
  volumeId: number,
): Promise<readonly { readonly pattern: string; readonly host: string | null }[] | null> {
  const found = await client.query<{ backups: { pattern: string; host: string | null }[] }>(
    `select coalesce((select json_agg(json_build_object('pattern', s ->> 'pattern', 'host',
              (select r.host from volume v join root r on r.volume = v.id where v.name = s ->> 'name' and v.key like 'series:%' limit 1)) order by n)
              from jsonb_array_elements(a.result -> 'series') with ordinality as e (s, n)), '[]') as backups
       from assessment a where a.volume = $1 order by a.id desc limit 1`,
    [volumeId],
  );
  return found.rows[0]?.backups ?? null;
}
