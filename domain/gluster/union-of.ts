// The one namespace that the bricks of a volume form (docs/design.md#gluster): per directory, what all bricks say of it
// becomes one class for each name. A name's reachability is computed, never probed: looking it up through a mount can
// delete the last copy.
import { compareBytes, decodeName } from '../path.ts';
import type { DirectorySight, Pending } from './brick.ts';
import { classify } from './classify.ts';
import { type Placement, placementHash, placementOf, subvolumeFor } from './placement.ts';
import {
  type ReplicaSet,
  type SightOfName,
  speakerOf,
  staleListings,
  subvolumeSight,
  type UnseenBrick,
} from './replicas.ts';
import type { Topology } from './topology.ts';
import type { UnionDirectory, UnionVolume } from './union.ts';

/** What GlusterFS and file systems keep at the root of a brick. Below it, such names are those of users. */
const INTERNAL = /^(?:\.glusterfs|\.shard|\.shard_remove|\.trashcan|\.glusterfs-anonymous-inode-.*|lost\+found)$/;

export function isInternalName(name: string): boolean {
  return INTERNAL.test(name);
}

/**
 * What users see in one directory, and what they do not.
 *
 * @param sights what each brick says of it, in the order of Topology.bricks
 * @param isRoot of the volume: internal names are internal there only
 */
export function unionOf(
  { topology, naming, ...trust }: UnionVolume,
  sights: readonly DirectorySight[],
  isRoot: boolean,
): UnionDirectory {
  if (sights.length !== topology.bricks.length) throw new Error('one sight for each brick, no more and no less');
  const sets = replicaSets(topology, marksIn(sights)).map((set) => withoutLacking(set, sights));
  const placement = placementOf(
    sets.map((set) => speakerOf(set, sights)),
    trust,
  );
  const unseen = sets.flatMap((set) => unseenOf(set, sights)).toSorted((a, b) => a.brick - b.brick);
  const gaps = unseen.length > 0 ? unseen : unnamed(topology, placement);
  const listed = sights.flatMap((sight) => (sight.state === 'listed' ? [sight] : []));
  const names = [...new Set(listed.flatMap((sight) => [...sight.names.keys()]))]
    .filter((name) => !isRoot || !isInternalName(name))
    .toSorted(compareBytes);
  return {
    names: names.map((name) => {
      return classify({
        name,
        topology,
        sights: sets.map((set) => subvolumeSight(set, (brick) => sightOfName(sights[brick], name))),
        placement,
        hashed: naming === null ? null : subvolumeFor(placementHash(decodeName(name), naming), placement),
      });
    }),
    isComplete: gaps.length === 0,
    gaps,
    mtimeNs: listed
      .map((sight) => sight.mdataMtimeNs ?? sight.mtimeNs)
      .reduce<bigint | null>((most, time) => (most === null || time > most ? time : most), null),
    missingOn: sights.flatMap((sight, brick) => (sight.state === 'absent' ? [brick] : [])),
    sets,
  };
}

/** The bricks that the hash of a name leads to, whether or not they have it; none where that cannot be computed. */
export function bricksFor(
  { topology, naming, ...trust }: UnionVolume,
  sights: readonly DirectorySight[],
  name: string,
): readonly number[] {
  if (naming === null) return [];
  const speakers = replicaSets(topology, marksIn(sights)).map((set) => speakerOf(set, sights));
  const subvolume = subvolumeFor(placementHash(decodeName(name), naming), placementOf(speakers, trust));
  return subvolume === null ? [] : (topology.subvolumes[subvolume]?.bricks ?? []);
}

/**
 * Where nothing but the bricks tells how many there are, hashes of a directory that none of them has belong to one that
 * was not named: a brick that was added since, which the ranges of the root need not show. Its place is after the last.
 */
function unnamed({ name, bricks }: Topology, { ranges, isWhole }: Placement): UnseenBrick[] {
  if (name !== null || isWhole || ranges.length === 0) return [];
  return [{ brick: bricks.length, gap: { status: 'partial', errno: null } }];
}

/** What stands on a directory, by brick. */
export function marksIn(sights: readonly DirectorySight[]): (brick: number) => readonly Pending[] {
  return (brick) => {
    const sight = sights[brick];
    return sight?.state === 'listed' ? sight.pending : [];
  };
}

/**
 * The sets of bricks as they are in one directory.
 *
 * @param marksOn what stands on the directory on a brick
 */
export function replicaSets(topology: Topology, marksOn: (brick: number) => readonly Pending[]): ReplicaSet[] {
  return topology.subvolumes.map(({ bricks }) => {
    return { topology, bricks, stale: staleListings(topology, bricks, marksOn) };
  });
}

/** A brick that lacks the directory while others of its set list it lacks no name of it: the directory is told once. */
function withoutLacking(set: ReplicaSet, sights: readonly DirectorySight[]): ReplicaSet {
  const lacking = set.bricks.filter((brick) => sights[brick]?.state === 'absent');
  const isListed = set.bricks.some((brick) => sights[brick]?.state === 'listed' && !set.stale.has(brick));
  return lacking.length === 0 || !isListed ? set : { ...set, stale: new Set([...set.stale, ...lacking]) };
}

function sightOfName(sight: DirectorySight | undefined, name: string): SightOfName {
  if (sight === undefined || sight.state === 'absent') return null;
  if (sight.state === 'unknown') return sight;
  const said = sight.names.get(name);
  if (said !== undefined) return said;
  return sight.gap === null ? null : { state: 'unknown', gap: sight.gap };
}

/** Bricks that may have names that nobody was told of. One that others blame has nothing to say. */
function unseenOf({ bricks, stale }: ReplicaSet, sights: readonly DirectorySight[]): UnseenBrick[] {
  return bricks.flatMap((brick) => {
    const sight = sights[brick];
    if (sight === undefined || sight.state === 'absent' || sight.gap === null || stale.has(brick)) return [];
    return [{ brick, gap: sight.gap }];
  });
}
