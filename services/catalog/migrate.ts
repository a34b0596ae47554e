// Brings the catalog's schema to the level of this code: plain numbered SQL files, each once, in a transaction of its
// own, with a ledger.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { Client, ClientBase, Pool } from 'pg';
import { RollcallError } from '../../domain/exit.ts';
import { shipped } from '../process/parts.ts';
import { databaseCode, throwAdvised } from './advice.ts';
import { connect, inTransaction, SCHEMA, type Database, type DatabaseAddress } from './database.ts';

interface Migration {
  readonly id: number;
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

interface LedgerRow {
  readonly id: number;
  readonly name: string;
  readonly checksum: string;
}

export interface MigrationLevel {
  /** The newest migration in the database; null in an empty one. */
  readonly database: string | null;
  /** The newest migration that this code brings. */
  readonly code: string;
  readonly pending: readonly string[];
  /** A migration that a newer version has made; null where there is none. */
  readonly unknown: string | null;
}

// Any two migrators of one database meet at this number ("Roll", 1): large, so that no count of anything else meets it.
const LOCK = 0x526f6c6c00000001n;

/** The migrations that come with this code. */
const OWN = pathToFileURL(shipped('migrations/'));

const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/;

function readMigrations(directory: URL): readonly Migration[] {
  const migrations = readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const id = FILE.exec(name)?.[1];
      if (id === undefined) return [];
      const sql = readFileSync(new URL(name, directory), 'utf8');
      return [{ id: Number(id), name, checksum: createHash('sha256').update(sql).digest('hex'), sql }];
    });
  // A number may be left out: what is made at the same time by several people has its number before it is finished.
  const odd = migrations.find((migration, index) => migration.id === migrations[index - 1]?.id);
  if (odd !== undefined) throw new Error(`two migrations have one number: ${odd.name}`);
  return migrations;
}

// ledger: every migration that this database has had, in order. The one query of a start where nothing is to be done.
const LEDGER = `select id, name, checksum from ${SCHEMA}.migration order by id`;

async function readLedger(client: ClientBase | Pool): Promise<readonly LedgerRow[]> {
  try {
    return (await client.query<LedgerRow>(LEDGER)).rows;
  } catch (error) {
    if (databaseCode(error) === '42P01') return [];
    return throwAdvised(error);
  }
}

/** 0001_catalog.sql of 0.1.0-dev, which was never released: its catalogs are not brought along. */
const DEV_CATALOG = '46926e37d19400939d6a0d3904ef22c982951809d67d758cfa479f3e402b6ff7';

function refuseForeign(ledger: readonly LedgerRow[], migrations: readonly Migration[]): void {
  if (ledger.some(({ checksum }) => checksum === DEV_CATALOG)) {
    throw new RollcallError(
      'the catalog was made by a development version (0.1.0-dev), and this version cannot read it',
      {
        next: `start a new one: without DATABASE_URL remove the state directory (docs/operating.md), with it run: drop schema ${SCHEMA} cascade. Then scan again; nothing on the volumes changes`,
      },
    );
  }
  const newest = ledger.at(-1);
  if (newest !== undefined && newest.id > (migrations.at(-1)?.id ?? 0)) {
    throw new RollcallError(
      `the database is newer than this Rollcall: it has ${newest.name}, which this version does not know`,
      {
        next: 'update Rollcall to the version that was used last, or use another state directory or DATABASE_URL',
      },
    );
  }
  for (const row of ledger) {
    const own = migrations.find(({ id }) => id === row.id);
    if (own === undefined || own.name !== row.name || own.checksum !== row.checksum) {
      throw new RollcallError(
        `the database was made by another edition of Rollcall: its ${row.name} is not the ${own?.name ?? 'one'} of this version`,
        { next: 'use the version of Rollcall that made it, or another state directory or DATABASE_URL' },
      );
    }
  }
}

/** The oldest Postgres that the catalog's SQL is written for. */
const POSTGRES_MIN = 150_000;

