// What stopped the last audit of a volume, kept until one goes through.
import type { ExitCode } from '../../domain/exit.ts';
import type { Role } from '../../domain/scan.ts';
import type { Queryable } from './scans.ts';

export interface Trouble {
  readonly atMs: number;
  readonly exit: ExitCode;
  readonly message: string;
  readonly next: string | null;
}

export interface VolumeTrouble extends Trouble {
  readonly volumeId: number;
  readonly volume: string;
  readonly role: Role;
}

/**
 * Keeps what stopped an audit, or that it went through (null), with the volume that has one of these paths as its root
 * on this host, or one of them as its name. Where none has, nothing is kept: a path that was mistyped is no volume.
 */
export async function recordTrouble(
  client: Queryable,
  where: { readonly host: string; readonly paths: readonly string[] },
  trouble: Trouble | null,
): Promise<void> {
  await client.query(
    `update volume v set trouble = $3
       from root r
      where r.volume = v.id and r.host = $1 and v.trouble is distinct from $3
        and (v.role = 'live' and r.path = any ($2) or v.name = any ($2)
             or v.key = any (select 'series:' || $1 || ':' || p from unnest($2::text[]) as n (p)))`,
    [where.host, where.paths, trouble === null ? null : JSON.stringify(trouble)],
  );
}

export async function knownTroubles(client: Queryable): Promise<VolumeTrouble[]> {
  const found = await client.query<{ volumeId: number; volume: string; role: Role; trouble: Trouble }>(
    'select id as "volumeId", name as volume, role, trouble from volume where trouble is not null order by name',
  );
  return found.rows.map(({ trouble, ...volume }) => ({ ...volume, ...trouble }));
}
