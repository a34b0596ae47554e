// Taking a volume out of the catalog: every row of its own, and the names of directories that only it had.
import type { ClientBase } from 'pg';
import { databaseCode } from './advice.ts';
import { listVolumesOf } from './lists.ts';
import { runningScan } from './scans.ts';

/** What was known of a volume. */
export interface Known {
  /** Complete ones. */
  readonly scans: number;
  readonly versions: number;
  readonly findings: number;
  readonly openFindings: number;
  readonly assessments: number;
  /** Lists that other tools made of it. */
  readonly lists: number;
}

/** A scan that made progress so recently is not given up, even where nobody holds a shard of it at the moment. */
const RECENT_MS = 60_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Nobody begins a scan or an import until the transaction ends: both lock rows of volumes first, and remember ids of
 * directories afterwards. Must come first in the transaction.
 */
export async function lockVolumes(client: ClientBase): Promise<void> {
  await client.query('lock table volume in exclusive mode');
}

/** Whether some process works on a scan of the volume. A scan that was killed does not count: nobody works on that. */
export async function isScanned(client: ClientBase, volumeId: number, nowMs: number): Promise<boolean> {
  const running = await runningScan(client, volumeId);
  if (running === null) return false;
  if (running.attended || nowMs - running.progressedMs < RECENT_MS) return true;
  // The close of a large scan holds this row, and no shard.
  await client.query('savepoint before');
  try {
    await client.query('select from scan where id = $1 for update nowait', [running.scan.id]);
    return false;
  } catch (error) {
    if (databaseCode(error) !== LOCK_NOT_AVAILABLE) throw error;
    await client.query('rollback to before');
    return true;
  }
}

/**
 * Deletes all that is known of the volume, and the lists of it. Must run in a transaction, after lockVolumes. The audit
 * log stays.
 */
export async function forgetVolume(client: ClientBase, volumeId: number): Promise<Known> {
  const lists = await listVolumesOf(client, [volumeId]);
  const ids = [volumeId, ...lists.map(({ id }) => id)];
  const counted = await client.query<Known>(
    `select (select count(*)::int from scan where volume = $1 and state = 'complete') as scans,
            (select count(*)::int from version v join root r on r.id = v.root where r.volume = $1) as versions,
            (select count(*)::int from finding where volume = $1) as findings,
            (select count(*)::int from finding where volume = $1 and state = 'open') as "openFindings",
            (select count(*)::int from assessment where volume = $1) as assessments,
            (select count(*)::int from scan where volume = any ($2) and list is not null) as lists`,
    [volumeId, ids],
  );
  const known = counted.rows[0];
  if (known === undefined) throw new Error('a select without from has one row');
  const roots = 'root in (select id from root where volume = any ($1))';
  const scans = 'scan in (select id from scan where volume = any ($1))';
  const met = await client.query<{ ids: number[] }>(
    `select coalesce(array_agg(directory), '{}') as ids from (
       select directory from version where ${roots} union select directory from listing where ${roots}
        union select directory from gap where ${roots} union select directory from donor where ${roots}) d where directory <> 0`,
    [ids],
  );
  for (const [table, where] of [
    ['packed_version', roots],
    ['version_sum', roots],
    ['scrub_sum', roots],
    ['scrubbed', roots],
    ['scrub_missed', roots],
    ['listing', roots],
    ['donor', roots],
    ['gap', roots],
    ['ending', scans],
    ['shard', scans],
    ['finding', 'volume = any ($1)'],
    ['assessment', 'volume = any ($1)'],
    ['scrub_choice', scans],
    ['scan_root', scans],
    ['scan', 'volume = any ($1)'],
    ['root', 'volume = any ($1)'],
    ['volume', 'id = any ($1)'],
  ] as const)
    await client.query(`delete from ${table} where ${where}`, [ids]);
  await forgetDirectories(client, met.rows[0]?.ids ?? []);
  return known;
}

/**
 * Names of directories that nothing needs any more. Left alone while a scan runs anywhere: its process remembers ids
 * that no row holds yet.
 */
async function forgetDirectories(client: ClientBase, ids: readonly number[]): Promise<void> {
  const running = await client.query(`select from scan where state = 'running' limit 1`);
  if (running.rowCount !== 0) return;
  await client.query(
    `with recursive met (id) as (select unnest($1::int[])),
       needed (id) as (
         select m.id from met m
          where exists (select from root r join version v on v.root = r.id and v.directory = m.id) or exists (select from listing l where l.directory = m.id)
             or exists (select from gap g where g.directory = m.id) or exists (select from donor o where o.directory = m.id)
             or exists (select from ending e where e.directory = m.id)
             or exists (select from directory below where below.parent = m.id and not exists (select from met where met.id = below.id))
          union
         select d.parent from needed n join directory d on d.id = n.id)
     delete from directory d using met where d.id = met.id and not exists (select from needed n where n.id = d.id)`,
    [ids],
  );
}

/**
 * Gives the room of deleted rows back. Not in a transaction. The embedded server never runs for long enough to do it by
 * itself.
 */
export async function giveRoomBack(client: Pick<ClientBase, 'query'>): Promise<void> {
  await client.query(
    'vacuum (analyze) packed_version, listing, gap, donor, ending, shard, finding, assessment, scan, directory',
  );
}
