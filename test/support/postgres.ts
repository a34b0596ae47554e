// A fresh, migrated database for each test file, in the one embedded cluster that the whole run shares
// (test/support/cluster.ts).
import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { afterAll, inject } from 'vitest';
import { connect, type Database, type DatabaseAddress, openPool } from '../../services/catalog/database.ts';
import { migrate } from '../../services/catalog/migrate.ts';
import { createDatabase, dropDatabase } from '../../services/catalog/own-database.ts';

/** Set: databases of tests are not dropped, and their cluster is left where it is. */
export const KEEP = 'ROLLCALL_TEST_KEEP';

export type ClusterAddress = Exclude<DatabaseAddress, { readonly connectionString: string }>;

declare module 'vitest' {
  export interface ProvidedContext {
    /** An address, or why there is none. */
    cluster: ClusterAddress | string;
  }
}

export interface TestDatabase {
  readonly address: ClusterAddress;
  /** A connection of the catalog's kind; the caller ends it. */
  connect(): Promise<Client>;
  /** Ends whatever is still connected and drops the database. */
  close(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const cluster = inject('cluster');
  if (typeof cluster === 'string') throw new Error(`no Postgres for tests: ${cluster}`);
  const database = `test_${randomBytes(6).toString('hex')}`;
  const address = { ...cluster, database };
  await createDatabase(cluster, database);
  try {
    await migrate(address);
  } catch (error) {
    await dropDatabase(cluster, database);
    throw error;
  }
  return {
    address,
    connect: () => connect(address, { applicationName: 'rollcall test' }),
    async close() {
      if (process.env[KEEP] === undefined) await dropDatabase(cluster, database);
      else process.stderr.write(`kept: database ${database}\n`);
    },
  };
}

/** A database for all tests of the file that awaits this at its top, and a pool of it; both are closed after them. */
export async function databaseForFile(): Promise<{ readonly database: TestDatabase; readonly db: Database }> {
  const database = await testDatabase();
  const db = openPool(database.address, { applicationName: 'rollcall test' });
  afterAll(async () => {
    await db.close();
    await database.close();
  });
  return { database, db };
}

/** The same with one connection. */
export async function clientForFile(): Promise<Client> {
  const database = await testDatabase();
  const client = await database.connect();
  afterAll(async () => {
    await client.end();
    await database.close();
  });
  return client;
}
