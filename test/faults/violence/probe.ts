// A look into the database that a command has brought along, from outside and without holding it: for telling how far
// the command is, and for keeping it where it is with a lock that it must wait for.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { isTransient } from '../../../services/catalog/advice.ts';
import { connect, type DatabaseAddress } from '../../../services/catalog/database.ts';
import { PORT, socketDirectory } from '../../../services/embedded/server.ts';
import { until } from '../../support/poll.ts';

type Row = Record<string, unknown>;

/** services/catalog/migrate.ts */
const MIGRATION_LOCK = 0x526f6c6c00000001n;

/** In the data directory; read when the server starts. */
const SETTINGS = 'postgresql.auto.conf';

export class Probe {
  readonly state: string;
  #client: Client | null = null;
  #lock: Client | null = null;

  constructor(state: string) {
    this.state = state;
  }

  #address(): DatabaseAddress {
    const password = readFileSync(join(this.state, 'data/rollcall.password'), 'utf8').trim();
    return { host: socketDirectory(this.state), port: PORT, user: 'rollcall', password, database: 'rollcall' };
  }

  async #open(): Promise<Client | null> {
    if (!existsSync(join(socketDirectory(this.state), `.s.PGSQL.${PORT}`))) return null;
    try {
      return await connect(this.#address(), { applicationName: 'test probe' });
    } catch {
      return null;
    }
  }

  /** Nothing where nobody answers, or where there is no such table yet. */
  async rows(sql: string, ...values: unknown[]): Promise<Row[]> {
    this.#client ??= await this.#open();
    if (this.#client === null) return [];
    try {
      return (await this.#client.query<Row>(sql, values)).rows;
    } catch (error) {
      if ((error as { code?: unknown }).code === '42P01') return [];
      await this.#client.end().catch(() => {});
      this.#client = null;
      if (isTransient(error) || /terminat|closed|ended/.test((error as Error).message)) return [];
      throw error;
    }
  }

  /**
   * For a state directory whose server is not running yet: whoever has finished so many shards of the scan after so
   * many others waits in the transaction of the last one (stage.ts) until `letGo`. Where no database is made yet,
   * nobody does.
   */
  holdAt(scans: number, done: number): void {
    const data = join(this.state, 'data');
    if (existsSync(data)) writeFileSync(join(data, SETTINGS), `riot.hold = '[${scans}, ${done}]'\n`);
  }

  async letGo(): Promise<void> {
    // For the server that runs, and for the next one.
    await this.rows('insert into riot.let_go default values').catch(() => {});
    rmSync(join(this.state, 'data', SETTINGS), { force: true });
  }

  async isHeld(): Promise<boolean> {
    return (await this.rows(`select from pg_stat_activity where wait_event = 'PgSleep' limit 1`)).length > 0;
  }

  /**
   * Takes a lock on a table that lets others read and not write, and lets go who is held, once they stand in the way or
   * the lock is there.
   */
  async lock(table: string): Promise<void> {
    this.#lock = await this.#open();
    await this.#lock?.query('begin').catch(() => {});
    let isHere = false;
    const here = this.#lock?.query(`lock table ${table} in share mode`).catch(() => {});
    void here?.then(() => (isHere = true));
    if (here !== undefined)
      await until('the lock is there, or waits', async () => isHere || (await this.isWaitedFor()));
    await this.letGo();
    await here;
  }

  /** Takes the lock that migrations are made under. @returns whether it is held */
  async holdMigration(): Promise<boolean> {
    if (this.#lock !== null) return true;
    this.#lock = await this.#open();
    await this.#lock?.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]).catch(() => {});
    return this.#lock !== null;
  }

  async isWaitedFor(): Promise<boolean> {
    const found = await this.rows(
      `select from pg_locks l where not l.granted and l.locktype in ('relation', 'advisory') and l.database = (select oid from pg_database where datname = 'rollcall') limit 1`,
    );
    return found.length > 0;
  }

  async unlock(): Promise<void> {
    await this.letGo();
    await this.#lock?.end().catch(() => {});
    this.#lock = null;
  }

  async close(): Promise<void> {
    await this.unlock();
    await this.#client?.end().catch(() => {});
    this.#client = null;
  }
}
