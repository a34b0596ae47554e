// The connection of one drain, which may break: what is asked is asked again on a new one, under a new holder's number.
import { setTimeout as pause } from 'node:timers/promises';
import { isConnectionLost, isTransient, throwAdvised } from '../catalog/advice.ts';
import { connect, type Connection, type Database, type DatabaseAddress } from '../catalog/database.ts';
import { newHolder } from '../catalog/holders.ts';
import { interrupted } from './interrupted.ts';
import { RECONNECT_PAUSE_MS, RECONNECT_TRIES } from './limits.ts';

export class DrainConnection {
  readonly #db: Database;
  readonly #signal: AbortSignal;
  #client: Connection;
  #holder: number;
  /** What was claimed under the number that is gone is left for others. */
  onLost: () => Promise<void> = async () => {};

  private constructor(db: Database, signal: AbortSignal, opened: { client: Connection; holder: number }) {
    this.#db = db;
    this.#signal = signal;
    this.#client = opened.client;
    this.#holder = opened.holder;
  }

  static async open(db: Database, signal: AbortSignal): Promise<DrainConnection> {
    const client = await connectDrain(db.address);
    try {
      return new DrainConnection(db, signal, { client, holder: await newHolder(client) });
    } catch (error) {
      await client.end().catch(() => undefined);
      return throwAdvised(error);
    }
  }

  get client(): Connection {
    return this.#client;
  }

  /** Under which shards are claimed; another one after the connection was lost. */
  get holder(): number {
    return this.#holder;
  }

  /** Does something with the connection; when it breaks, with a new one. What was being done is then claimed anew. */
  async ask<T>(act: (client: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await act(this.#client);
      } catch (error) {
        if (!isTransient(error) || attempt >= RECONNECT_TRIES) throw error;
        if (this.#signal.aborted) throw interrupted();
        if (!isConnectionLost(error)) continue;
        await this.#client.end().catch(() => undefined);
        // A server that is killed comes back; one whose disk is full breaks off at each write.
        const trouble = await this.#db.trouble();
        if (trouble !== null) throw trouble;
        await pause(RECONNECT_PAUSE_MS);
        try {
          this.#client = await connectDrain(this.#db.address);
          // A number of its own, and claims of its own: what the old ones say need not be so any more after a crash of
          // the server.
          this.#holder = await newHolder(this.#client);
          await this.onLost();
        } catch (again) {
          if (!isTransient(again)) throw again;
        }
      }
    }
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}

function connectDrain(address: DatabaseAddress): Promise<Connection> {
  return connect(address, { applicationName: 'rollcall drain', relaxed: true });
}
