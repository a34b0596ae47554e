// What rollcall apply has taken: the newest document holds, those before it are its history.
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { Queryable } from './scans.ts';

export interface KeptConfiguration {
  readonly document: Configuration;
  readonly actor: string;
  readonly appliedMs: number;
}

/** Null where none was ever applied. */
export async function holdingConfiguration(client: Queryable): Promise<Configuration | null> {
  return (await keptConfiguration(client))?.document ?? null;
}

/** What holds, with who applied it and when. */
export async function keptConfiguration(client: Queryable): Promise<KeptConfiguration | null> {
  const found = await client.query<{ document: Configuration; actor: string; applied_ms: bigint }>(
    'select document, actor, applied_ms from configuration order by id desc limit 1',
  );
  const [row] = found.rows;
  return row === undefined ? null : { document: row.document, actor: row.actor, appliedMs: Number(row.applied_ms) };
}

/** Must run in a transaction: until its end nobody else keeps a configuration, and everybody reads what holds. */
export async function lockConfigurations(client: Queryable): Promise<void> {
  await client.query('lock table configuration in share row exclusive mode');
}

export async function keepConfiguration(client: Queryable, kept: KeptConfiguration): Promise<void> {
  await client.query('insert into configuration (document, actor, applied_ms) values ($1, $2, $3)', [
    JSON.stringify(kept.document),
    kept.actor,
    kept.appliedMs,
  ]);
}
