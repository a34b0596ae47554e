// What is known of the volume that a brick belongs to, asked at one place and before any scan: its id is read at the
// brick's root, and glusterd of this server may have written down the rest.
import { volumeIdOf } from './brick-attributes.ts';
import { readably } from './errors.ts';
import { type KnownVolume, volumeOf } from './glusterd-record.ts';
import { openRoot } from './open-directory.ts';

/**
 * The volume that the root of a brick is of; null where nothing tells: it is no brick, this process may not see its
 * attributes, or no glusterd here knows the volume.
 */
export function volumeAt(brick: string): KnownVolume | null {
  return readably(() => {
    const root = openRoot(brick);
    try {
      const id = volumeIdOf(root);
      return id === null ? null : volumeOf(id);
    } finally {
      root.close();
    }
  });
}

/** Bricks of a volume on this host, and those on others as HOST:/path. */
export function bricksOfVolume({ bricks, areHere }: KnownVolume): { here: string[]; elsewhere: string[] } {
  const here: string[] = [];
  const elsewhere: string[] = [];
  for (const [at, { host, path }] of bricks.entries())
    if (areHere[at] === true) here.push(path);
    else elsewhere.push(`${host}:${path}`);
  return { here, elsewhere };
}
