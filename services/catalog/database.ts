// Connections to the catalog: what an address is, how every connection is set up, and one transaction at a time.
// Everything of Rollcall's lies in the schema `rollcall`. Each connection carries it as its search_path in its start-up
// packet, so that no role has to be altered and a worker thread needs nothing but the address.
import './no-undici.ts';
import { Client, Pool, TypeOverrides, type ClientBase, type ClientConfig } from 'pg';
import { RollcallError } from '../../domain/exit.ts';
import { throwAdvised, URL_FORM } from './advice.ts';

/** Plain data: survives structured cloning to a worker thread. */
export type DatabaseAddress =
  | { readonly connectionString: string }
  | {
      /** A host name, or the directory of a unix socket. */
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

/** The schema that holds everything. */
export const SCHEMA = 'rollcall';

// One minute each. A lock that is not had by then is held by a run that an operator should know of; a transaction that
// sits idle for so long belongs to a process that was stopped, and would hold up every other (no file is read inside a
// transaction).
const LOCK_TIMEOUT_MS = 60_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
const CONNECT_TIMEOUT_MS = 15_000;
// The server drops a client whose host is gone after two minutes, with what it has locked (on a unix socket this means
// nothing).
const KEEPALIVE_IDLE_S = 60;
const KEEPALIVE_INTERVAL_S = 10;
const KEEPALIVE_COUNT = 6;

/**
 * Whatever changes what our SQL means or how it ends: a server, a database or a role may have been given other values,
 * and what a connection asks for itself comes before all of them.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  search_path: SCHEMA,
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
  extra_float_digits: '1',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  // A scan of millions of names takes the time that it takes, and a worker may be idle for hours.
  statement_timeout: '0',
  idle_session_timeout: '0',
  exit_on_error: 'off',
  synchronous_commit: 'on',
  timezone: 'UTC',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  client_min_messages: 'warning',
  bytea_output: 'hex',
  // Compiling a plan costs more than these queries; measured often enough by others.
  jit: 'off',
  lock_timeout: String(LOCK_TIMEOUT_MS),
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
  tcp_keepalives_idle: String(KEEPALIVE_IDLE_S),
  tcp_keepalives_interval: String(KEEPALIVE_INTERVAL_S),
  tcp_keepalives_count: String(KEEPALIVE_COUNT),
};

const OPTIONS = Object.entries(SETTINGS)
  .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  .join(' ');

// Postgres 17 and later know it; an older one would refuse a connection that asks for it.
const NO_TRANSACTION_TIMEOUT = `select set_config('transaction_timeout', '0', false) where current_setting('transaction_timeout', true) <> '0'`;

const INT8 = 20;
const INT8_ARRAY = 1016;

// For our connections only, never for the process: int8 is a bigint, int8[] a bigint[]. (sum(int8) is numeric, which
// stays text: cast it.)
const types = new TypeOverrides();
types.setTypeParser(INT8, 'text', (text: string) => BigInt(text));
types.setTypeParser(INT8_ARRAY, 'text', (text: string) =>
  text === '{}'
    ? []
    : text
        .slice(1, -1)
        .split(',')
        .map((item) => (item === 'NULL' ? null : BigInt(item))),
);

function withOptions(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new RollcallError('DATABASE_URL is not the URL of a Postgres database', {
      next: URL_FORM,
    });
  }
  // What the operator's own URL sets comes first, what Rollcall depends on last: the last one wins.
  const ours = encodeURIComponent(OPTIONS);
  if (/[?&]options=/.test(url)) return url.replace(/([?&]options=[^&]*)/, (own) => `${own}%20${ours}`);
  return `${url}${url.includes('?') ? '&' : '?'}options=${ours}`;
}

/** What node-postgres needs for one connection: search_path, timeouts and type parsers included. */
function clientConfig(address: DatabaseAddress, applicationName: string): ClientConfig {
  const common: ClientConfig = {
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types,
  };
  if ('connectionString' in address) return { ...common, connectionString: withOptions(address.connectionString) };
  const { host, port, user, password, database } = address;
  return { ...common, host, port, user, password, database, options: OPTIONS, ssl: false };
}

function newClient(address: DatabaseAddress, applicationName: string): Client {
  const config = clientConfig(address, applicationName);
  try {
    return new Client(config);
  } catch (cause) {
    // node-postgres reads the files that a URL names at once. What else it says may repeat the URL, and with it the
    // password.
    const { code, path, syscall, message } = cause as NodeJS.ErrnoException;
    if (path !== undefined || syscall !== undefined) {
      throw new RollcallError(`DATABASE_URL names a file that cannot be read: ${message}`, {
        next: 'check sslrootcert, sslcert and sslkey in DATABASE_URL',
        cause,
      });
    }
    throw new RollcallError(`DATABASE_URL cannot be read${code === undefined ? '' : ` (${code})`}`, {
      next: URL_FORM,
      cause,
    });
  }
}

/** One connection, as threads and use cases pass it on. */
export type Connection = Client;

/**
 * One connection, for a thread that does one thing at a time. The caller ends it. Throws RollcallError where an
 * operator can help.
 */
export async function connect(
  address: DatabaseAddress,
  {
    applicationName = 'rollcall',
    relaxed = false,
  }: {
    readonly applicationName?: string;
    /**
     * Commits without waiting for the disk (synchronous_commit off): for shards, whose loss in a crash of the server
     * costs reading them again and nothing else. The close of a scan waits, and what came before it is then on disk
     * too.
     */
    readonly relaxed?: boolean;
  } = {},
): Promise<Client> {
  const client = newClient(address, applicationName);
  // Without a listener a connection that breaks while idle ends the process. The next query on it fails and is told.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throwAdvised(error);
  }
  try {
    await client.query(`${relaxed ? 'set synchronous_commit = off;' : ''}${NO_TRANSACTION_TIMEOUT}`);
  } catch (error) {
    await client.end().catch(() => {});
    throwAdvised(error);
  }
  return client;
}

