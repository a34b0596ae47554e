// Requests: the commands that --detach leaves for workers on a host. Each is taken by one worker at a time, for as
// long as its session lives.
import { randomInt } from 'node:crypto';
import type { Client } from 'pg';
import type { ExitCode } from '../../domain/exit.ts';
import { connect, type DatabaseAddress } from './database.ts';
import { holdLeases } from './holders.ts';
import type { Queryable } from './scans.ts';

export type RequestKind = 'scan' | 'assess';

export interface TakenRequest {
  readonly id: bigint;
  readonly kind: RequestKind;
  /** As leaveRequest was given it: plain JSON. */
  readonly arguments: unknown;
  /** 1 for the first time. */
  readonly attempts: number;
}

/** What came of a request. */
export interface RequestAnswer {
  readonly exit: ExitCode;
  /** What went wrong, or what was found, in a sentence. */
  readonly message: string;
  readonly next: string | null;
  /** The bundle's directory; null without one. */
  readonly bundle: string | null;
}

export async function leaveRequest(
  client: Queryable,
  request: { readonly host: string; readonly kind: RequestKind; readonly arguments: unknown; readonly nowMs: number },
): Promise<bigint> {
  const made = await client.query<{ id: bigint }>(
    `insert into request (host, kind, arguments, state, asked_ms) values ($1, $2, $3, 'open', $4) returning id`,
    [request.host, request.kind, JSON.stringify(request.arguments), Math.floor(request.nowMs)],
  );
  const row = made.rows[0];
  if (row === undefined) throw new Error('an insert returns its row');
  return row.id;
}

// A taken request whose holder's session is gone is as good as open.
const CLAIMABLE = `(q.state = 'open' or (q.state = 'taken' and not holder_lives(q.holder)))`;

/** Requests of the host that nobody works on, the oldest first. */
export async function requestsToRun(client: Queryable, host: string): Promise<bigint[]> {
  const found = await client.query<{ id: bigint }>(
    `select q.id from request q where q.host = $1 and ${CLAIMABLE} order by q.id`,
    [host],
  );
  return found.rows.map((row) => row.id);
}

/** A session whose advisory lock says that whoever holds requests under this number lives. */
export interface RequestHolder {
  /** Null when it is done already, or another session works on it. */
  take(id: bigint): Promise<TakenRequest | null>;
  /** Gives it back, to be taken by the next one. */
  giveBack(id: bigint): Promise<void>;
  finish(id: bigint, answer: RequestAnswer, nowMs: number): Promise<void>;
  close(): Promise<void>;
}

export async function openRequestHolder(address: DatabaseAddress): Promise<RequestHolder> {
  const client = await connect(address, { applicationName: 'rollcall request' });
  const holder = await numberOf(client);
  return {
    async take(id) {
      const taken = await client.query<{ id: bigint; kind: RequestKind; arguments: unknown; attempts: number }>(
        `update request q set state = 'taken', holder = $2, attempts = attempts + 1
          where q.id = (select q.id from request q where q.id = $1 and ${CLAIMABLE} for update skip locked)
          returning q.id, q.kind, q.arguments, q.attempts`,
        [id, holder],
      );
      return taken.rows[0] ?? null;
    },
    async giveBack(id) {
      await client.query(
        `update request set state = 'open', holder = null where id = $1 and holder = $2 and state = 'taken'`,
        [id, holder],
      );
    },
    async finish(id, answer, nowMs) {
      await client.query(
        `update request set state = 'done', holder = null, answer = $3, ended_ms = $4 where id = $1 and holder = $2 and state = 'taken'`,
        [id, holder, JSON.stringify(answer), Math.floor(nowMs)],
      );
    },
    close: () => client.end(),
  };
}

async function numberOf(client: Client): Promise<number> {
  for (;;) {
    const holder = randomInt(1, 2 ** 31 - 1);
    if (await holdLeases(client, holder)) return holder;
  }
}

export interface RequestState {
  readonly state: 'open' | 'taken' | 'done';
  readonly answer: RequestAnswer | null;
}

export async function requestState(client: Queryable, id: bigint): Promise<RequestState | null> {
  const found = await client.query<RequestState>('select state, answer from request where id = $1', [id]);
  return found.rows[0] ?? null;
}
