// The whole catalog as rows on their way out and in, by COPY: for a backup of it while it works. What a table is, the
// database says itself, so that one which a later migration makes is not left out.
import type { ClientBase } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { abortScan } from './abort-scan.ts';
import { SCHEMA } from './database.ts';
import type { Queryable } from './scans.ts';

export interface DumpedTable {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Where numbers go on. */
export interface SequenceState {
  readonly name: string;
  /** Decimal. */
  readonly last: string;
  readonly isCalled: boolean;
}

export interface SchemaStep {
  readonly name: string;
  readonly checksum: string;
}

/** The ledger is compared, not copied; who worked when is no fact. */
const LEFT_OUT: readonly string[] = ['migration', 'worker'];

/** Rows that a migration makes: a catalog that holds nothing but these is empty. */
const SEEDED: Readonly<Record<string, number>> = { directory: 1 };

/** The migrations that made this schema. */
export async function schemaSteps(client: Queryable): Promise<SchemaStep[]> {
  const found = await client.query<SchemaStep>('select name, checksum from migration order by id');
  return found.rows;
}

/** Every table, each behind those that it refers to. */
export async function tablesToDump(client: Queryable): Promise<readonly DumpedTable[]> {
  const found = await client.query<DumpedTable>(
    `select t.table_name::text as name, array_agg(c.column_name::text order by c.ordinal_position) as columns
       from information_schema.tables t join information_schema.columns c using (table_schema, table_name)
      where t.table_schema = $1 and t.table_type = 'BASE TABLE' and c.is_generated = 'NEVER' and t.table_name <> all ($2)
      group by 1 order by 1`,
    [SCHEMA, LEFT_OUT],
  );
  const references = await client.query<{ table: string; to: string }>(
    `select a.relname::text as table, b.relname::text as to from pg_constraint k
       join pg_class a on a.oid = k.conrelid join pg_class b on b.oid = k.confrelid
      where k.contype = 'f' and k.connamespace = $1::regnamespace and a.oid <> b.oid`,
    [SCHEMA],
  );
  const ordered: DumpedTable[] = [];
  const left = [...found.rows];
  while (left.length > 0) {
    const ready = left.findIndex(
      ({ name }) => !references.rows.some(({ table, to }) => table === name && left.some((other) => other.name === to)),
    );
    if (ready < 0) throw new Error('tables refer to one another in a circle');
    ordered.push(...left.splice(ready, 1));
  }
  return ordered;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const copied = ({ name, columns }: DumpedTable): string => `${quoted(name)} (${columns.map(quoted).join(', ')})`;

/** The rows of a table as text COPY writes them, and how many there were. */
export async function* rowsOut(client: ClientBase, table: DumpedTable): AsyncGenerator<Buffer, number, undefined> {
  const stream = client.query(copyTo(`copy ${copied(table)} to stdout`));
  for await (const piece of stream) yield piece as Buffer;
  return stream.rowCount;
}

/** @returns the number of rows that were taken */
export async function rowsIn(client: ClientBase, table: DumpedTable, rows: AsyncIterable<Buffer>): Promise<number> {
  const stream = client.query(copyFrom(`copy ${copied(table)} from stdin`));
  await pipeline(Readable.from(rows, { objectMode: true }), stream);
  return stream.rowCount;
}

/** To be asked after the rows: what is counted meanwhile may only be further. */
export async function sequencesOf(client: Queryable): Promise<readonly SequenceState[]> {
  const names = await client.query<{ name: string }>(
    `select c.relname::text as name from pg_class c where c.relkind = 'S' and c.relnamespace = $1::regnamespace order by 1`,
    [SCHEMA],
  );
  const states: SequenceState[] = [];
  for (const { name } of names.rows) {
    const found = await client.query<SequenceState>(
      `select $1 as name, last_value::text as last, is_called as "isCalled" from ${quoted(name)}`,
      [name],
    );
    states.push(...found.rows);
  }
  return states;
}

export async function setSequences(client: Queryable, states: readonly SequenceState[]): Promise<void> {
  for (const { name, last, isCalled } of states)
    await client.query('select setval($1::regclass, $2::bigint, $3)', [`${SCHEMA}.${quoted(name)}`, last, isCalled]);
}

/**
 * Keeps everybody else out until the transaction ends, and looks whether there is anything.
 * @returns the name of a table with rows; null where the catalog is as a migration leaves it
 */
export async function notEmpty(client: Queryable, tables: readonly DumpedTable[]): Promise<string | null> {
  await client.query(`lock table ${tables.map(({ name }) => quoted(name)).join(', ')} in exclusive mode`);
  for (const { name } of tables) {
    const found = await client.query<{ rows: number }>(
      `select count(*)::int as rows from (select from ${quoted(name)} limit 2) r`,
    );
    if ((found.rows[0]?.rows ?? 0) > (SEEDED[name] ?? 0)) return name;
  }
  for (const name of Object.keys(SEEDED)) await client.query(`delete from ${quoted(name)}`);
  return null;
}

export interface PutRight {
  /** Scans that ran, and are given up. */
  readonly scans: number;
  /** Tasks that somebody worked on, and that can be taken again. */
  readonly tasks: number;
}

/** What ran when the dump was made does not run here: nobody holds anything, and no half scan is gone on with. */
export async function putRight(client: Queryable, nowMs: number): Promise<PutRight> {
  const running = await client.query<{ id: bigint }>(`select id from scan where state = 'running' order by id`);
  for (const { id } of running.rows)
    await abortScan(client, id, { reason: 'it ran when the catalog was dumped', keepDigests: true, nowMs });
  await client.query(
    `update shard set state = 'open', holder = null, lease_until = null, fence = fence + 1 where state = 'leased'`,
  );
  const tasks = await client.query(
    `update task set state = 'open', holder = null, lease_until = null, fence = fence + 1, attempts = greatest(attempts - 1, 0)
      where state = 'taken'`,
  );
  return { scans: running.rows.length, tasks: tasks.rowCount ?? 0 };
}
