// Shards: claimed, leased, fenced and given back.
import type { Queryable } from './scans.ts';
import { run } from './statement.ts';

/**
 * A lease that nobody renews is over after this time, although its holder's session lives: the holder was stopped, or
 * hangs.
 */
export const LEASE_MS = 60_000;

export interface ShardDirectory {
  readonly id: number;
  readonly path: string;
  /**
   * What the parent's listing saw, as decimal strings (JSON has no bigint); null for the root, which identity checks
   * cover.
   */
  readonly inode: string | null;
  readonly device: string | null;
}

export interface ShardFile {
  readonly directory: ShardDirectory;
  readonly name: string;
  /** Its size when it was listed: how much there is to read. */
  readonly bytes?: number;
}

/** A name of a directory, or with '' the directory itself. */
export interface Place {
  readonly directory: number;
  readonly name: string;
}

/** hung: places where a system call never came back in this scan. They are left out, as gaps. */
export type ShardWork = { readonly hung?: readonly Place[] } & (
  | { readonly directories: readonly ShardDirectory[]; readonly generation: number }
  | { readonly files: readonly ShardFile[] }
  | { readonly round: number }
);

/**
 * Where so many names of one directory hang, none of it is looked at any more: each costs the time that is waited for
 * an answer, and a thread.
 */
const HUNG_NAMES_MAX = 3;

export interface Shard {
  readonly id: bigint;
  readonly rootId: number;
  readonly kind: 'list' | 'read' | 'relist';
  readonly work: ShardWork;
  /**
   * With the holder it names one claim (docs/design.md#fences). Alone it does not: shards commit without waiting for
   * the disk, and after a crash of the server ids and fences that somebody still has in memory are given out anew.
   */
  readonly fence: number;
  readonly holder: number;
  readonly attempts: number;
}

/** The fence moved on: another holder has the shard, and nothing was written. */
export class FenceLost extends Error {}

/**
 * Claims one shard of the roots that lie on the host: an open one, one whose lease ran out, or one whose holder's
 * session is gone.
 */
export async function claimShard(
  client: Queryable,
  from: { readonly scanId: bigint; readonly host: string },
  holder: number,
  leaseMs: number = LEASE_MS,
): Promise<Shard | null> {
  const found = await run<Shard>(client, 'claim-shard', [from.scanId, holder, leaseMs / 1000, from.host]);
  return found.rows[0] ?? null;
}

/** Renews leases whose threads move on. @returns the ids that are still ours */
export async function renewLeases(
  client: Queryable,
  shards: readonly Shard[],
  holder: number,
  leaseMs: number = LEASE_MS,
): Promise<Set<bigint>> {
  if (shards.length === 0) return new Set();
  const found = await client.query<{ id: bigint }>(
    `update shard s set lease_until = now() + make_interval(secs => $4)
       from unnest($1::bigint[], $2::int[]) as n (id, fence)
      where s.id = n.id and s.fence = n.fence and s.holder = $3 and s.state = 'leased' returning s.id`,
    [shards.map((s) => s.id), shards.map((s) => s.fence), holder, leaseMs / 1000],
  );
  return new Set(found.rows.map((row) => row.id));
}

/**
 * Ends the sessions that were in the middle of writing a shard when its lease ran out: their process was stopped, or
 * its host is gone, and the row that they have locked could be claimed by nobody. What they wrote is rolled back; who
 * goes on after all finds the claim lost.
 * @returns how many
 */
export async function endOverdueWrites(client: Queryable, scanId: bigint): Promise<number> {
  const ended = await client.query(
    `select pg_terminate_backend(l.pid) from shard h
       join pg_locks l on l.locktype = 'transactionid' and l.granted and l.transactionid = h.xmax
      where h.scan = $1 and h.state = 'leased' and h.lease_until < now() and l.pid <> pg_backend_pid()`,
    [scanId],
  );
  return ended.rowCount ?? 0;
}

/**
 * Asked before a shard is begun, because beginning it adds to the dictionary of directories.
 * @throws FenceLost when the claim does not stand (any more)
 */
export async function assertClaim(client: Queryable, shard: Shard): Promise<void> {
  const found = await run(client, 'assert-claim', [shard.id, shard.fence, shard.holder]);
  if (found.rowCount === 0) throw new FenceLost(`shard ${shard.id} is not held any more`);
}

/**
 * Gives a shard back unfinished, so that another may claim it at once.
 * @param blameless it was not the shard that failed: this attempt does not count
 */
export async function releaseShard(client: Queryable, shard: Shard, blameless: boolean): Promise<void> {
  await client.query(
    `update shard set state = 'open', holder = null, lease_until = null, attempts = attempts - $3
      where id = $1 and fence = $2 and holder = $4 and state = 'leased'`,
    [shard.id, shard.fence, blameless ? 1 : 0, shard.holder],
  );
}

/** Gives a shard back whose thread hangs at that place, so that it is done without it. @returns the directory's path */
export async function releaseHung(client: Queryable, shard: Shard, place: Place): Promise<string> {
  const hung = shard.work.hung ?? [];
  const here = hung.filter((one) => one.directory === place.directory).length;
  const added = here < HUNG_NAMES_MAX ? place : { directory: place.directory, name: '' };
  const found = await client.query<{ path: string }>(
    `with released as (
       update shard set state = 'open', holder = null, lease_until = null, attempts = attempts - 1, work = work || $5::jsonb
        where id = $1 and fence = $2 and holder = $3 and state = 'leased')
     select path from directory where id = $4`,
    [shard.id, shard.fence, shard.holder, place.directory, JSON.stringify({ hung: [...hung, added] })],
  );
  return found.rows[0]?.path ?? '';
}
