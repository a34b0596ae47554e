// The bundled Postgres: one server per state directory, shared by every command that runs on it at
// the moment. Everyone tries to start it, losers connect. leave.ts says how it is given up, guard.ts who does that for
// a command that was killed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { RollcallError } from '../../domain/exit.ts';
import { installBinaries, locateBinaries, type Binaries } from './binaries.ts';
import { clusterExists, makeCluster, refuseOtherMajor } from './cluster.ts';
import { chooseServerUser } from './server-user.ts';
import { postGuard, type Guard } from './guard.ts';
import {
  addressOf,
  type EmbeddedAddress,
  isRefusal,
  leave,
  type Leaving,
  type NotYet,
  STOP_MAX_MS,
  STOP_UNUSED_MAX_MS,
  stopIdle,
  takeLock,
} from './leave.ts';
import { postmasterPid, runningServer } from './postmaster.ts';
import { logPath, socketDirectory, socketExists, startServer, stopServer, type Starting } from './server.ts';
import { outOfRoom, startFailure } from './start-failure.ts';
import { oneAtATime, prepareStateDirectory, removeLeftovers } from './state-directory.ts';

/** Its log also hears that a user was made, or that the database recovers. */
export interface EmbeddedOptions extends Leaving {
  readonly stateDir: string;
  /** The directory of other programs of Postgres (ROLLCALL_PG_BIN). */
  readonly binDir?: string | undefined;
}

export interface Embedded {
  readonly address: EmbeddedAddress;
  /**
   * Why the server is away and does not come back, or breaks off at each write, where it ended while it was held; null
   * where it is there.
   */
  trouble(): Promise<RollcallError | null>;
  /**
   * Gives the server up; stops it if nobody else uses it, and waits for that where it was opened so. Safe to call
   * twice.
   */
  close(): Promise<void>;
}

const POLL_MS = 5;
const RETRY_MS = 100;
const START_MAX_MS = 60_000;
/** Replaying the WAL of a killed bulk load, 2 GB at most, on a slow disk. */
const RECOVERY_MAX_MS = 600_000;
const RECOVERY_SAY_MS = 3_000;
/** A server that ended is being started again meanwhile. */
const TROUBLE_MAX_MS = 10_000;

/** Ready to be connected to. Throws RollcallError for whatever an operator can do something about. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const state = prepareStateDirectory(options.stateDir);
  const binaries = locateBinaries(state, options.binDir);
  if (!binaries.installed || !clusterExists(state)) await setUp(state, options);
  refuseOtherMajor(state, binaries, options.binDir);
  const guard = postGuard(state);
  try {
    return await keep(state, binaries, addressOf(state), options, guard);
  } catch (error) {
    guard.dismiss();
    throw error;
  }
}

async function setUp(state: string, { binDir, now, log }: EmbeddedOptions): Promise<void> {
  await oneAtATime(state, { now, pause: () => sleep(20) }, async () => {
    removeLeftovers(state);
    if (!locateBinaries(state, binDir).installed) installBinaries(state);
    if (!clusterExists(state)) makeCluster(state, locateBinaries(state, binDir), chooseServerUser(log));
  });
}

/**
 * Holds the server until close: a server that is killed under us is started again, so that what was cut off can be done
 * again.
 */