// kind_of_server: what decides whether a catalog can be kept there. Asked before the first migration only: neither ever
// changes back.
const KIND_OF_SERVER = `
  select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
         current_setting('server_encoding') as encoding`;

export interface KindOfServer {
  /** Such as 180004. */
  readonly number: number;
  /** As the server says: "18.4". */
  readonly version: string;
  readonly encoding: string;
}

/** Throws for a server or a database that cannot hold a catalog. */
export function refuseUnfit({ number, version, encoding }: KindOfServer): void {
  if (number < POSTGRES_MIN) {
    throw new RollcallError(`the database is Postgres ${version}; Rollcall needs 15 or newer`, {
      next: 'name a newer server in DATABASE_URL; without DATABASE_URL Rollcall uses the bundled one',
    });
  }
  if (encoding !== 'UTF8') {
    throw new RollcallError(`the encoding of the database is ${encoding}, which cannot hold every name of a file`, {
      next: "make one in UTF8 for Rollcall: create database NAME encoding 'UTF8' template template0; name it in DATABASE_URL",
    });
  }
}

async function applyPending(client: Client, migrations: readonly Migration[]): Promise<void> {
  const { rows } = await client.query<KindOfServer>(KIND_OF_SERVER);
  for (const row of rows) refuseUnfit(row);
  await inTransaction(client, async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
    // Asked first, because `create schema if not exists` wants the right to create even where there is nothing to
    // create.
    const { rowCount } = await tx.query('select 1 from pg_namespace where nspname = $1', [SCHEMA]);
    if (rowCount === 0) await tx.query(`create schema ${SCHEMA}`);
    await tx.query(
      `create table if not exists ${SCHEMA}.migration (
        id int primary key, name text not null unique, checksum text not null, applied_at timestamptz not null default now())`,
    );
  });
  for (const migration of migrations) {
    await inTransaction(client, async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
      // The ledger row first: whoever comes second finds it and does nothing.
      const { rowCount } = await tx.query(
        `insert into ${SCHEMA}.migration (id, name, checksum) values ($1, $2, $3) on conflict do nothing`,
        [migration.id, migration.name, migration.checksum],
      );
      if (rowCount === 1) await tx.query(migration.sql);
    }).catch((error: unknown) => {
      if (error instanceof RollcallError) throw error;
      throw new RollcallError(`the migration ${migration.name} failed and was undone: ${String(error)}`, {
        next: 'report this with the version of Postgres; nothing was changed',
        cause: error,
      });
    });
  }
}

/**
 * Applies what is missing. Safe when several start at once; one query where nothing is to be done. Throws RollcallError
 * for a database that is newer than this code or was made by another edition of it.
 */
export async function migrate(target: DatabaseAddress | Database, directory: URL = OWN): Promise<void> {
  const migrations = readMigrations(directory);
  if ('pool' in target) {
    const ledger = await readLedger(target.pool);
    refuseForeign(ledger, migrations);
    if (ledger.length === migrations.length) return;
  }
  const client = await connect('pool' in target ? target.address : target, { applicationName: 'rollcall migrate' });
  try {
    const ledger = await readLedger(client);
    refuseForeign(ledger, migrations);
    if (ledger.length < migrations.length) {
      await applyPending(client, migrations);
      // Read again: a newer Rollcall may have been at it at the same time.
      refuseForeign(await readLedger(client), migrations);
    }
  } finally {
    await client.end();
  }
}

/** How far the database is, for people who ask (doctor): changes nothing. */
export async function migrationLevel(db: Database, directory: URL = OWN): Promise<MigrationLevel> {
  const migrations = readMigrations(directory);
  const ledger = await readLedger(db.pool);
  return {
    database: ledger.at(-1)?.name ?? null,
    code: migrations.at(-1)?.name ?? '',
    pending: migrations.filter(({ id }) => !ledger.some((row) => row.id === id)).map(({ name }) => name),
    unknown: ledger.find((row) => !migrations.some(({ id }) => id === row.id))?.name ?? null,
  };
}
