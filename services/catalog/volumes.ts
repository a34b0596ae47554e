// Volumes and their roots: found by what they are, named for people.
import { type Rooted, shareBrick } from '../../domain/gluster/brick-places.ts';
import type { Layout, Role } from '../../domain/scan.ts';
import type { Queryable } from './scans.ts';

export interface Volume {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  readonly layout: Layout;
  readonly key: string;
  readonly rootId: number;
  readonly host: string;
  readonly path: string;
  /** As recorded when a scan completed last; null before. */
  readonly identity: unknown;
}

const COLUMNS = 'v.id, v.name, v.role, v.layout, v.key, r.id as "rootId", r.host, r.path, r.identity';

export async function findVolume(client: Queryable, keyOrName: string): Promise<Volume | null> {
  const found = await client.query<Volume>(
    `select ${COLUMNS} from volume v join root r on r.volume = v.id where v.key = $1 or v.name = $1 order by v.key = $1 desc limit 1`,
    [keyOrName],
  );
  return found.rows[0] ?? null;
}

export async function listVolumes(
  client: Queryable,
): Promise<(Volume & { scans: number; newestMs: number | null; running: boolean })[]> {
  const found = await client.query<Volume & { scans: number; newest_ms: bigint | null; running: boolean }>(
    `select ${COLUMNS}, count(s.id) filter (where s.state = 'complete')::int as scans, max(s.as_of_to_ms) filter (where s.state = 'complete') as newest_ms,
            coalesce(bool_or(s.state = 'running'), false) as running
       from volume v join root r on r.volume = v.id left join scan s on s.volume = v.id group by v.id, r.id order by v.role desc, v.name`,
  );
  return found.rows.map(({ newest_ms, ...row }) => ({
    ...row,
    newestMs: newest_ms === null ? null : Number(newest_ms),
  }));
}

/**
 * The volume with this key; made when it is met for the first time. The name is the path or pattern, as it is a label
 * only: where others have that one (the same path on another host; a relative pattern, typed in several directories),
 * one that says more. Two that come at once get the same one.
 */
export async function ensureVolume(
  client: Queryable,
  wanted: { role: Role; layout: Layout; key: string; name: string; host: string; path: string; nowMs: number },
): Promise<Volume> {
  const { key, name, role, host } = wanted;
  const known = await findVolume(client, key);
  if (known !== null) return known;
  const onHost = `${name} on ${host}`;
  const labels = (await isNameOfOther(client, name, host))
    ? [onHost, `${onHost} (${role})`, key]
    : [name, `${name} (${role})`, onHost, key];
  for (const label of labels) {
    await client.query(
      'insert into volume (name, role, layout, key, created_ms) values ($1, $2, $3, $4, $5) on conflict do nothing',
      [label, role, wanted.layout, key, wanted.nowMs],
    );
    await client.query(
      'insert into root (volume, host, path) select id, $2, $3 from volume where key = $1 on conflict do nothing',
      [key, host, wanted.path],
    );
    const made = await findVolume(client, key);
    if (made !== null) return made;
  }
  throw new Error(`volume ${key} could not be made`);
}

async function isNameOfOther(client: Queryable, name: string, host: string): Promise<boolean> {
  const found = await client.query(
    'select from volume v join root r on r.volume = v.id where v.name = $1 and r.host <> $2',
    [name, host],
  );
  return found.rowCount !== 0;
}

/** Accepts another identity for a root; the next scan is held against it. */
export async function recordIdentity(client: Queryable, rootId: number, identity: unknown): Promise<void> {
  await client.query('update root set identity = $2 where id = $1', [rootId, JSON.stringify(identity)]);
}

/** A volume's root lies elsewhere now: bricks were added to it or taken away, or another of its hosts reads them. */
export async function moveRoot(
  client: Queryable,
  { rootId, host, path }: { readonly rootId: number; readonly host: string; readonly path: string },
): Promise<void> {
  await client.query('update root set host = $2, path = $3 where id = $1', [rootId, host, path]);
}

/** A volume that is read from its bricks is known by its id: they may be others, or lie elsewhere, the next time. */
export function brickVolumeKey(host: string | null, volumeId: string): string {
  return host === null ? `gluster:${volumeId}` : `gluster:${host}:${volumeId}`;
}

/**
 * Volumes that were read from bricks, some of which are among these: the one with the very same bricks first, then the
 * one that was scanned last.
 */
export async function brickVolumesAt(client: Queryable, bricks: Rooted): Promise<Volume[]> {
  const found = await client.query<Volume>(
    `select ${COLUMNS} from volume v join root r on r.volume = v.id where v.layout = 'gluster'
      order by r.path <> $1, (select max(s.started_ms) from scan s where s.volume = v.id) desc nulls last, v.id desc`,
    [bricks.path],
  );
  return found.rows.filter((one) => shareBrick(one, bricks));
}

/** It goes on as the volume with that key: a GlusterFS volume that was made anew has another id. */
export async function rekeyVolume(client: Queryable, id: number, key: string): Promise<void> {
  await client.query('update volume set key = $2 where id = $1', [id, key]);
}

/** The backup volume that was scanned on a host under this pattern; null where none was. */
export async function seriesVolumeAt(
  client: Queryable,
  host: string,
  pattern: string,
): Promise<Pick<Volume, 'id' | 'name' | 'path'> | null> {
  const found = await client.query<Pick<Volume, 'id' | 'name' | 'path'>>(
    `select v.id, v.name, r.path from volume v join root r on r.volume = v.id
      where v.role = 'backup' and r.host = $1 and v.name in ($2, $2 || ' (backup)', $2 || ' on ' || $1)
        and exists (select from scan s where s.volume = v.id and s.state = 'complete')
      order by v.id limit 1`,
    [host, pattern],
  );
  return found.rows[0] ?? null;
}
