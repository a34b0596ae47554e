// Who decided what, when and why.
import type { Queryable } from './scans.ts';

export interface AuditEntry {
  readonly atMs: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string | null;
}

export async function writeAudit(client: Queryable, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await client.query(
    `insert into audit_log (at_ms, actor, action, subject, reason)
       select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])`,
    [
      entries.map((e) => e.atMs),
      entries.map((e) => e.actor),
      entries.map((e) => e.action),
      entries.map((e) => e.subject),
      entries.map((e) => e.reason),
    ],
  );
}

/** Newest first. */
export async function readAudit(client: Queryable, limit: number): Promise<AuditEntry[]> {
  const found = await client.query<{
    at_ms: bigint;
    actor: string;
    action: string;
    subject: string;
    reason: string | null;
  }>('select at_ms, actor, action, subject, reason from audit_log order by id desc limit $1', [limit]);
  return found.rows.map(({ at_ms, ...row }) => ({ atMs: Number(at_ms), ...row }));
}
