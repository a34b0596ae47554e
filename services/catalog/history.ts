// Every version of one path, in every volume: what `rollcall history` shows.
import { FLAG } from '../../domain/judge/flags.ts';
import type { Gap, Role, Scan } from '../../domain/scan.ts';
import type { Version } from '../../domain/version.ts';
import { baseName, joinPath, parentOf } from '../../domain/path.ts';
import { findDirectory } from './directories.ts';
import { VERSION_COLUMNS, versionOf } from './rows.ts';
import { completeScans } from './scans.ts';
import type { Queryable } from './scans.ts';
import { listVolumes } from './volumes.ts';

export interface VolumeHistory {
  readonly volume: string;
  readonly host: string;
  readonly role: Role;
  /** Complete scans by seq, pruned ones too. */
  readonly scans: readonly Scan[];
  /** By first_seq. */
  readonly versions: readonly Version[];
  /** What hid the path from a scan, by the scan's id. */
  readonly gaps: ReadonlyMap<bigint, Gap>;
}

/**
 * Backups in which the path was ever met or hidden, and all live volumes. Path is printable, below the volumes' roots.
 */
export async function historyOf(client: Queryable, path: string): Promise<VolumeHistory[]> {
  const directory = await findDirectory(client, parentOf(path));
  const histories: VolumeHistory[] = [];
  for (const volume of await listVolumes(client)) {
    const scans = await completeScans(client, volume.id);
    const versions = directory === null ? [] : await versionsAt(client, volume.rootId, directory, baseName(path));
    const gaps = await gapsOver(client, volume.id, path);
    if (volume.role === 'backup' && versions.length === 0 && gaps.size === 0) continue;
    const complete = new Set(scans.map((scan) => scan.seq));
    histories.push({
      volume: volume.name,
      host: volume.host,
      role: volume.role,
      scans,
      // A running scan's rows are nobody's business.
      versions: versions.filter((version) => complete.has(version.firstSeq)),
      gaps,
    });
  }
  return histories;
}

/** What the open findings of a path expect, where it is known which side is right: keys of judge/keys.ts. */
export async function expectedOf(client: Queryable, path: string): Promise<ReadonlySet<string>> {
  const found = await client.query<{ expected: string }>(
    `select distinct expected from finding where path = $1 and state = 'open' and not coalesce(detail -> 'flags', '[]') ? $2`,
    [path, FLAG.sideUnknown],
  );
  return new Set(found.rows.map(({ expected }) => expected));
}

async function versionsAt(client: Queryable, root: number, directory: number, name: string): Promise<Version[]> {
  const found = await client.query({
    rowMode: 'array',
    text: `select ${VERSION_COLUMNS} from version v
            where v.root = $1 and v.directory = $2 and v.name = $3 order by v.first_seq`,
    values: [root, directory, name],
  });
  return (found.rows as unknown as readonly (readonly unknown[])[]).map((row) => versionOf(row, 0));
}

/** Gaps on the path, its directory or anything above, by scan. */
async function gapsOver(client: Queryable, volumeId: number, path: string): Promise<Map<bigint, Gap>> {
  const found = await client.query<{
    scan: bigint;
    path: string;
    name: string;
    status: Gap['status'];
    errno: string | null;
    detail: string | null;
  }>(
    `select g.scan, d.path, g.name, g.status, g.errno, g.detail from gap g join directory d on d.id = g.directory join scan s on s.id = g.scan
      where s.volume = $1 and s.state = 'complete'`,
    [volumeId],
  );
  const gaps = new Map<bigint, Gap>();
  for (const row of found.rows) {
    const place = row.name === '' ? row.path : joinPath(row.path, row.name);
    if (place !== '' && path !== place && !path.startsWith(`${place}/`)) continue;
    gaps.set(row.scan, {
      directory: row.path,
      name: row.name,
      status: row.status,
      errno: row.errno,
      detail: row.detail,
    });
  }
  return gaps;
}
