// Most names of a directory are one file on the brick that their hash leads to, with nothing beside it. For them
// classify() has one answer, and this gives it without an object for each of them.
import type { DirectorySight } from './brick.ts';
import { placementHash, placementOf, subvolumeFor } from './placement.ts';
import { speakerOf } from './replicas.ts';
import type { UnionVolume } from './union.ts';
import { marksIn, replicaSets } from './union-of.ts';

/** Whether a name is plain of which one subvolume alone has a copy, and that copy is an ordinary one. */
export type PlainRule = (name: Uint8Array, subvolume: number) => boolean;

/** Set-group-ID and sticky: a pointer has the second, and the source of a migration both. */
const MARKED_MODE = 0o1000;

/**
 * A copy of which nothing but its place can be wrong: no pointer, no source of a migration. (Whoever asks knows that it
 * has no attribute that says more: no pointer's mark, no pending mark, not condemned.)
 */
export function isOrdinary(mode: number): boolean {
  return (mode & MARKED_MODE) === 0;
}

/**
 * @param sights what each brick says of the directory; their names are not looked at
 * @returns null where no name is plain for that alone: a brick that may have it could not be asked, or one is behind
 */
export function plainRule(
  { topology, naming, ...trust }: UnionVolume,
  sights: readonly DirectorySight[],
): PlainRule | null {
  const sets = replicaSets(topology, marksIn(sights));
  const isSeen = sights.every((sight) => sight.state === 'absent' || (sight.state === 'listed' && sight.gap === null));
  if (!isSeen || sets.some(({ stale }) => stale.size > 0)) return null;
  if (sets.length === 1) return () => true;
  const placement = placementOf(
    sets.map((set) => speakerOf(set, sights)),
    trust,
  );
  if (naming === null) return null;
  const asksAll = placement.isWhole && placement.isTrusted === false;
  return (name, subvolume) => {
    const hashed = subvolumeFor(placementHash(name, naming), placement);
    return hashed === subvolume || (asksAll && hashed !== null);
  };
}
