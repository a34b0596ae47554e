// The volume that a person means: by its name, or by the directory or pattern that it was scanned from.
import { RollcallError } from '../../domain/exit.ts';
import type { Queryable } from '../catalog/scans.ts';
import { findVolume, listVolumes, type Volume } from '../catalog/volumes.ts';
import { realWithoutHarm } from '../files/gluster.ts';
import { meaningsOf } from '../files/location.ts';

/** Volumes that a message names. */
const NAMED_MAX = 10;

/**
 * @param typed a volume's name, the path of a live root, or the pattern of a series
 * @throws RollcallError where the catalog knows none
 */
export async function volumeNamed(
  client: Queryable,
  typed: string,
  place: { readonly host: string; readonly cwd: string },
): Promise<Volume> {
  const byName = await findVolume(client, typed);
  if (byName !== null) return byName;
  for (const meaning of meaningsOf(typed, place.cwd)) {
    for (const key of [`tree:${place.host}:${realWithoutHarm(meaning)}`, `series:${place.host}:${meaning}`]) {
      const volume = await findVolume(client, key);
      if (volume !== null) return volume;
    }
  }
  return volumeCalled(client, typed);
}

/** @param name of a volume, not a path @throws RollcallError where the catalog knows none */
export async function volumeCalled(client: Queryable, name: string): Promise<Volume> {
  const volume = await findVolume(client, name);
  if (volume !== null) return volume;
  const known = (await listVolumes(client)).map((one) => one.name);
  const more = known.length > NAMED_MAX ? ` and ${known.length - NAMED_MAX} more (rollcall volumes)` : '';
  throw new RollcallError(`There is no volume ${name}.`, {
    next: `${
      known.length === 0 ? 'There is none yet' : `There are: ${known.slice(0, NAMED_MAX).join(', ')}${more}`
    }. What was never scanned becomes one with rollcall scan.`,
  });
}
