// Which volumes of the catalog are those that a configuration names.
import { seriesKeyOf } from '../../domain/snapshot-pattern.ts';
import type { Configuration } from '../../domain/watch/configuration.ts';
import type { Queryable } from './scans.ts';
import { brickVolumesAt } from './volumes.ts';

export interface WatchedMatch {
  readonly id: number;
  /** Its label in the catalog. */
  readonly label: string;
}

/**
 * Ids of volumes by their names in the configuration. A volume that nobody ever began to scan is absent; one whose
 * first scan has not ended is there.
 */
export async function watchedIds(
  client: Queryable,
  configuration: Pick<Configuration, 'volumes' | 'backups'>,
): Promise<ReadonlyMap<string, number>> {
  const matches = await watchedMatches(client, configuration);
  return new Map([...matches].map(([name, { id }]) => [name, id]));
}

/**
 * By what a volume is: its host with its path, or with the key of its series. Only its host knows where symlinks lead:
 * a volume that was first scanned by the very path or pattern of the configuration is that one, too.
 */
export async function watchedMatches(
  client: Queryable,
  { volumes, backups }: Pick<Configuration, 'volumes' | 'backups'>,
): Promise<ReadonlyMap<string, WatchedMatch>> {
  const trees = volumes.filter(({ layout }) => layout !== 'gluster');
  const wanted = [
    ...trees.map(({ name, host, path }) => ({ name, role: 'live', host, typed: path, key: `tree:${host}:${path}` })),
    ...backups.map(({ name, host, pattern }) => ({
      name,
      role: 'backup',
      host,
      typed: pattern,
      key: `series:${host}:${seriesKeyOf(pattern).key}`,
    })),
  ];
  const found = await client.query<WatchedMatch & { name: string }>(
    `select distinct on (w.name) w.name, v.id, v.name as label
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) as w (name, role, host, typed, key)
       join volume v on v.role = w.role
       join root r on r.volume = v.id and r.host = w.host
      where v.key = w.key
         or v.key like any (array['tree:%', 'series:%']) and v.name in (w.typed, w.typed || ' (' || w.role || ')',
              w.typed || ' on ' || w.host, w.typed || ' on ' || w.host || ' (' || w.role || ')')
      order by w.name, v.key = w.key desc, (select max(s.started_ms) from scan s where s.volume = v.id) desc nulls last, v.id desc`,
    [
      wanted.map(({ name }) => name),
      wanted.map(({ role }) => role),
      wanted.map(({ host }) => host),
      wanted.map(({ typed }) => typed),
      wanted.map(({ key }) => key),
    ],
  );
  const matches = new Map(found.rows.map(({ name, id, label }) => [name, { id, label }]));
  for (const volume of volumes) {
    // Bricks come and go: a volume is the one that was read from any of them.
    const [match] = volume.layout === 'gluster' ? await brickVolumesAt(client, volume) : [];
    if (match !== undefined) matches.set(volume.name, { id: match.id, label: match.name });
  }
  return matches;
}
