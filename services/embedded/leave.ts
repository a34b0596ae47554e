// Leaving the server that several commands share. Each holds a shared advisory lock; who leaves and gets it exclusively
// stops the server.
import { existsSync, realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';
import { clusterExists, readPassword, ROLE } from './cluster.ts';
import { postmasterPid, serverIsSeen } from './postmaster.ts';
import { logPath, PORT, socketDirectory, socketExists, stopServer } from './server.ts';

/** Fits DatabaseAddress of the catalog; plain data. */
export interface EmbeddedAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface Leaving {
  /** Milliseconds since 1970; deadlines are counted with it. */
  readonly now: () => number;
  /** Hears of a server that is left running. */
  readonly log: (line: string) => void;
  /**
   * False: a server that is stopped is asked to, and not waited for. Whoever comes meanwhile waits for it
   * (embedded.ts).
   */
  readonly waits?: boolean;
}

type LeavingOf = Leaving & { readonly stateDir: string };

/** "Rollcall" in ASCII: who holds it shared uses the server, who holds it exclusively may stop it. */
const LOCK = 0x526f6c6c63616c6cn;

const POLL_MS = 5;
const RETRY_MS = 100;
export const STOP_MAX_MS = 60_000;
export const STOP_UNUSED_MAX_MS = 4_000;
/** As long as a server may take to recover. */
const ABANDONED_MAX_MS = 600_000;
/** A working process whose parent was killed gives back what it holds. */
const CLIENTS_MAX_MS = 30_000;

export function addressOf(state: string): EmbeddedAddress {
  return {
    host: socketDirectory(state),
    port: PORT,
    user: ROLE,
    password: readPassword(state),
    database: ROLE,
  };
}

/**
 * Stops the server of a state directory if nobody uses it: for whoever outlives a command that was killed. Starts
 * nothing and makes nothing.
 */
export async function stopUnused(options: LeavingOf): Promise<void> {
  if (!existsSync(options.stateDir)) return;
  const state = realpathSync(options.stateDir);
  if (clusterExists(state)) await stopIdle(state, options, STOP_UNUSED_MAX_MS);
}

/**
 * The same for a guard: nobody waits for it, so it waits for the server to start or recover, and for whoever still has
 * a connection.
 */
export async function stopAbandoned(options: LeavingOf): Promise<void> {
  if (!existsSync(options.stateDir)) return;
  const state = realpathSync(options.stateDir);
  if (clusterExists(state)) await stopIdle(state, options, ABANDONED_MAX_MS, CLIENTS_MAX_MS);
}

/**
 * Stops a server that runs and that nobody uses. It may be starting, or recovering: it is waited for so long, and then
 * left to the next command.
 * @param clientsMaxMs how long those are waited for who have a connection and do not hold the server
 */
export async function stopIdle(state: string, leaving: Leaving, maxMs: number, clientsMaxMs = 0): Promise<void> {
  const { now } = leaving;
  const address = addressOf(state);
  const begunMs = now();
  while (serverIsSeen(state) && now() - begunMs < maxMs) {
    const outcome = socketExists(state) ? await takeLock(address) : null;
    if (outcome !== null && 'client' in outcome) {
      if (await leave(state, outcome.client, leaving, now() - begunMs < clientsMaxMs)) return;
    } else if (outcome !== null && isRefusal(outcome)) return;
    await sleep(RETRY_MS);
  }
}

/** Why there is no connection at this moment. */
export interface NotYet {
  readonly code: unknown;
  readonly error: Error;
}

/** The server does not know Rollcall's role or password, and no waiting mends that. */
export function isRefusal({ code, error }: NotYet): boolean {
  return code === '28P01' || code === '28000' || code === '3D000' || error.message.startsWith('SASL');
}

export async function takeLock(address: EmbeddedAddress): Promise<{ readonly client: Client } | NotYet> {
  // Only now: the server starts while this is loaded.
  const { Client } = await import('pg');
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
    return { client };
  } catch (error) {
    await client.end().catch(() => {});
    if (!(error instanceof Error)) throw error;
    return { code: (error as { code?: unknown }).code, error };
  }
}

/**
 * @param patient others who have a connection are not cut off: a working process whose parent was killed still gives
 *   back what it holds
 * @returns false where the connection broke before it was told whether others use the server, or where those others are
 *   to be waited for
 */
export async function leave(state: string, client: Client, leaving: Leaving, patient = false): Promise<boolean> {
  const { now, log, waits = true } = leaving;
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [LOCK]);
    const { rows } = await client.query<{ last: boolean }>('select pg_try_advisory_lock($1) as last', [LOCK]);
    if (rows[0]?.last !== true) return true;
    if (patient && (await hasOthers(client))) return false;
    const pid = postmasterPid(state);
    if (!stopServer(state)) {
      if (pid !== null) log(`the database was started in another container, and is left running: ${state}`);
      return true;
    }
    if (!waits) return true;
    // The file goes as the server's last act. (Its process may stay as a zombie of whoever started it, so the id tells
    // nothing.)
    const deadline = now() + STOP_MAX_MS;
    while (postmasterPid(state) === pid) {
      if (now() > deadline) {
        log(
          `the database has not shut down in ${STOP_MAX_MS / 1000} s, and is still shutting down; its log: ${logPath(state)}`,
        );
        return true;
      }
      await sleep(POLL_MS);
    }
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function hasOthers(client: Client): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1`,
  );
  return rowCount !== 0;
}
