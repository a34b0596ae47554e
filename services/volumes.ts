// `volumes`: what the catalog knows, one volume after another.
import { RollcallError } from '../domain/exit.ts';
import { lastBackupsOf } from './catalog/assessments.ts';
import type { Queryable } from './catalog/scans.ts';
import { isListVolume } from './catalog/lists.ts';
import { listVolumes } from './catalog/volumes.ts';
import { placed, type Placed } from './typed/placed.ts';
import { volumeNamed } from './typed/volume-named.ts';

type Listed = Awaited<ReturnType<typeof listVolumes>>[number];

/** Each with whether it is made of lists that other tools wrote. */
export async function volumes(
  client: Queryable,
): Promise<readonly { readonly volume: Listed; readonly isList: boolean }[]> {
  return (await listVolumes(client)).map((volume) => ({ volume, isList: isListVolume(volume) }));
}

/**
 * A live volume that was assessed before, with the backups that it was judged by last, each with its host.
 * @throws RollcallError where there is no such volume, or nothing says what it is judged by
 */
export async function assessedBefore(
  client: Queryable,
  { name, here, cwd }: { readonly name: string; readonly here: string; readonly cwd: string },
): Promise<{ readonly live: Placed; readonly backups: readonly Placed[] }> {
  const volume = await volumeNamed(client, name, { host: here, cwd });
  const backups = volume.role === 'live' ? await lastBackupsOf(client, volume.id) : null;
  if (backups === null) {
    throw new RollcallError(`${volume.name} was not assessed yet.`, {
      next: "Say what it is judged by: rollcall assess --live PATH --backup 'PATTERN'.",
    });
  }
  return {
    live: { host: volume.host, path: volume.path },
    backups: backups.map((backup) => placed(backup.pattern, backup.host ?? here)),
  };
}