export interface Database {
  readonly pool: Pool;
  readonly address: DatabaseAddress;
  /**
   * Why a server that was lost is not to be waited for (a full disk), as a RollcallError; null where it is there, or
   * where nobody knows.
   */
  readonly trouble: () => Promise<Error | null>;
  /** Ends every connection, waiting for those that are out. Safe to call twice. */
  close(): Promise<void>;
}

/** Nobody gets the connection before it is done. */
async function setUp(client: ClientBase, done: (error?: Error) => void): Promise<void> {
  let failure: Error | undefined;
  try {
    await client.query(NO_TRANSACTION_TIMEOUT);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  done(failure);
}

/** Several connections for one process. Opening costs nothing: the first query connects. */
export function openPool(
  address: DatabaseAddress,
  {
    applicationName = 'rollcall',
    connectionsMax = 8,
    idleMs = 30_000,
    trouble = () => Promise.resolve(null),
  }: {
    readonly applicationName?: string;
    readonly connectionsMax?: number;
    /** A connection that nobody has used for so long is ended. */
    readonly idleMs?: number;
    /** Asked after a connection is lost, where somebody keeps the server. */
    readonly trouble?: Database['trouble'];
  } = {},
): Database {
  // A pool makes its clients later, and what is wrong with the address would come as an error of theirs.
  newClient(address, applicationName);
  const pool = new Pool({
    ...clientConfig(address, applicationName),
    max: connectionsMax,
    idleTimeoutMillis: idleMs,
    verify: (client, done) => void setUp(client, done),
  });
  pool.on('error', () => {});
  // A client that is checked out has no listener of the pool's: a break would otherwise be an uncaught error.
  pool.on('connect', (client) => void client.on('error', () => {}));
  let closing: Promise<void> | null = null;
  return {
    pool,
    address,
    trouble,
    close() {
      closing ??= pool.end();
      return closing;
    },
  };
}

/**
 * Runs fn between begin and commit, on a connection of the pool or on the given one; rolls back and rethrows what fn
 * throws. Codes that only an operator can help with come as RollcallError; isTransient(error) (advice.ts) says whether
 * to do it again.
 */
export async function inTransaction<T>(db: Database | Client, fn: (client: ClientBase) => Promise<T>): Promise<T> {
  if (!('pool' in db)) return transact(db, fn);
  const client = await db.pool.connect().catch(throwAdvised);
  let broken = false;
  try {
    return await transact(client, fn, () => {
      broken = true;
    });
  } finally {
    client.release(broken);
  }
}

async function transact<T>(
  client: ClientBase,
  fn: (client: ClientBase) => Promise<T>,
  onBroken: () => void = () => {},
): Promise<T> {
  try {
    await client.query('begin');
    const result = await fn(client);
    await client.query('commit');
    return result;
  } catch (error) {
    // A connection that cannot even roll back is given up: the server rolls back when it notices.
    await client.query('rollback').catch(onBroken);
    throwAdvised(error);
  }
}
