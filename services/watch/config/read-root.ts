// Where a live volume lies: its directory, or the bricks of a GlusterFS volume, in either spelling.
import { brickList } from '../../../domain/gluster/brick-places.ts';
import { BRICKS, bricksOf, isBricks } from '../../../domain/gluster/named.ts';
import type { WatchedVolume } from '../../../domain/watch/configuration.ts';
import type { Place } from './problem.ts';
import type { FileVolume } from './shape.ts';

interface Reader {
  problem(place: Place, message: string): null;
  /** Printable. */
  path(text: string, place: Place): string;
}

/** What is said of a mount means nothing where no mount is looked at. */
const OF_MOUNTS = ['cross_mounts', 'not_gluster', 'bricks_rescued'] as const;

/** @param here the host of whatever names none */
export function readRoot(
  one: FileVolume,
  here: string,
  place: Place,
  reader: Reader,
): Pick<WatchedVolume, 'host' | 'path' | 'layout'> {
  const { path = '/' } = one;
  if (one.path !== undefined && one.bricks !== undefined)
    reader.problem([...place, 'path'], 'write its path or its bricks, not both');
  if (one.bricks === undefined && !isBricks(path))
    return { host: one.host ?? here, path: reader.path(path, [...place, 'path']), layout: 'tree' };
  for (const field of OF_MOUNTS)
    if (one[field] === true) reader.problem([...place, field], 'leave it out: bricks are read, and no mount');
  const bricks = bricksOf(one.bricks === undefined ? path : `${BRICKS}${one.bricks.join(',')}`);
  const at = (index: number): Place => (one.bricks === undefined ? [...place, 'path'] : [...place, 'bricks', index]);
  const hosts = new Set(bricks.map((brick) => brick.host));
  const [only = null] = hosts.size === 1 ? hosts : [];
  const host = one.host ?? only ?? here;
  const spelled = bricks.map((brick, index): string => {
    if (!brick.path.startsWith('/'))
      reader.problem(at(index), 'write the path of each brick from the root, without a comma in it: /b1/data');
    else if (brick.host !== null && brick.host !== host)
      reader.problem(at(index), `it lies on ${brick.host}, and the volume on ${host}: ${ELSEWHERE}`);
    return reader.path(brick.path, at(index));
  });
  return { host, path: brickList(spelled), layout: 'gluster' };
}

/** As on the command line. */
const ELSEWHERE =
  'bricks are read on their own host. Watch each host with the bricks that lie there: what is hidden on them is found, and nothing is called missing.';
