// Names that the listing of a huge directory has brought so far, in a temporary table of the thread's own session.
import type { ClientBase } from 'pg';
import type { ScanContext } from './scans.ts';

export async function openMet(client: ClientBase): Promise<void> {
  await client.query('create temporary table if not exists met (name text collate "C" not null)');
  await client.query('truncate met');
}

export async function rememberMet(client: ClientBase, names: readonly string[]): Promise<void> {
  await client.query('insert into met select * from unnest($1::text[])', [names]);
}

/** Known names of the directory that are not met, in byte order from after `after` on, at most `limit`. */
export async function unmetNames(
  client: ClientBase,
  context: ScanContext,
  directory: number,
  after: string,
  limit: number,
): Promise<string[]> {
  const found = await client.query<{ name: string }>(
    `select v.name from version v
      where v.root = $1 and v.directory = $2 and v.first_seq < $3 and (v.end_seq is null or v.end_seq > $3) and v.name > $4
        and not exists (select from met m where m.name = v.name)
      order by v.name limit $5`,
    [context.rootId, directory, context.seq, after, limit],
  );
  return found.rows.map((row) => row.name);
}

export async function dropMet(client: ClientBase): Promise<void> {
  await client.query('drop table if exists met').catch(() => undefined);
}
