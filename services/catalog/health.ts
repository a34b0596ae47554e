// What a person who asks after the database is told: its version, its level, its room. Changes nothing.
import type { Database } from './database.ts';
import { migrationLevel, type MigrationLevel } from './migrate.ts';

export interface DatabaseHealth {
  /** As the server says: "18.4". */
  readonly version: string;
  readonly connectionsMax: number;
  readonly readOnly: boolean;
  /** Bytes of this database. */
  readonly size: bigint;
  readonly level: MigrationLevel;
}

// health: one row about the server and this database.
const HEALTH = `
  select current_setting('server_version') as version, current_setting('max_connections')::int as "connectionsMax", pg_is_in_recovery() as "readOnly",
         pg_database_size(current_database()) as size`;

export async function databaseHealth(db: Database): Promise<DatabaseHealth> {
  const { rows } = await db.pool.query<Omit<DatabaseHealth, 'level'>>(HEALTH);
  const [row] = rows;
  if (row === undefined) throw new Error('a select of constants has one row');
  return { ...row, level: await migrationLevel(db) };
}
