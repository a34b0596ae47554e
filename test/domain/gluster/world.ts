// Small volumes in memory: what bricks say of one directory, written down by hand.
import type {
  BrickEntry,
  BrickGap,
  DirectorySight,
  LayoutRange,
  NameSight,
  Pending,
} from '../../../domain/gluster/brick.ts';
import { DEFAULT_NAMING, placementHash } from '../../../domain/gluster/placement.ts';
import type { Topology } from '../../../domain/gluster/topology.ts';
import type { UnionName, UnionVolume } from '../../../domain/gluster/union.ts';
import { unionOf } from '../../../domain/gluster/union-of.ts';

export const GFID = 'aa'.repeat(16);
export const OTHER_GFID = 'bb'.repeat(16);
export const EIO: BrickGap = { status: 'io', errno: 'EIO' };
export const OFFLINE: BrickGap = { status: 'unmounted', errno: null };
export const COMMIT = 0xabcd;

const CONTENT = { size: 5000, digest: 7n, zeroFrom: 5000 } as const;

function entry(over: Partial<BrickEntry>): BrickEntry {
  return {
    kind: 'file',
    mode: 0o644,
    uid: 1000,
    gid: 100,
    size: 0,
    mtimeNs: 1_000_000_000n,
    nlink: 2,
    target: null,
    rdev: null,
    gfid: GFID,
    linkto: null,
    mdataMtimeNs: 1_000_000_000n,
    digest: null,
    zeroFrom: null,
    pending: [],
    ...over,
  };
}

/** What a crash leaves, each as it lies on one brick. */
export const file = (over: Partial<BrickEntry> = {}): BrickEntry => entry({ ...CONTENT, ...over });
export const empty = (over: Partial<BrickEntry> = {}): BrickEntry => entry({ ...over });
export const directory = (over: Partial<BrickEntry> = {}): BrickEntry =>
  entry({ kind: 'directory', mode: 0o755, size: null, ...over });
export const symlink = (target: string): BrickEntry => entry({ kind: 'symlink', mode: 0o777, size: null, target });
export const link = (to: number, over: Partial<BrickEntry> = {}): BrickEntry =>
  entry({ mode: 0o1000, linkto: `gv-client-${to}`, ...over });
export const hidden = (from: number, over: Partial<BrickEntry> = {}): BrickEntry => link(from, { ...CONTENT, ...over });
export const source = (to: number, over: Partial<BrickEntry> = {}): BrickEntry =>
  file({ mode: 0o3644, linkto: `gv-client-${to}`, ...over });
export const shadow = (to: number, over: Partial<BrickEntry> = {}): BrickEntry =>
  empty({ linkto: `gv-client-${to}`, ...over });
/** A copy that was begun: a prefix, and zeros behind it. */
export const PARTIAL = { digest: 8n, zeroFrom: 4096 } as const;

export function pending(client: number, counts: Partial<Pending>): Pending {
  return { client, data: 0, metadata: 0, entry: 0, ...counts };
}

/** Sets of bricks with equal names; brick N is client N. */
export function volume(sets: readonly number[], over: Partial<UnionVolume> = {}): UnionVolume {
  const bricks: Topology['bricks'][number][] = [];
  const subvolumes = sets.map((size) => ({
    bricks: Array.from({ length: size }, () => {
      const client = bricks.length;
      return bricks.push({ host: 'h', path: `/b${client}`, client, isArbiter: false }) - 1;
    }),
  }));
  const topology = { name: 'gv', volumeId: 'cc'.repeat(16), bricks, subvolumes };
  return { topology, naming: DEFAULT_NAMING, lookupOptimize: true, commitHash: COMMIT, ...over };
}

/** Equal parts of all hashes. */
export function rangeOf(nth: number, of: number, commitHash = COMMIT): LayoutRange {
  const step = Math.floor(2 ** 32 / of);
  return { commitHash, type: 0, start: nth * step, stop: nth === of - 1 ? 2 ** 32 - 1 : (nth + 1) * step - 1 };
}

/** A name that belongs on the nth of so many subvolumes. */
export function nameFor(nth: number, of: number): string {
  const { start, stop } = rangeOf(nth, of);
  for (let at = 0; ; at++) {
    const hash = placementHash(new TextEncoder().encode(`name${at}`), DEFAULT_NAMING);
    if (hash >= start && hash <= stop) return `name${at}`;
  }
}

export type Said = BrickEntry | BrickGap | null;

function sightOf(said: Said): NameSight | null {
  if (said === null) return null;
  return 'status' in said ? { state: 'gap', gap: said } : { state: 'seen', entry: said };
}

type Listed = Extract<DirectorySight, { state: 'listed' }>;

export function listed(names: Readonly<Record<string, Said>>, over: Partial<Listed> = {}): Listed {
  const sights = Object.entries(names).flatMap(([name, said]): [string, NameSight][] => {
    const sight = sightOf(said);
    return sight === null ? [] : [[name, sight]];
  });
  return {
    state: 'listed',
    gap: null,
    gfid: 'dd'.repeat(16),
    layout: null,
    mdataMtimeNs: 1_000_000_000n,
    mtimeNs: 2_000_000_000n,
    pending: [],
    names: new Map(sights),
    ...over,
  };
}

/** What the bricks of a volume say of one name, and what becomes of it. */
export function judged(
  of: UnionVolume,
  name: string,
  said: readonly (Said | DirectorySight)[],
  over: readonly Partial<Listed>[] = [],
): UnionName {
  const { subvolumes } = of.topology;
  const sights = said.map((one, brick): DirectorySight => {
    if (one !== null && 'state' in one) return one;
    const nth = subvolumes.findIndex(({ bricks }) => bricks.includes(brick));
    return listed({ [name]: one }, { layout: rangeOf(nth, subvolumes.length), ...over[brick] });
  });
  const [found, ...more] = unionOf(of, sights, false).names;
  if (found === undefined || more.length > 0) throw new Error('one name was to be judged');
  return found;
}
