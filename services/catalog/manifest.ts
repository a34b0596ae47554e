// What a volume held at one complete scan, name by name: for lists that other tools read, and for comparing two states.
import type { ClientBase } from 'pg';
import type { Kind } from '../../domain/version.ts';
import { joinPath } from '../../domain/path.ts';
import { unsigned } from './rows.ts';

/** One complete scan, as far as its manifest needs it. */
export interface StateOf {
  readonly id: bigint;
  readonly rootId: number;
  readonly seq: bigint;
}

export interface ManifestEntry {
  /** Printable path below the root. */
  readonly path: string;
  readonly kind: Kind;
  /** Null for anything but a file, and where only a list without sizes tells of it. */
  readonly size: number | null;
  readonly digest: bigint | null;
  /** Ns since 1970. */
  readonly mtimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly target: string | null;
}

/** Everything below the gaps of a scan; names with a gap of their own are asked for apart. */
const covered = (name: string, scan: string): string => `${name} as materialized (
  select id from subtree(array(
    select g.directory from gap g where g.scan = ${scan} and g.name = ''
    union select d.id from gap g join directory d on d.parent = g.directory and d.name = g.name where g.scan = ${scan} and g.name <> '')))`;

const hiddenBy = (name: string, scan: string, directory: string, entry: string): string =>
  `(${directory} in (select id from ${name}) or exists (select from gap g where g.scan = ${scan} and g.directory = ${directory} and g.name = ${entry}))`;

async function* rowsOf(
  client: ClientBase,
  cursor: 'manifest_rows' | 'compared_rows',
  query: string,
  parameters: readonly unknown[],
): AsyncGenerator<readonly (readonly unknown[])[]> {
  await client.query(`declare ${cursor} no scroll cursor for ${query}`, [...parameters]);
  for (;;) {
    const found = await client.query({ rowMode: 'array', text: `fetch 5000 from ${cursor}` });
    const rows = found.rows as unknown as readonly (readonly unknown[])[];
    if (rows.length === 0) break;
    yield rows;
  }
  await client.query(`close ${cursor}`);
}

/**
 * Every name that holds there and that no gap hides, directories too, by directory and name. Must run in a transaction.
 */
export async function* manifestAt(client: ClientBase, state: StateOf): AsyncGenerator<ManifestEntry[]> {
  const rows = rowsOf(
    client,
    'manifest_rows',
    `with ${covered('hidden_below', '$3')}
     select d.path, v.name, v.kind, v.size, v.digest, v.mtime_ns, v.mode, v.uid, v.gid, v.target
       from manifest($1, $2) v join directory d on d.id = v.directory
      where not ${hiddenBy('hidden_below', '$3', 'v.directory', 'v.name')}
      order by d.path, v.name`,
    [state.rootId, state.seq, state.id],
  );
  for await (const batch of rows) {
    yield batch.map((row) => {
      const size = row[3] as bigint | null;
      return {
        path: joinPath(row[0] as string, row[1] as string),
        kind: row[2] as Kind,
        size: size === null ? null : Number(size),
        digest: unsigned(row[4] as bigint | null),
        mtimeNs: row[5] as bigint,
        mode: row[6] as number,
        uid: Number(row[7]),
        gid: Number(row[8]),
        target: row[9] as string | null,
      };
    });
  }
}

/** What one of two states says of a path: a gap hides it, it is absent (null), or it is there. */
export type Side =
  | 'hidden'
  | null
  | { readonly kind: Kind; readonly size: number | null; readonly digest: bigint | null };

export interface ComparedPath {
  readonly path: string;
  readonly left: Side;
  readonly right: Side;
}

/** Every path that is a file in one of the two states, by directory and name. Must run in a transaction. */
export async function* comparedAt(client: ClientBase, left: StateOf, right: StateOf): AsyncGenerator<ComparedPath[]> {
  const rows = rowsOf(
    client,
    'compared_rows',
    `with ${covered('left_below', '$3')}, ${covered('right_below', '$6')},
       l as (select v.directory, v.name, v.kind, v.size, v.digest from manifest($1, $2) v),
       r as (select v.directory, v.name, v.kind, v.size, v.digest from manifest($4, $5) v)
     select d.path, b.name, b.l_kind, b.l_size, b.l_digest, ${hiddenBy('left_below', '$3', 'b.directory', 'b.name')},
            b.r_kind, b.r_size, b.r_digest, ${hiddenBy('right_below', '$6', 'b.directory', 'b.name')}
       from (select directory, name, l.kind as l_kind, l.size as l_size, l.digest as l_digest, r.kind as r_kind, r.size as r_size, r.digest as r_digest
               from l full join r using (directory, name)) b
       join directory d on d.id = b.directory
      where b.l_kind = 'file' or b.r_kind = 'file' order by d.path, b.name`,
    [left.rootId, left.seq, left.id, right.rootId, right.seq, right.id],
  );
  for await (const batch of rows) {
    yield batch.map((row) => ({
      path: joinPath(row[0] as string, row[1] as string),
      left: sideOf(row, 2),
      right: sideOf(row, 6),
    }));
  }
}

function sideOf(row: readonly unknown[], from: number): Side {
  if (row[from + 3] === true) return 'hidden';
  const kind = row[from] as Kind | null;
  if (kind === null) return null;
  const size = row[from + 1] as bigint | null;
  return { kind, size: size === null ? null : Number(size), digest: unsigned(row[from + 2] as bigint | null) };
}
