// The path that a person means, in the catalog's words: as it lies below a volume, or whole, in a live tree or in a
// snapshot.
import { pathsOn } from '../../domain/gluster/brick-places.ts';
import { isWithin } from '../../domain/path.ts';
import { completeScans } from '../catalog/scans.ts';
import type { Queryable } from '../catalog/scans.ts';
import { listVolumes, type Volume } from '../catalog/volumes.ts';
import { meaningsOf } from '../files/location.ts';
import { placed } from './placed.ts';

export interface PathMeant {
  /** Printable, below a volume's root; empty for the root itself. */
  readonly path: string;
  /** Whose root or snapshot a whole path goes through; null for one that is given as it lies below a volume. */
  readonly volume: Volume | null;
}

/**
 * What `typed` may mean, most likely first: relative paths are taken as they lie below a volume, then from cwd.
 * Printable text and the characters as they stand are both tried. A whole path lies on this host, HOST:/path on that
 * one; other hosts are asked only where no volume of this one holds it.
 * @param place.cwd absolute, printable
 */
export async function pathsMeant(
  client: Queryable,
  typed: string,
  place: { readonly host: string; readonly cwd: string },
): Promise<PathMeant[]> {
  // A variable that is not set does not mean the current directory.
  if (typed === '') return [];
  const { host, path } = placed(typed, place.host);
  const meant: PathMeant[] = [];
  // From a root no path leads up.
  if (path === typed && !/^(\/|(\.\/+)*\.\.(\/|$))/.test(typed))
    for (const meaning of meaningsOf(typed, '/')) meant.push({ path: meaning.slice(1), volume: null });
  const wholes = meaningsOf(path, place.cwd);
  const whole: (PathMeant & { readonly volume: Volume })[] = [];
  for (const volume of await listVolumes(client)) {
    const roots =
      volume.layout === 'snapshots'
        ? (await completeScans(client, volume.id)).map(({ path }) => path)
        : pathsOn(volume, volume.host);
    for (const root of new Set(roots))
      for (const one of wholes)
        if (isWithin(root, one)) whole.push({ path: one.slice(root === '/' ? 1 : root.length + 1), volume });
  }
  const here = whole.filter(({ volume }) => volume.host === host);
  return [...meant, ...(here.length > 0 || path !== typed ? here : whole)];
}
