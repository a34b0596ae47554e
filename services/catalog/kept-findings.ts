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
  await client.query(
    `delete from kept_finding where assessment in (
       select a.id from assessment a where a.volume = (select volume from assessment where id = $1) order by a.id desc offset $2)`,
    [assessment, KEPT],
  );
}

export interface KeptAssessment {
  /** JSON of the assessment (domain/assessment-json.ts). */
  readonly result: unknown;
  readonly volume: string;
  /** Lines of findings.jsonl. */
  readonly lines: readonly string[];
}

/** Null where there is no such assessment. One of a single host keeps no lines: its bundle was written with it. */
export async function keptAssessment(client: Queryable, id: bigint): Promise<KeptAssessment | null> {
  const found = await client.query<{ result: unknown; volume: string }>(
    'select a.result, v.name as volume from assessment a join volume v on v.id = a.volume where a.id = $1',
    [id],
  );
  const [row] = found.rows;
  if (row === undefined) return null;
  const kept = await client.query<{ line: string }>('select line from kept_finding where assessment = $1 order by n', [
    id,
  ]);
  return { ...row, lines: kept.rows.map(({ line }) => line) };
}
