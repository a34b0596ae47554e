// What an assessment found, kept whole, so that its bundle can be written later and on any host.
import type { Queryable } from './scans.ts';

const CHUNK = 2_000;
/** Older ones of the same volume are let go: a bundle is written of what was found last. */
const KEPT = 2;

/** @param lines as in findings.jsonl, in order of path */
export async function keepFindings(client: Queryable, assessment: bigint, lines: readonly string[]): Promise<void> {
  for (let start = 0; start < lines.length; start += CHUNK) {
    await client.query(
      `insert into kept_finding (assessment, n, line) select $1, $2::int + l.n::int, l.line
         from unnest($3::text[]) with ordinality as l (line, n) on conflict do nothing`,
      [assessment, start, lines.slice(start, start + CHUNK)],
    );
  }
  await client.query('update assessment set kept = $2 where id = $1', [assessment, lines.length]);
  await letGo(
    client,
    '(select b.id from assessment b where b.volume = (select volume from assessment where id = $1) order by b.id desc offset $2)',
    [assessment, KEPT],
  );
}

/** Whoever asks for their bundles is told that they are not kept: no line is not "nothing was found". */
async function letGo(client: Queryable, which: string, values: readonly unknown[]): Promise<void> {
  const found = await client.query<{ id: bigint }>(
    `update assessment a set kept = null where a.kept is not null and a.id in ${which} returning a.id`,
    [...values],
  );
  await client.query('delete from kept_finding where assessment = any ($1)', [found.rows.map(({ id }) => id)]);
}

/** Those of assessments that were made before: what hosts answered for their bundles is let go as well. */
export async function letGoBefore(client: Queryable, ms: number): Promise<void> {
  await letGo(client, '(select b.id from assessment b where b.created_ms < $1)', [ms]);
}

export interface KeptAssessment {
  /** JSON of the assessment (domain/assessment-json.ts). */
  readonly result: unknown;
  readonly volume: string;
  /** Lines of findings.jsonl; null where they are not kept, or not any more. */
  readonly lines: readonly string[] | null;
}

/** Null where there is no such assessment. */
export async function keptAssessment(client: Queryable, id: bigint): Promise<KeptAssessment | null> {
  const found = await client.query<{ result: unknown; volume: string; kept: number | null }>(
    'select a.result, a.kept, v.name as volume from assessment a join volume v on v.id = a.volume where a.id = $1',
    [id],
  );
  const [row] = found.rows;
  if (row === undefined) return null;
  const { result, volume, kept } = row;
  const lines = await client.query<{ line: string }>('select line from kept_finding where assessment = $1 order by n', [
    id,
  ]);
  return { result, volume, lines: lines.rows.length === kept ? lines.rows.map(({ line }) => line) : null };
}
