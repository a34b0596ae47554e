// How the bricks of a volume belong together where nothing but the bricks tells: glusterd's record is on another
// machine, or gone.
import type { Brick, Subvolume, Topology } from '../../domain/gluster/topology.ts';
import { refuseSeenKinds, type SignedBrick } from './brick-kinds.ts';
import type { OpenDirectory, Part } from './brick-parts.ts';
import { coverAll, holdTheSame, signsOf } from './brick-signs.ts';

export interface Arranged {
  readonly topology: Topology;
  /** For each brick of the topology the path as it was given; null where it was not. */
  readonly order: readonly (string | null)[];
}

/**
 * Bricks that hold the same names are replicas of one another. Hashes that no range covers belong to a brick that was
 * not named, and so do the marks of a replica that is alone.
 *
 * @param path as it was named, for messages
 * @param parts of the root, by the bricks' paths, in the order in which they were named
 * @throws RollcallError (4) where the bricks do not hold the content of files
 */
export function arrangedByBricks(
  path: string,
  volumeId: string,
  parts: ReadonlyMap<string, Part>,
  openDirectory: OpenDirectory,
): Arranged {
  const anonymous = anonymousName(volumeId);
  const order: (string | null)[] = [...parts.keys()];
  const sets: { readonly places: number[]; readonly bricks: SignedBrick[] }[] = [];
  const away: number[] = [];
  [...parts].forEach(([at, part], place) => {
    if (part.state !== 'open') return void away.push(place);
    const brick = { path: at, root: part.directory, open: openDirectory };
    const signed = { ...brick, signs: signsOf(brick, anonymous) };
    const set = sets.find(({ bricks: [first] }) => first !== undefined && holdTheSame(first, signed));
    if (set === undefined) sets.push({ places: [place], bricks: [signed] });
    else {
      set.places.push(place);
      set.bricks.push(signed);
    }
  });
  refuseSeenKinds(
    path,
    sets.map(({ bricks }) => bricks),
  );
  const subvolumes: Subvolume[] = [
    ...sets.map(({ places }) => ({ bricks: places })),
    ...away.map((one) => ({ bricks: [one] })),
  ];
  // A brick that cannot be asked may be the one that is lacking.
  if (away.length === 0) {
    for (const { places, bricks } of sets)
      if (bricks.length === 1 && bricks[0]?.signs.isReplicated === true) places.push(order.push(null) - 1);
    if (!coverAll(sets.flatMap(({ bricks }) => bricks))) subvolumes.push({ bricks: [order.push(null) - 1] });
  }
  const bricks = order.map((at): Brick => ({ host: '', path: at ?? 'another one', client: null, isArbiter: false }));
  return { topology: { name: null, volumeId, bricks, subvolumes }, order };
}

/** Replicas keep what is being healed there. */
function anonymousName(volumeId: string): string {
  const uuid = volumeId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return `.glusterfs-anonymous-inode-${uuid}`;
}
