// What says that this worker lives: one session with an advisory lock. It breaks with each restart of Postgres and
// comes back under the same number, so that tasks are held on; a task that was given to another meanwhile is stopped
// here.
import { setTimeout as pause } from 'node:timers/promises';
import { connect, inTransaction, type Connection, type DatabaseAddress } from '../catalog/database.ts';
import { holdAgain, newHolder } from '../catalog/holders.ts';
import { giveBackUnheard, renewTasks, type Claim } from '../catalog/tasks.ts';
import { isTransient } from '../catalog/advice.ts';
import { isDelay } from './delay.ts';

const RENEW_EVERY_MS = 15_000;
const AGAIN_MS = 500;

export interface HolderOptions {
  readonly address: DatabaseAddress;
  /** Told of each loss of the connection, and of what cannot be reached. */
  readonly onError: (error: Error) => void;
  /** Ends the waiting for a server that is away. */
  readonly signal: AbortSignal;
}

/** Why work on a task is stopped: another worker has it, it was cancelled, or it is not known any more. */
export class ClaimLost extends Error {}

export class Holder {
  readonly #options: HolderOptions;
  #client: Connection | null = null;
  #number: number | null = null;
  readonly #held = new Map<bigint, { readonly claim: Claim; readonly stop: AbortController }>();
  readonly #timer: NodeJS.Timeout;
  #asking: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.renew().catch(options.onError), RENEW_EVERY_MS);
  }

  /**
   * Does something with the connection, one after another, in a transaction where it is wanted; waits for a server that
   * is away for as long as it takes. What is done may be done twice, when a commit's outcome was lost.
   * @throws what the statement itself fails with, and the reason of the signal
   */
  ask<T>(act: (client: Connection, holder: number) => Promise<T>, { whole = false } = {}): Promise<T> {
    const asked = this.#asking.then(() => this.#ask(act, whole));
    this.#asking = asked.catch(() => undefined);
    return asked;
  }

  async #ask<T>(act: (client: Connection, holder: number) => Promise<T>, whole: boolean): Promise<T> {
    for (;;) {
      try {
        const { client, holder } = await this.#open();
        return await (whole ? inTransaction(client, () => act(client, holder)) : act(client, holder));
      } catch (error) {
        if (this.#ended || !(isTransient(error) || isDelay(error))) throw error;
        this.#options.onError(error as Error);
        await this.#drop();
        this.#options.signal.throwIfAborted();
        await pause(AGAIN_MS);
      }
    }
  }

  async #open(): Promise<{ client: Connection; holder: number }> {
    if (this.#client !== null && this.#number !== null) return { client: this.#client, holder: this.#number };
    this.#client ??= await connect(this.#options.address, { applicationName: 'rollcall worker' });
    if (this.#number === null) this.#number = await newHolder(this.#client);
    else await this.#comeBack(this.#client, this.#number);
    return { client: this.#client, holder: this.#number };
  }

  /** What was taken in the moment in which the connection broke, and never heard of, is given back. */
  async #comeBack(client: Connection, holder: number): Promise<void> {
    while (!(await holdAgain(client, holder))) await pause(AGAIN_MS);
    await giveBackUnheard(client, holder, [...this.#held.keys()]);
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  /** Null before the first connection. */
  number(): number | null {
    return this.#number;
  }

  /** From here on the claim is renewed. @returns what fires when it is lost */
  hold(claim: Claim): AbortSignal {
    const stop = new AbortController();
    this.#held.set(claim.id, { claim, stop });
    return stop.signal;
  }

  release(id: bigint): void {
    this.#held.delete(id);
  }

  async renew(): Promise<void> {
    if (this.#held.size === 0) return;
    const claims = [...this.#held.values()].map(({ claim }) => claim);
    const still = await this.ask((client, holder) => renewTasks(client, holder, claims));
    for (const { id } of claims) {
      if (!still.has(id)) this.#held.get(id)?.stop.abort(new ClaimLost(`task ${id} is not held any more`));
    }
  }

  async close(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    await this.#drop();
  }
}
