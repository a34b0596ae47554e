// Pauses: for so long nothing that is due of a subject is begun. Each ends by itself, and what was due is made up for.
import type { Queryable } from './scans.ts';

export interface Pause {
  readonly id: bigint;
  /** The name of a volume or backup in the configuration; null: everything. */
  readonly subject: string | null;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly reason: string;
  readonly actor: string;
}

export async function keepPause(
  client: Queryable,
  { subject, fromMs, untilMs, ...why }: Omit<Pause, 'id'>,
): Promise<void> {
  await client.query('insert into pause (subject, from_ms, until_ms, reason, actor) values ($1, $2, $3, $4, $5)', [
    subject,
    Math.floor(fromMs),
    Math.floor(untilMs),
    why.reason,
    why.actor,
  ]);
}

/** Those that hold now, the one that ends last first. */
export async function pausesNow(client: Queryable, nowMs: number): Promise<Pause[]> {
  const found = await client.query<Omit<Pause, 'fromMs' | 'untilMs'> & { from_ms: bigint; until_ms: bigint }>(
    `select id, subject, from_ms, until_ms, reason, actor from pause where from_ms <= $1 and until_ms > $1 order by until_ms desc, id`,
    [Math.floor(nowMs)],
  );
  return found.rows.map(({ from_ms, until_ms, ...row }) => ({
    ...row,
    fromMs: Number(from_ms),
    untilMs: Number(until_ms),
  }));
}

/** Until when it is paused; null where it is not. */
export function pausedUntil(pauses: readonly Pause[], subject: string): number | null {
  return pauses.find((one) => one.subject === null || one.subject === subject)?.untilMs ?? null;
}

/** Those of a subject that hold now end now; null: those of everything. @returns how many */
export async function endPauses(client: Queryable, subject: string | null, nowMs: number): Promise<number> {
  const ended = await client.query(
    'update pause set until_ms = $2 where subject is not distinct from $1 and from_ms <= $2 and until_ms > $2',
    [subject, Math.floor(nowMs)],
  );
  return ended.rowCount ?? 0;
}
