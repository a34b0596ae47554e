// How the bricks of a volume belong together: which hold the same files (a replica set), and which kinds of volume
// cannot be judged from bricks at all.

export interface Brick {
  readonly host: string;
  /** Of its root, absolute, printable. */
  readonly path: string;
  /** N of `<volume>-client-N`, as marks and link files name it; null where nothing tells. */
  readonly client: number | null;
  readonly isArbiter: boolean;
}

/** Bricks that hold the same names: one in a distributed volume, several in a replicated one. */
export interface Subvolume {
  /** Places in Topology.bricks. */
  readonly bricks: readonly number[];
}

export interface Topology {
  /** The volume's name; null where nothing tells. */
  readonly name: string | null;
  /** `trusted.glusterfs.volume-id` in 32 hex digits, lower case. */
  readonly volumeId: string;
  readonly bricks: readonly Brick[];
  readonly subvolumes: readonly Subvolume[];
}

/** The subvolume that a link mark names: `<volume>-client-N` a brick by its number, the others a place in the order. */
export function targetOf({ bricks, subvolumes }: Topology, linkto: string | null): number | null {
  const [, kind, digits] = /-(client|replicate|readdir-ahead)-(\d+)$/.exec(linkto ?? '') ?? [];
  if (kind === undefined || digits === undefined) return null;
  const number = Number(digits);
  if (kind !== 'client') return number < subvolumes.length ? number : null;
  const at = subvolumes.findIndex((one) => one.bricks.some((brick) => bricks[brick]?.client === number));
  return at < 0 ? null : at;
}
