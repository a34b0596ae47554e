// A shard that was tried too often: divided into single directories or files; a single one becomes a gap, and the rest
// of the scan goes on.
import type { ClientBase } from 'pg';
import type { ScanContext } from './scan-context.ts';
import type { Shard, ShardWork } from './shards.ts';
import { dropOwnRows, NEVER_UNCHANGED, noCounts } from './shard-result.ts';

/** In one transaction of its own. Does nothing when another holder has taken the shard meanwhile. */
export async function giveUpShard(
  client: ClientBase,
  context: ScanContext,
  shard: Shard,
  nowMs: number,
): Promise<void> {
  await client.query('begin');
  try {
    const fence = await client.query(
      `select from shard where id = $1 and fence = $2 and holder = $3 and state = 'leased' for update`,
      [shard.id, shard.fence, shard.holder],
    );
    if (fence.rowCount === 0) {
      await client.query('rollback');
      return;
    }
    const pieces = divide(shard.work);
    for (const work of pieces) {
      await client.query(`insert into shard (scan, root, kind, work, state) values ($1, $2, $3, $4, 'open')`, [
        context.scanId,
        context.rootId,
        shard.kind,
        JSON.stringify(work),
      ]);
    }
    const counts = noCounts();
    const detail = `tried ${shard.attempts - 1} times`;
    if ('round' in shard.work) {
      const inFlux = await unsettleVanished(client, context, `listing again was ${detail}`);
      counts.vanished = -inFlux;
      counts.unknown = inFlux;
    } else if (pieces.length === 0) {
      const gap = placeOf(shard.work);
      if (gap !== null) {
        if (gap.name === '') await dropOwnRows(client, context, [gap.directory]);
        else counts.unknown = await knownOf(client, context, gap);
        await client.query(
          `insert into gap (scan, root, directory, name, status, errno, detail) values ($1, $2, $3, $4, 'failed', null, $5)`,
          [context.scanId, context.rootId, gap.directory, gap.name, detail],
        );
      }
    }
    await client.query(`update shard set state = 'done', holder = null, counts = $2 where id = $1`, [
      shard.id,
      JSON.stringify(counts),
    ]);
    await client.query('update scan set open_shards = open_shards + $2, progressed_ms = $3 where id = $1', [
      context.scanId,
      pieces.length - 1,
      nowMs,
    ]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/**
 * What vanished may have moved, and nobody could look: it is in flux, and not gone. The listings of their directories
 * lack these names, which the catalog still holds: they are forgotten, so that the next scan does not take such a
 * directory for unchanged.
 * @returns how many names
 */
async function unsettleVanished(client: ClientBase, context: ScanContext, detail: string): Promise<number> {
  const moved = await client.query(
    `insert into gap (scan, root, directory, name, status, errno, detail)
       select scan, $2, directory, name, 'unsettled', null, $3 from ending where scan = $1 and root = $2 and kind = 'end' and reason = 'v'`,
    [context.scanId, context.rootId, detail],
  );
  await client.query(
    `with gone as (delete from ending where scan = $1 and root = $2 and kind = 'end' and reason = 'v' returning directory, name),
          forgotten as (update listing l set stat_digest = $4 from gone g where l.root = $2 and l.seq = $3 and l.directory = g.directory)
     delete from ending e using gone g where e.scan = $1 and e.root = $2 and e.kind = 'below' and e.directory = g.directory and e.name = g.name`,
    [context.scanId, context.rootId, context.seq, NEVER_UNCHANGED],
  );
  return moved.rowCount ?? 0;
}

function divide(work: ShardWork): ShardWork[] {
  const hung = work.hung === undefined ? {} : { hung: work.hung };
  if ('directories' in work) {
    // A single directory that brought its subdirectories down with it is listed alone first; generation 0 has the
    // smallest budget.
    if (work.directories.length === 1) return [];
    return work.directories.map((directory) => ({ directories: [directory], generation: 0, ...hung }));
  }
  if ('files' in work) return work.files.length === 1 ? [] : work.files.map((file) => ({ files: [file], ...hung }));
  return [];
}

function placeOf(work: ShardWork): { directory: number; name: string } | null {
  if ('directories' in work) return { directory: work.directories[0]?.id ?? 0, name: '' };
  if ('files' in work) {
    const file = work.files[0];
    return file === undefined ? null : { directory: file.directory.id, name: file.name };
  }
  return null;
}

async function knownOf(
  client: ClientBase,
  context: ScanContext,
  place: { directory: number; name: string },
): Promise<number> {
  const found = await client.query<{ known: number }>(
    `select count(*)::int as known from version where root = $1 and directory = $2 and name = $3 and first_seq < $4 and holds_at(first_seq, end_seq, $4)`,
    [context.rootId, place.directory, place.name, context.seq],
  );
  return found.rows[0]?.known ?? 0;
}
