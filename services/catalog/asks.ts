// What tasks ask of the disks of hosts, and the answers, as texts (docs/design.md#other-hosts). services/judge/asks.ts
// says what they mean.
import type { Queryable } from './scans.ts';

export interface KeyedAsk {
  readonly key: string;
  readonly question: string;
}

export interface OpenAsk {
  readonly n: number;
  readonly question: string;
}

const CHUNK = 2_000;

/** Must run in the transaction that leaves the task. */
export async function leaveAsks(client: Queryable, task: bigint, asks: readonly KeyedAsk[]): Promise<void> {
  for (let start = 0; start < asks.length; start += CHUNK) {
    const part = asks.slice(start, start + CHUNK);
    await client.query(
      `insert into ask (task, n, key, question)
         select $1, $2::int + a.n::int, a.key, a.question from unnest($3::text[], $4::text[]) with ordinality as a (key, question, n)`,
      [task, start, part.map(({ key }) => key), part.map(({ question }) => question)],
    );
  }
}

/** The next ones that have no answer. */
export async function openAsks(client: Queryable, task: bigint, max: number): Promise<readonly OpenAsk[]> {
  const found = await client.query<OpenAsk>(
    'select n, question from ask where task = $1 and answer is null order by n limit $2',
    [task, max],
  );
  return found.rows;
}

export async function countAsks(
  client: Queryable,
  task: bigint,
): Promise<{ readonly all: number; readonly open: number }> {
  const found = await client.query<{ all: number; open: number }>(
    'select count(*)::int as all, count(*) filter (where answer is null)::int as open from ask where task = $1',
    [task],
  );
  return found.rows[0] ?? { all: 0, open: 0 };
}

/** An answer that is there stays: whoever comes second has read the same, or is late. */
export async function keepAnswers(
  client: Queryable,
  task: bigint,
  answers: readonly { readonly n: number; readonly answer: string }[],
): Promise<void> {
  await client.query(
    `update ask set answer = a.answer from unnest($2::int[], $3::text[]) as a (n, answer)
      where ask.task = $1 and ask.n = a.n and ask.answer is null`,
    [task, answers.map(({ n }) => n), answers.map(({ answer }) => answer)],
  );
}

/** Everything that was answered to tasks that this one has left, by key. */
export async function answersTo(client: Queryable, parent: bigint): Promise<ReadonlyMap<string, string>> {
  const found = await client.query<{ key: string; answer: string }>(
    'select a.key, a.answer from ask a join task t on t.id = a.task where t.parent = $1 and a.answer is not null',
    [parent],
  );
  return new Map(found.rows.map(({ key, answer }) => [key, answer]));
}

/** The task that had the sources of an assessment read last; null where none did. */
export async function provingOf(
  client: Queryable,
  assessment: bigint,
): Promise<{ readonly id: bigint; readonly reference: unknown } | null> {
  const found = await client.query<{ id: bigint; reference: unknown }>(
    `select id, reference from task where kind = 'prove' and reference ->> 'assessment' = $1 order by id desc limit 1`,
    [String(assessment)],
  );
  return found.rows[0] ?? null;
}

/** The task that judged before another step of the same assessment; null where there is none. */
export async function judgingBefore(client: Queryable, step: bigint): Promise<bigint | null> {
  const found = await client.query<{ id: bigint }>(
    `select j.id from task s join task j on j.parent = s.parent and j.kind = 'judge' and j.id < s.id where s.id = $1 order by j.id desc limit 1`,
    [step],
  );
  return found.rows[0]?.id ?? null;
}
