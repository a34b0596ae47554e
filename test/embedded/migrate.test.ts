// Migrations: each once, whole or not at all, and never over a database that this code does not know.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { connect, inTransaction, openPool, type Database } from '../../services/catalog/database.ts';
import { migrate, migrationLevel } from '../../services/catalog/migrate.ts';
import { createDatabase, dropDatabase } from '../../services/catalog/own-database.ts';
import type { ClusterAddress } from '../support/postgres.ts';

let directory: string;
let address: ClusterAddress;
let db: Database;

function cluster(): ClusterAddress {
  const provided = inject('cluster');
  if (typeof provided === 'string') throw new Error(`no Postgres for tests: ${provided}`);
  return provided;
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rollcall-migrations-'));
  const database = `test_${randomBytes(6).toString('hex')}`;
  await createDatabase(cluster(), database);
  address = { ...cluster(), database };
  db = openPool(address);
  write('0001_first.sql', 'create table first (n bigint); insert into first values (9007199254740993);');
  write('0002_second.sql', 'create table second (n int);');
});

afterEach(async () => {
  await db.close();
  await dropDatabase(cluster(), address.database);
  rmSync(directory, { recursive: true, force: true });
});

function write(name: string, sql: string): void {
  writeFileSync(join(directory, name), sql);
}

const url = (): URL => pathToFileURL(`${directory}/`);

async function tables(): Promise<string[]> {
  const { rows } = await db.pool.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'rollcall' order by 1`,
  );
  return rows.map((row) => row.name);
}

test('five that start at once apply each migration once', async () => {
  await Promise.all(Array.from({ length: 5 }, () => migrate(address, url())));
  expect(await tables()).toEqual(['first', 'migration', 'second']);
  expect((await db.pool.query('select n from first')).rows).toEqual([{ n: 9_007_199_254_740_993n }]);
  expect(await migrationLevel(db, url())).toEqual({
    database: '0002_second.sql',
    code: '0002_second.sql',
    pending: [],
    unknown: null,
  });
});

test('what is new is added to what is there', async () => {
  await migrate(db, url());
  write('0003_third.sql', 'create table third (n int);');
  expect(await migrationLevel(db, url())).toMatchObject({ pending: ['0003_third.sql'] });
  await migrate(db, url());
  expect(await tables()).toEqual(['first', 'migration', 'second', 'third']);
});

test('a database that is newer than the code, or was made by another edition of it, is refused and left as it is', async () => {
  await migrate(db, url());
  rmSync(join(directory, '0002_second.sql'));
  await expect(migrate(db, url())).rejects.toMatchObject({
    exit: 2,
    message: expect.stringMatching(/newer.*0002_second/),
    next: expect.stringContaining('update'),
  });
  write('0002_second.sql', 'create table second (n bigint);');
  await expect(migrate(address, url())).rejects.toMatchObject({
    exit: 2,
    message: expect.stringMatching(/another edition.*0002_second/),
  });
  expect(await tables()).toEqual(['first', 'migration', 'second']);
});

test('a catalog of the development version is refused with the way to a new one', async () => {
  await migrate(db, url());
  await db.pool.query(
    `insert into migration (id, name, checksum) values (9, '0009_trouble.sql', 'x');
     update migration set name = '0001_catalog.sql', checksum = '46926e37d19400939d6a0d3904ef22c982951809d67d758cfa479f3e402b6ff7' where id = 1`,
  );
  await expect(migrate(db)).rejects.toMatchObject({
    exit: 2,
    message: expect.stringContaining('0.1.0-dev'),
    next: expect.stringContaining('drop schema rollcall cascade'),
  });
});

test('a migration that fails leaves nothing of itself, and the ones before it stand', async () => {
  write('0003_third.sql', 'create table third (n int); create table third (n int);');
  await expect(migrate(db, url())).rejects.toMatchObject({
    exit: 2,
    message: expect.stringMatching(/0003_third.*undone/),
  });
  expect(await tables()).toEqual(['first', 'migration', 'second']);
  expect(await migrationLevel(db, url())).toMatchObject({ database: '0002_second.sql', pending: ['0003_third.sql'] });
});

test('a number that was left out is made up for', async () => {
  write('0004_fourth.sql', 'create table fourth (n int);');
  await migrate(db, url());
  write('0003_third.sql', 'create table third (n int);');
  expect(await migrationLevel(db, url())).toMatchObject({ database: '0004_fourth.sql', pending: ['0003_third.sql'] });
  await migrate(db, url());
  expect(await tables()).toEqual(['first', 'fourth', 'migration', 'second', 'third']);
  write('0004_another.sql', 'create table another (n int);');
  await expect(migrate(db, url())).rejects.toThrow('one number');
});

test("Rollcall's own migrations make the catalog", async () => {
  await migrate(db);
  const names = readdirSync(new URL('../../migrations/', import.meta.url)).filter((name) => name.endsWith('.sql'));
  expect(await migrationLevel(db)).toMatchObject({ database: names.sort().at(-1), pending: [] });
  expect(await tables()).toEqual(expect.arrayContaining(['packed_version', 'scan', 'finding']));
});

test('a transaction that throws is rolled back, and its connection serves the next one', async () => {
  await migrate(db, url());
  await expect(
    inTransaction(db, async (client) => {
      await client.query('insert into second values (1)');
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await inTransaction(db, async (client) => (await client.query('select n from second')).rows)).toEqual([]);
});

test('connections carry their settings, whatever the address looks like', async () => {
  const { host, user, password, database } = address;
  const other = openPool({
    connectionString: `postgresql://${user}:${password}@${encodeURIComponent(host)}/${database}?options=-c%20work_mem%3D7MB`,
  });
  const ask = `select current_setting('search_path') as path, current_setting('lock_timeout') as lock, current_setting('jit') as jit,
                      current_setting('idle_in_transaction_session_timeout') as idle, array[1, null]::int8[] as numbers, '{"a":1}'::jsonb as json`;
  const expected = [{ path: 'rollcall', lock: '1min', jit: 'off', idle: '1min', numbers: [1n, null], json: { a: 1 } }];
  expect((await db.pool.query(ask)).rows).toEqual(expected);
  expect((await other.pool.query(ask)).rows).toEqual(expected);
  expect((await other.pool.query(`select current_setting('work_mem') as own`)).rows).toEqual([{ own: '7MB' }]);
  await other.close();
  for (const connectionString of ['mysql://h/d', 'h/d', '']) {
    await expect(connect({ connectionString })).rejects.toMatchObject({
      exit: 2,
      next: expect.stringContaining('postgresql://'),
    });
  }
});
