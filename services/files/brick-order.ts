// How the bricks of a volume that were named belong together by what glusterd has written down.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { NamedBrick } from '../../domain/gluster/named.ts';
import type { Subvolume } from '../../domain/gluster/topology.ts';
import type { Arranged } from './brick-arrangement.ts';
import { ownHost } from './elsewhere.ts';
import type { KnownVolume } from './glusterd-record.ts';

/** What the servers of the bricks have written down of the volume, by host; null where there is no glusterd. */
export type Records = Map<string, KnownVolume | null>;

/** A brick that was named. */
interface Root {
  /** As it is named. */
  readonly path: string;
  readonly place: NamedBrick;
}

interface Recorded {
  readonly volumeId: string;
  /** What one of the servers has written down; all have the same. */
  readonly known: KnownVolume;
  readonly records: Records;
}

export function arrangedByRecord({ volumeId, known, records }: Recorded, roots: readonly Root[]): Arranged {
  const { order, left } = inOrder(known, records, roots);
  const [unknown] = left;
  if (unknown !== undefined) {
    throw new RollcallError(`${unknown.path} is none of the bricks of the volume ${known.name}.`, {
      exit: EXIT.guard,
      next: `Its bricks are ${known.bricks.map(({ host, path }) => `${host}:${path}`).join(', ')}.`,
    });
  }
  const bricks = known.bricks.map((brick, at) => ({ ...brick, path: order[at] ?? brick.path }));
  const subvolumes: Subvolume[] = [];
  for (let at = 0; at < bricks.length; at += known.replicas) {
    const last = Math.min(at + known.replicas, bricks.length);
    subvolumes.push({ bricks: Array.from({ length: last - at }, (_, nth) => at + nth) });
  }
  return { topology: { name: known.name, volumeId, bricks, subvolumes }, order };
}

/** Which of the bricks that were named is which of the record, and those that are none. */
function inOrder(
  known: KnownVolume,
  records: Records,
  roots: readonly Root[],
): { readonly order: readonly (string | null)[]; readonly left: ReadonlySet<Root> } {
  const left = new Set(roots);
  const order = known.bricks.map((): string | null => null);
  const hostOf = ({ place }: Root): string => place.host ?? ownHost();
  const isAt = ({ place }: Root, at: number): boolean => place.path === known.bricks[at]?.path;
  const isSilent = (root: Root): boolean => (records.get(hostOf(root)) ?? null) === null;
  const isNamed = (host: string, at: number): boolean => {
    const its = known.bricks[at]?.host ?? '';
    return its === host || its.split('.')[0] === host.split('.')[0];
  };
  const rules: readonly ((root: Root, at: number) => boolean)[] = [
    // Servers often have their bricks at the same paths: each says which are its own.
    (root, at) => isAt(root, at) && records.get(hostOf(root))?.areHere[at] === true,
    (root, at) => isAt(root, at) && isSilent(root) && isNamed(hostOf(root), at),
    (root, at) => isAt(root, at) && isSilent(root),
    // A brick that is looked at elsewhere (a copy, another mount) is one of those that are left.
    () => left.size === order.filter((one) => one === null).length,
  ];
  for (const fits of rules)
    for (const [at, one] of order.entries()) {
      const root = one === null ? [...left].find((each) => fits(each, at)) : undefined;
      if (root === undefined) continue;
      left.delete(root);
      order[at] = root.path;
    }
  return { order, left };
}
