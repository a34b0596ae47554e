// The dictionary of directories: one id per path, shared by all volumes.
import type { ClientBase } from 'pg';

export interface ChildName {
  readonly parent: number;
  readonly name: string;
  /** Printable path of the directory itself. */
  readonly path: string;
}

/**
 * Ids of the wanted directories, in the order given. Absent ones are added in a statement of their own, in the order of
 * the unique index: `on conflict do update` bloats and deadlocks (docs/design.md#directories).
 */
export async function resolveDirectories(client: ClientBase, wanted: readonly ChildName[]): Promise<number[]> {
  if (wanted.length === 0) return [];
  const parents = wanted.map((w) => w.parent);
  const names = wanted.map((w) => w.name);
  const select = async (): Promise<Map<number, number>> => {
    const found = await client.query<{ ord: bigint; id: number }>(
      `select n.ord, d.id from unnest($1::int[], $2::text[]) with ordinality as n (parent, name, ord)
         join directory d on d.parent = n.parent and d.name = n.name collate "C"`,
      [parents, names],
    );
    return new Map(found.rows.map((row) => [Number(row.ord) - 1, row.id]));
  };
  let ids = await select();
  if (ids.size < wanted.length) {
    const absent = wanted.filter((_, index) => !ids.has(index));
    await client.query(
      `insert into directory (parent, name, path)
         select parent, name, path from unnest($1::int[], $2::text[], $3::text[]) as n (parent, name, path)
         order by parent, name collate "C" on conflict do nothing`,
      [absent.map((w) => w.parent), absent.map((w) => w.name), absent.map((w) => w.path)],
    );
    ids = await select();
  }
  return wanted.map((w, index) => {
    const id = ids.get(index);
    if (id === undefined) throw new Error(`directory ${w.path} could not be added to the dictionary`);
    return id;
  });
}

/**
 * Id of a printable path, or null where no scan ever met it. Walks the dictionary from the root: paths are not indexed.
 */
export async function findDirectory(client: Pick<ClientBase, 'query'>, path: string): Promise<number | null> {
  let id = 0;
  if (path === '') return id;
  for (const name of path.split('/')) {
    const found = await client.query<{ id: number }>('select id from directory where parent = $1 and name = $2', [
      id,
      name,
    ]);
    const row = found.rows[0];
    if (row === undefined) return null;
    id = row.id;
  }
  return id;
}
