// The path that a person means, in the catalog's words: as it lies below a volume, or whole, in a live tree or in a
// snapshot.
import { isWithin } from '../../domain/path.ts';
import { completeScans } from '../catalog/scans.ts';
import type { Queryable } from '../catalog/scans.ts';
import { listVolumes, type Volume } from '../catalog/volumes.ts';
import { meaningsOf } from '../files/location.ts';

export interface PathMeant {
  /** Printable, below a volume's root; empty for the root itself. */
  readonly path: string;
  /** Whose root or snapshot a whole path goes through; null for one that is given as it lies below a volume. */
  readonly volume: Volume | null;
}

/**
 * What `typed` may mean, most likely first: relative paths are taken as they lie below a volume, then from cwd.
 * Printable text and the characters as they stand are both tried.
 * @param cwd absolute, printable
 */
export async function pathsMeant(client: Queryable, typed: string, cwd: string): Promise<PathMeant[]> {
  // A variable that is not set does not mean the current directory.
  if (typed === '') return [];
  const meant: PathMeant[] = [];
  // From a root no path leads up.
  if (!/^(\/|(\.\/+)*\.\.(\/|$))/.test(typed))
    for (const meaning of meaningsOf(typed, '/')) meant.push({ path: meaning.slice(1), volume: null });
  const wholes = meaningsOf(typed, cwd);
  for (const volume of await listVolumes(client)) {
    const roots =
      volume.layout === 'tree' ? [volume.path] : (await completeScans(client, volume.id)).map(({ path }) => path);
    for (const root of new Set(roots))
      for (const whole of wholes)
        if (isWithin(root, whole)) meant.push({ path: whole.slice(root === '/' ? 1 : root.length + 1), volume });
  }
  return meant;
}
