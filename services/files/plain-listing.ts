// All bricks of one directory listed, what is plain kept in columns, and the rest looked at closely.
import type { DirectorySight, NameSight } from '../../domain/gluster/brick.ts';
import type { UnionVolume } from '../../domain/gluster/union.ts';
import { type Part, sightOf, sightOfName } from './brick-parts.ts';
import { DirectoryElsewhere } from './directory-elsewhere.ts';
import { PlainNames } from './plain-names.ts';

interface How {
  readonly isRoot: boolean;
  readonly tick: () => void;
}

export interface PlainListing {
  /** By brick: names that are not plain at once. */
  readonly sights: readonly DirectorySight[];
  /** Null where every name was looked at closely. */
  readonly plain: PlainNames | null;
}

export function listParts(volume: UnionVolume, parts: readonly Part[], { isRoot, tick }: How): PlainListing {
  // What another host says of a name comes as objects.
  const isElsewhere = parts.some((part) => part.state === 'open' && part.directory instanceof DirectoryElsewhere);
  const plain = isElsewhere ? null : PlainNames.in(volume, parts.map(unlisted));
  const ask = { only: null, isRoot, tick };
  const sights = parts.map((part, brick) => {
    if (plain === null || part.state !== 'open') return sightOf(part, ask);
    return sightOf(part, { ...ask, isTaken: (name) => plain.take(brick, part.directory, name) });
  });
  if (plain === null) return { sights, plain };
  // A brick that was not listed to its end may have any name.
  if (sights.some((sight) => sight.state === 'listed' && sight.gap !== null))
    return { sights: parts.map((part) => sightOf(part, ask)), plain: null };
  return { sights: withWithdrawn(sights, parts, plain), plain };
}

function unlisted(part: Part): DirectorySight {
  if (part.state !== 'open') return sightOf(part, { only: null, isRoot: false, tick: () => undefined });
  const { gfid, layout, mdataMtimeNs, pending } = part.attributes;
  const { mtimeNs } = part.directory.stat;
  return { state: 'listed', gap: null, gfid, layout, mdataMtimeNs, mtimeNs, pending, names: new Map() };
}

function withWithdrawn(
  sights: readonly DirectorySight[],
  parts: readonly Part[],
  plain: PlainNames,
): readonly DirectorySight[] {
  const withdrawn = plain.withdrawn();
  if (withdrawn.length === 0) return sights;
  return sights.map((sight, brick) => {
    const part = parts[brick];
    if (sight.state !== 'listed' || part?.state !== 'open') return sight;
    const names = new Map<string, NameSight>(sight.names);
    for (const { name, bricks } of withdrawn) {
      const one = bricks.includes(brick) && !names.has(name) ? sightOfName(part.directory, name, true) : null;
      if (one !== null) names.set(name, one);
    }
    return { ...sight, names };
  });
}
