// Hot queries lie in sql/, a file each that begins with what it does and what its parameters are, so that they can be
// read, run and explained as they are. A connection prepares each once, under the name of its file.
import { readFileSync } from 'node:fs';
import type { QueryArrayResult, QueryResult, QueryResultRow } from 'pg';
import { shipped } from '../process/parts.ts';
import type { Queryable } from './scans.ts';

const texts = new Map<string, string>();

function textOf(name: string): string {
  let text = texts.get(name);
  if (text === undefined) texts.set(name, (text = readFileSync(shipped(`services/catalog/sql/${name}.sql`), 'utf8')));
  return text;
}

/** Runs sql/NAME.sql. Rows are objects by column. */
export function run<R extends QueryResultRow>(
  client: Queryable,
  name: string,
  values: readonly unknown[],
): Promise<QueryResult<R>> {
  return client.query<R>({ name, text: textOf(name), values: [...values] });
}

/** The same with rows as arrays, for results of many rows. */
export function runForArrays(client: Queryable, name: string, values: readonly unknown[]): Promise<QueryArrayResult> {
  return client.query({ name, text: textOf(name), values: [...values], rowMode: 'array' });
}
