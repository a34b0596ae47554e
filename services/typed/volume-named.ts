// The volume that a person means: by its name, or by the directory or pattern that it was scanned from.
import { RollcallError } from '../../domain/exit.ts';
import type { Queryable } from '../catalog/scans.ts';
import { findVolume, listVolumes, type Volume } from '../catalog/volumes.ts';
import { realWithoutHarm } from '../files/gluster.ts';
import { meaningsOf } from '../files/location.ts';
import { placed } from './placed.ts';

/** Volumes that a message names. */
const NAMED_MAX = 10;

/**
 * A path means this host's volume where there is one; HOST:/path that of the other host.
 * @param typed a volume's name, the path of a live root, or the pattern of a series
 * @throws RollcallError where the catalog knows none, or several on other hosts
 */
export async function volumeNamed(
  client: Queryable,
  typed: string,
  place: { readonly host: string; readonly cwd: string },
): Promise<Volume> {
  const { host, path } = placed(typed, place.host);
  const named = await findVolume(client, typed);
  if (named !== null && (named.host === place.host || !typed.startsWith('/'))) return named;
  const meanings = meaningsOf(path, place.cwd);
  for (const meaning of meanings) {
    const real = host === place.host ? realWithoutHarm(meaning) : meaning;
    for (const key of [`tree:${host}:${real}`, `series:${host}:${meaning}`]) {
      const volume = await findVolume(client, key);
      if (volume !== null) return volume;
    }
  }
  const all = await listVolumes(client);
  const elsewhere = path === typed ? all.filter((one) => one.name === typed || isAt(one, meanings)) : [];
  const [only, another] = elsewhere;
  if (only === undefined) throw unknownVolume(typed, all);
  if (another === undefined) return only;
  throw new RollcallError(`${typed} may mean ${elsewhere.map((one) => `${one.host}:${one.path}`).join(', or ')}.`, {
    next: 'Say which, with its host: HOST:/PATH.',
  });
}

function isAt({ key, host }: Volume, meanings: readonly string[]): boolean {
  return meanings.some((meaning) => key === `tree:${host}:${meaning}` || key === `series:${host}:${meaning}`);
}

function unknownVolume(name: string, all: readonly Volume[]): RollcallError {
  const known = all.map((one) => one.name);
  const more = known.length > NAMED_MAX ? ` and ${known.length - NAMED_MAX} more (rollcall volumes)` : '';
  return new RollcallError(`There is no volume ${name}.`, {
    next: `${
      known.length === 0 ? 'There is none yet' : `There are: ${known.slice(0, NAMED_MAX).join(', ')}${more}`
    }. What was never scanned becomes one with rollcall scan.`,
  });
}