async function keep(
  state: string,
  binaries: Binaries,
  address: EmbeddedAddress,
  options: EmbeddedOptions,
  guard: Guard,
): Promise<Embedded> {
  let closing: Promise<void> | null = null;
  let keeper: Promise<Client>;
  let brokeOff = false;
  const watch = (client: Client): Client => {
    client.once('end', () => {
      if (closing !== null) return;
      brokeOff = true;
      keeper = acquire(state, binaries, address, options).then(watch);
      // Whoever needs the database meets the same trouble and tells it; close() does not.
      keeper.catch(() => {});
    });
    return client;
  };
  const end = async (): Promise<void> => {
    const client = await keeper.catch(() => null);
    if (client === null) return stopIdle(state, options, STOP_UNUSED_MAX_MS);
    // Where the connection breaks on the way, the server is going, or it recovers from a blow, and then nobody else
    // stops it.
    if (!(await leave(state, client, options))) await stopIdle(state, options, STOP_MAX_MS);
  };
  keeper = Promise.resolve(watch(await acquire(state, binaries, address, options)));
  return {
    address,
    trouble: async () =>
      (brokeOff ? outOfRoom(state) : null) ??
      Promise.race([
        keeper.then(
          () => null,
          (error: unknown) => (error instanceof RollcallError ? error : null),
        ),
        sleep(TROUBLE_MAX_MS, null),
      ]),
    close() {
      closing ??= end().then(() => guard.dismiss());
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
  let last: NotYet | null = null;
  // Whoever else uses a server that is stopped here starts it again.
  const giveUp = (error: RollcallError): RollcallError => {
    if (starting !== null) stopServer(state);
    return error;
  };
  for (;;) {
    if (socketExists(state)) {
      const outcome = await takeLock(address);
      if ('client' in outcome) {
        endLoser(state, starting);
        return outcome.client;
      }
      // Not even the memory of one more connection, which is a file, has room.
      const refusal = refusalOf(outcome) ?? (outcome.code === '53100' ? outOfRoom(state) : null);
      if (refusal !== null) throw giveUp(refusal);
      last = outcome;
      if (outcome.code === '57P03') {
        // Somebody's server is there: no use in starting another one.
        retryAtMs = now() + RETRY_MS;
        if (!recovering && now() - begunMs > RECOVERY_SAY_MS) {
          recovering = true;
          log('the database is starting, or recovering from an unclean shutdown; waiting');
        }
      }
    }
    const ended =
      starting !== null &&
      (starting.child.pid === undefined || starting.child.exitCode !== null || starting.child.signalCode !== null);
    if (starting !== null && ended) {
      const failure = startFailure(state, starting, now());
      if (failure !== null) throw failure;
      // Somebody else has it: connect to that one, or start again when it has gone.
      starting = null;
      retryAtMs = now() + RETRY_MS;
    }
    // One that was being stopped has gone: its file is its last act.
    const hasGone = last?.code === '57P03' && postmasterPid(state) === null;
    if (starting === null && (hasGone || now() >= retryAtMs)) {
      last = null;
      starting = startServer(state, binaries);
    }
    if (now() - begunMs > (recovering ? RECOVERY_MAX_MS : START_MAX_MS)) {
      throw giveUp(notReady(state, Math.round((now() - begunMs) / 1000), last));
    }
    await sleep(POLL_MS);
  }
}

/**
 * A server that was started beside the one that is used would take over when that one has gone, and nobody would stop
 * it.
 */
function endLoser(state: string, starting: Starting | null): void {
  if (starting === null || starting.child.pid === postmasterPid(state)) return;
  starting.child.kill('SIGTERM');
}

function notReady(state: string, seconds: number, last: NotYet | null): RollcallError {
  const holder = runningServer(state);
  if (holder !== null && !socketExists(state)) {
    return new RollcallError(
      `a server runs in ${state} (pid ${holder}), and its socket is not visible here, in ${socketDirectory(state)}`,
      {
        next: 'run Rollcall where that server was started (the same container, the same /tmp), or stop what uses it there',
      },
    );
  }
  const why = last === null ? '' : `: ${last.error.message}`;
  return new RollcallError(`the database in ${state} has not become ready in ${seconds} s${why}`, {
    next: /could not fork|Resource temporarily unavailable/.test(why)
      ? "raise the limit of processes (ulimit -u) of the database's user, then run the same command again"
      : `read ${logPath(state)}, then run the same command again${holder === null ? '' : `; pid ${holder} holds the data`}`,
    cause: last?.error,
  });
}

/** What waiting does not mend. */
function refusalOf({ code, error }: NotYet): RollcallError | null {
  if (code === 'EMFILE' || code === 'ENFILE') {
    return new RollcallError(`this process may not open enough files: ${error.message}`, {
      next: 'raise the limit of open files: ulimit -n 65536',
      cause: error,
    });
  }
  if (!isRefusal({ code, error })) return null;
  return new RollcallError(`the database does not know Rollcall's own role or password: ${error.message}`, {
    next: 'this state directory was altered: put your copy of it back, or choose another one with --state-dir',
    cause: error,
  });
}
