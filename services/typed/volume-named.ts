// The volume that a person means: by its name, or by the directory or pattern that it was scanned from.
import { RollcallError } from '../../domain/exit.ts';
import { brickList, placesIn } from '../../domain/gluster/brick-places.ts';
import { isBricks, spelledOn } from '../../domain/gluster/named.ts';
import type { Queryable } from '../catalog/scans.ts';
import { brickVolumesAt, findVolume, listVolumes, type Volume } from '../catalog/volumes.ts';
import { realWithoutHarm } from '../files/gluster.ts';
import { meaningsOf } from '../files/location.ts';
import { placed } from './placed.ts';

/** Volumes that a message names. */
const NAMED_MAX = 10;

/**
 * A path means this host's volume where there is one; HOST:/path that of the other host. Bricks mean the volume that
 * was read from some of them.
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
  if (isBricks(typed)) return (await volumeOnBricks(client, host, path)) ?? named ?? notKnown(client, typed);
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
  throw ambiguous(typed, elsewhere, 'Say which, with its host: HOST:/PATH.');
}

/** @throws RollcallError where they are those of several volumes, and of none exactly */
async function volumeOnBricks(client: Queryable, host: string, path: string): Promise<Volume | null> {
  const list = brickList(placesIn(path));
  const [first, second] = await brickVolumesAt(client, { host, path: list });
  if (first === undefined || second === undefined || first.path === list) return first ?? null;
  throw ambiguous(path, [first, second], 'Name all bricks of one volume; rollcall volumes lists them.');
}

async function notKnown(client: Queryable, typed: string): Promise<never> {
  throw unknownVolume(typed, await listVolumes(client));
}

function ambiguous(typed: string, volumes: readonly Volume[], next: string): RollcallError {
  return new RollcallError(`${typed} may mean ${volumes.map((one) => spelledOn(one.host, one.path)).join(', or ')}.`, {
    next,
  });
}

function isAt({ key, host }: Volume, meanings: readonly string[]): boolean {
  return meanings.some((meaning) => key === `tree:${host}:${meaning}` || key === `series:${host}:${meaning}`);
}

function unknownVolume(name: string, all: readonly Volume[]): RollcallError {
  const known = all.map((one) => one.name);
  const more = known.length > NAMED_MAX ? ` and ${known.length - NAMED_MAX} more (rollcall volumes)` : '';
  return new RollcallError(`There is no volume ${name}.`, {
    next:
      known.length === 0
        ? 'Nothing was scanned yet: rollcall scan PATH, or rollcall serve for what rollcall.yaml names.'
        : `There are: ${known.slice(0, NAMED_MAX).join(', ')}${more}. What was never scanned becomes one with rollcall scan.`,
  });
}
