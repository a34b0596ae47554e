// The way down to a directory on every brick of a volume.
import type { Pending } from '../../domain/gluster/brick.ts';
import { outdated } from '../../domain/gluster/replicas.ts';
import type { Topology } from '../../domain/gluster/topology.ts';
import { replicaSets } from '../../domain/gluster/union-of.ts';
import { closeAll, type OpenBricks, type Part, partOf } from './brick-parts.ts';

function partsAt({ openDirectory }: OpenBricks, from: readonly Part[], path: string): Part[] {
  const parts: Part[] = [];
  try {
    for (const part of from) parts.push(partOf(part, path, openDirectory));
    return parts;
  } catch (error) {
    closeAll(parts);
    throw error;
  }
}

/**
 * A directory below, on every brick. What users removed, renamed or replaced while a brick of a replica set was away
 * still lies there without a mark of its own: where the bricks of a set do not agree, the directories on the way down
 * tell which of them was left behind.
 */
export function partsBelow(bricks: OpenBricks, from: readonly Part[], path: string): Part[] {
  const parts = partsAt(bricks, from, path);
  const { topology } = bricks.volume;
  if (agree(topology, from, parts)) return parts;
  closeAll(parts);
  let at = from;
  for (const name of path.split('/')) {
    try {
      const below = partsAt(bricks, at, name);
      dropOutdated(topology, at, below);
      if (at !== from) closeAll(at);
      at = below;
    } catch (error) {
      if (at !== from) closeAll(at);
      throw error;
    }
  }
  return [...at];
}

function agree({ subvolumes }: Topology, from: readonly Part[], parts: readonly Part[]): boolean {
  return subvolumes.every(({ bricks }) => {
    const asked = bricks.filter((brick) => from[brick]?.state === 'open').map((brick) => parts[brick]);
    return new Set(asked.map((part) => (part?.state === 'open' ? part.attributes.gfid : part?.state))).size <= 1;
  });
}

function dropOutdated(topology: Topology, above: readonly Part[], parts: Part[]): void {
  const marksOn = (brick: number): readonly Pending[] => {
    const part = above[brick];
    return part?.state === 'open' ? part.attributes.pending : [];
  };
  for (const set of replicaSets(topology, marksOn)) {
    const gfidOf = (brick: number): string | null => {
      const part = parts[brick];
      return part?.state === 'open' ? part.attributes.gfid : null;
    };
    for (const brick of outdated(set, gfidOf)) {
      const part = parts[brick];
      if (part?.state !== 'open') continue;
      part.directory.close();
      parts[brick] = { state: 'absent' };
    }
  }
}
