// A server, a database or a role may be set up in ways that change what SQL means: Rollcall's connections bring their
// own settings.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, openPool } from '../../services/catalog/database.ts';
import { testDatabase } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { Catalog } from '../support/catalog.ts';
import { age, settled, truthOf, write } from '../support/tree.ts';

/** What an operator may have set, and what a connection of Rollcall has all the same. */
const SET: readonly (readonly [string, string, string])[] = [
  ['array_nulls', 'off', 'on'],
  ['standard_conforming_strings', 'off', 'on'],
  ['backslash_quote', 'on', 'safe_encoding'],
  ['transform_null_equals', 'on', 'off'],
  ['bytea_output', 'escape', 'hex'],
  ['extra_float_digits', '-15', '1'],
  ['datestyle', 'SQL, DMY', 'ISO, MDY'],
  ['intervalstyle', 'iso_8601', 'postgres'],
  ['timezone', 'Asia/Kathmandu', 'UTC'],
  ['search_path', 'public', 'rollcall'],
  ['default_transaction_isolation', 'serializable', 'read committed'],
  ['default_transaction_read_only', 'on', 'off'],
  ['default_transaction_deferrable', 'on', 'off'],
  ['statement_timeout', '1', '0'],
  ['transaction_timeout', '5s', '0'],
  ['lock_timeout', '1', '1min'],
  ['idle_in_transaction_session_timeout', '1', '1min'],
  ['idle_session_timeout', '1', '0'],
  ['client_encoding', 'LATIN1', 'UTF8'],
  ['exit_on_error', 'on', 'off'],
  ['synchronous_commit', 'off', 'on'],
];

let database: TestDatabase;
let catalog: Catalog;

beforeAll(async () => {
  database = await testDatabase();
  const client = await database.connect();
  try {
    const { rows } = await client.query<{ name: string; role: string }>(
      'select current_database() as name, current_user as role',
    );
    const { name = '', role = '' } = rows[0] ?? {};
    // In one transaction: each would already hold for the next connection. Half of them for the role, which comes
    // before the database.
    const settings = SET.map(([setting, value], i) => {
      const whose = i % 2 === 0 ? `database "${name}"` : `role "${role}" in database "${name}"`;
      return `alter ${whose} set ${setting} = ${setting === 'search_path' ? value : `'${value}'`}`;
    });
    await client.query(settings.join('; '));
  } finally {
    await client.end();
  }
  catalog = new Catalog(database, 2);
});
afterAll(async () => {
  await catalog.close();
});

test('settings of the database and of the role change none of a connection, whoever opens it', async () => {
  const wanted = SET.map(([setting, , value]) => [setting, value]);
  const asked = SET.map(([setting]) => `current_setting('${setting}')`).join(', ');
  const one = await connect(database.address);
  const pool = openPool(database.address);
  try {
    for (const client of [one, pool.pool]) {
      const { rows } = await client.query<unknown[]>({ rowMode: 'array', text: `select ${asked}` });
      expect(rows[0]?.map((value, i) => [SET[i]?.[0], value])).toEqual(wanted);
    }
  } finally {
    await one.end();
    await pool.close();
  }
});

test('a tree is scanned in such a database as in any other, its nulls included', async () => {
  const tree = catalog.directory();
  write(tree, { 'd/f': 'f', 'd/back\\slash': 'b', 'e/NULL': 'null' });
  age(tree);
  await settled(tree);
  await catalog.scan(tree);
  expect(await catalog.told(tree)).toEqual({
    ...truthOf(tree),
    'd/back\\\\slash': expect.stringMatching(/^file 1 /),
    'd/back\\slash': undefined,
  });
  write(tree, { 'd/f': 'changed' });
  expect(await catalog.scan(tree)).toMatchObject({ changed: 1, vanished: 0 });
});
