// The Postgres that Rollcall brings along: one server per state directory, shared by every command that runs on it at the moment.
// Everyone tries to start it, losers connect. Each holds a shared advisory lock; who leaves and gets it exclusively stops the server.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { RollcallError } from '../../domain/exit.ts';
import { installBinaries, locateBinaries, type Binaries } from './binaries.ts';
import { clusterExists, makeCluster, readPassword, refuseOtherMajor, ROLE } from './cluster.ts';
import { chooseServerUser } from './server-user.ts';
import {
  logPath,
  PORT,
  postmasterPid,
  socketDirectory,
  socketExists,
  startFailure,
  startServer,
  stopServer,
  type Starting,
} from './server.ts';
import { oneAtATime, prepareStateDirectory, removeLeftovers } from './state-directory.ts';

export interface EmbeddedOptions {
  readonly stateDir: string;
  /** Milliseconds since 1970; deadlines are counted with it. */
  readonly now: () => number;
  /** The directory of other programs of Postgres (ROLLCALL_PG_BIN). */
  readonly binDir?: string | undefined;
  /** Hears what an operator should know: a user was made, the database recovers. */
  readonly log: (line: string) => void;
}

/** Fits DatabaseAddress of the catalog; plain data. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Embedded {
  readonly address: EmbeddedAddress;
  /** Gives the server up; stops it if nobody else uses it. Safe to call twice. */
  close(): Promise<void>;
}

/** "Rollcall" in ASCII: who holds it shared uses the server, who holds it exclusively may stop it. */
const LOCK = 0x526f6c6c63616c6cn;

const POLL_MS = 5;
const RETRY_MS = 100;
const START_MAX_MS = 60_000;
/** Replaying the WAL of a killed bulk load, 2 GB at most, on a slow disk. */
const RECOVERY_MAX_MS = 600_000;
const RECOVERY_SAY_MS = 3_000;
const STOP_MAX_MS = 60_000;

/** Ready to be connected to. Throws RollcallError for whatever an operator can do something about. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const state = prepareStateDirectory(options.stateDir);
  const binaries = locateBinaries(state, options.binDir);
  if (!binaries.installed || !clusterExists(state)) await setUp(state, options);
  refuseOtherMajor(state, binaries);
  const address = {
    host: socketDirectory(state),
    port: PORT,
    user: ROLE,
    password: readPassword(state),
    database: ROLE,
  };
  return keep(state, binaries, address, options);
}

async function setUp(state: string, { binDir, now, log }: EmbeddedOptions): Promise<void> {
  await oneAtATime(state, { now, pause: () => sleep(20) }, async () => {
    removeLeftovers(state);
    if (!locateBinaries(state, binDir).installed) installBinaries(state);
    if (!clusterExists(state)) makeCluster(state, locateBinaries(state, binDir), chooseServerUser(log));
  });
}

/** Holds the server until close: a server that is killed under us is started again, so that what was cut off can be done again. */
async function keep(
  state: string,
  binaries: Binaries,
  address: EmbeddedAddress,
  options: EmbeddedOptions,
): Promise<Embedded> {
  let closing: Promise<void> | null = null;
  let keeper: Promise<Client>;
  const watch = (client: Client): Client => {
    client.once('end', () => {
      if (closing !== null) return;
      keeper = acquire(state, binaries, address, options).then(watch);
      // Whoever needs the database meets the same trouble and tells it; close() does not.
      keeper.catch(() => {});
    });
    return client;
  };
  keeper = Promise.resolve(watch(await acquire(state, binaries, address, options)));
  return {
    address,
    close() {
      closing ??= keeper.then(
        (client) => leave(state, client, options),
        () => {},
      );
      return closing;
    },
  };
}

/** A connection that holds the shared lock, to a server that is started if nobody else does. */
async function acquire(
  state: string,
  binaries: Binaries,
  address: EmbeddedAddress,
  { now, log }: EmbeddedOptions,
): Promise<Client> {
  const begunMs = now();
  let starting: Starting | null = null;
  let retryAtMs = 0;
  let recovering = false;
  for (;;) {
    if (socketExists(state)) {
      const outcome = await takeLock(address);
      if (outcome instanceof Client) return outcome;
      if (outcome === 'recovering') {
        // Somebody's server is there: no use in starting another one.
        retryAtMs = now() + RETRY_MS;
        if (!recovering && now() - begunMs > RECOVERY_SAY_MS) {
          recovering = true;
          log('the database was not shut down in order and recovers; waiting');
        }
      }
    }
    const ended =
      starting !== null &&
      (starting.child.pid === undefined || starting.child.exitCode !== null || starting.child.signalCode !== null);
    if (starting !== null && ended) {
      const failure = startFailure(state, starting);
      if (failure !== null) throw failure;
      // Somebody else has it: connect to that one, or start again when it has gone.
      starting = null;
      retryAtMs = now() + RETRY_MS;
    }
    if (starting === null && now() >= retryAtMs) starting = startServer(state, binaries);
    if (now() - begunMs > (recovering ? RECOVERY_MAX_MS : START_MAX_MS)) {
      throw new RollcallError(
        `the database in ${state} has not become ready in ${Math.round((now() - begunMs) / 1000)} s`,
        {
          next: `read ${logPath(state)}; another process may hold it: pid ${postmasterPid(state) ?? 'unknown'}`,
        },
      );
    }
    await sleep(POLL_MS);
  }
}

async function takeLock(address: EmbeddedAddress): Promise<Client | 'not yet' | 'recovering'> {
  const client = new Client({
    ...address,
    ssl: false,
    application_name: 'rollcall keeper',
    connectionTimeoutMillis: 10_000,
    // Its lock is waited for while another one, who was about to stop the server, makes up its mind.
    options: '-c lock_timeout=10s -c search_path=pg_catalog',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [LOCK]);
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    const { code } = error as { code?: unknown };
    if (code === '28P01' || code === '28000' || code === '3D000') {
      throw new RollcallError(
        `the database does not know Rollcall's own role or password: ${(error as Error).message}`,
        {
          next: 'this state directory was altered; choose another one with --state-dir',
          cause: error,
        },
      );
    }
    return code === '57P03' ? 'recovering' : 'not yet';
  }
}

async function leave(state: string, client: Client, { now, log }: EmbeddedOptions): Promise<void> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [LOCK]);
    const { rows } = await client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [LOCK]);
    if (rows[0]?.last !== true) return;
    const pid = postmasterPid(state);
    if (!stopServer(state)) return;
    // The file goes as the server's last act. (Its process may stay as a zombie of whoever started it, so the id tells nothing.)
    const deadline = now() + STOP_MAX_MS;
    while (postmasterPid(state) === pid) {
      if (now() > deadline) {
        log(`the database has not shut down in ${STOP_MAX_MS / 1000} s and is left to it; its log: ${logPath(state)}`);
        return;
      }
      await sleep(POLL_MS);
    }
  } catch {
    // The connection broke: the server is gone or going, and nobody here depends on it any more.
  } finally {
    await client.end().catch(() => {});
  }
}
