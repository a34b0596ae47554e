// What the bricks still say of a name that is on none of them: pointers to a content that is gone, and the brick that
// its hash leads to. For whoever looks for the brick that lost it.
import type { DirectorySight } from '../../domain/gluster/brick.ts';
import type { BrickEvidence, CopyOnBrick, Inode } from '../../domain/gluster/evidence.ts';
import { targetOf } from '../../domain/gluster/topology.ts';
import type { UnionCopy, UnionDirectory } from '../../domain/gluster/union.ts';
import { bricksFor } from '../../domain/gluster/union-of.ts';
import type { OpenBricks } from './brick-parts.ts';
import { copyOnBrick, inodeOf } from './brick-shown.ts';

/** The answer of all bricks of one directory, asked for one name. */
export interface SaidOfName {
  readonly union: UnionDirectory;
  readonly sights: readonly DirectorySight[];
}

/** What each brick has of the name, by its root; null where one could not be asked. */
export function inodesSaid(
  { roots }: OpenBricks,
  name: string,
  sights: readonly DirectorySight[],
): Map<string, Inode> | null {
  const inodes = new Map<string, Inode>();
  for (const [brick, sight] of sights.entries()) {
    if (sight.state === 'absent') continue;
    const one = sight.state === 'listed' ? sight.names.get(name) : undefined;
    if (one?.state === 'seen') inodes.set(roots[brick] ?? '', inodeOf(one.entry));
    else if (one !== undefined || sight.state === 'unknown' || sight.gap !== null) return null;
  }
  return inodes;
}

/** Null where nothing can be said. */
export function traceOf(bricks: OpenBricks, name: string, { union, sights }: SaidOfName): BrickEvidence | null {
  const rootsOf = (places: readonly number[]): string[] => places.flatMap((place) => bricks.roots[place] ?? []);
  const pointer = (copy: UnionCopy): CopyOnBrick => {
    const { topology } = bricks.volume;
    const { linkto } = copy.entry;
    const its = copyOnBrick(copy, bricks.roots[copy.brick] ?? '', []);
    if (linkto === null) return its;
    const target = targetOf(topology, linkto);
    // Without glusterd's record nothing tells which brick has which number.
    return { ...its, leadsTo: target === null ? [linkto] : rootsOf(topology.subvolumes[target]?.bricks ?? []) };
  };
  const left = union.names.find((one) => one.name === name && one.class === 'internal');
  const copies = (left?.copies ?? []).map(pointer);
  const belongs = rootsOf(bricksFor(bricks.volume, sights, name));
  if (copies.length === 0 && belongs.length === 0) return null;
  return { why: left?.evidence ?? [], copies, ...(belongs.length === 0 ? {} : { belongs }) };
}
