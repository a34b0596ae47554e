// A GlusterFS volume that is read from its bricks: `gluster:/b1/data,/b2/data`. Which volume they are of, how many it
// has, and which of them cannot be asked now.
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { placesIn } from '../../domain/gluster/brick-places.ts';
import { bricksOf, type NamedBrick } from '../../domain/gluster/named.ts';
import { namingOf } from '../../domain/gluster/naming.ts';
import type { Brick } from '../../domain/gluster/topology.ts';
import { attributeOf, attributesAt, VOLUME_ID, volumeIdOf } from './brick-attributes.ts';
import { arrangedByRecord, type Records } from './brick-order.ts';
import type { Directory } from './directory.ts';
import { DirectoryElsewhere, type PlaceElsewhere } from './directory-elsewhere.ts';
import { askHost, type Found, NOTHING_WANTED, ownHost } from './elsewhere.ts';
import { FileError } from './errors.ts';
import { type Arranged, arrangedByBricks } from './brick-arrangement.ts';
import { refuseKnownKinds } from './brick-kinds.ts';
import { type KnownVolume, volumeOf } from './glusterd-record.ts';
import type { RootIdentity } from './identity.ts';
import type { OpenBricks, OpenDirectory, Part } from './brick-parts.ts';
import type { Stat } from './stat.ts';
import { UnionDirectory } from './union-directory.ts';

const COMMIT_HASH = 'trusted.glusterfs.dht.commithash';

type OpenRoot = (path: string) => Directory;

/** What a brick's root turned out to be. */
interface Root {
  /** As it is named. */
  readonly path: string;
  readonly place: NamedBrick;
  readonly directory: Directory | null;
  readonly volumeId: string | null;
  /** Why it is none that can be asked; null where it is one. */
  readonly why: { readonly errno: string | null; readonly detail: string } | null;
}

function rootAt(place: NamedBrick, open: () => Directory): Root {
  const path = place.spelled;
  let directory: Directory;
  try {
    directory = open();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { errno, detail } = error;
    // That its host says nothing is told in words.
    const isSilent = errno === 'EHOSTDOWN' && detail !== null;
    const why = isSilent ? { errno: null, detail } : { errno, detail: `it cannot be opened (${detail ?? errno})` };
    return { path, place, directory: null, volumeId: null, why };
  }
  try {
    const volumeId = volumeIdOf(directory);
    if (volumeId !== null) return { path, place, directory, volumeId, why: null };
    const isBrick = directory.statIfThere('.glusterfs') !== null;
    directory.close();
    const detail = isBrick
      ? 'its attributes cannot be read'
      : 'it bears no volume id: its file system is not mounted, or it is no brick';
    return { path, place, directory: null, volumeId: null, why: { errno: null, detail } };
  } catch (error) {
    directory.close();
    if (!(error instanceof FileError)) throw error;
    const { errno } = error;
    const why = { errno, detail: `its root cannot be read (${errno})` };
    return { path, place, directory: null, volumeId: null, why };
  }
}

export interface BrickOpeners {
  readonly openRoot: OpenRoot;
  readonly openDirectory: OpenDirectory;
}

/**
 * Opens the roots of all bricks. A brick that is away, or of another volume, is one that cannot be asked.
 * @param expected bricks that were read before: one that is not named now cannot be asked either
 * @throws RollcallError (4) where none can be asked, or the volume cannot be judged from its bricks
 */
export function openBricks(
  path: string,
  expected: readonly string[],
  { openRoot, openDirectory }: BrickOpeners,
): UnionDirectory {
  const { places, records } = placesElsewhere(path);
  const roots = bricksOf(path).map((place) => {
    const elsewhere = places.get(place.spelled);
    return rootAt(place, () =>
      elsewhere === undefined ? openRoot(place.path) : DirectoryElsewhere.open(elsewhere, ''),
    );
  });
  try {
    const volumeId = commonId(path, roots);
    for (const place of places.values()) place.volumeId = volumeId;
    records.set(ownHost(), volumeOf(volumeId));
    const known = [records.get(ownHost()), ...records.values()].find((one) => isOf(one, volumeId)) ?? null;
    if (known !== null) refuseKnownKinds(path, known);
    const parts = new Map<string, Part>();
    for (const root of roots) parts.set(root.path, partOfRoot(root, volumeId));
    const arrangedAnew = (): Arranged => {
      const arrange = (): Arranged => arrangedByBricks(path, volumeId, parts, openDirectory);
      const states = roots.map((root) => parts.get(root.path)?.state);
      return places.size === 0 ? arrange() : rememberedFor(`${path} ${volumeId} ${states.join()}`, arrange);
    };
    // What glusterd has written down says itself which bricks were not named.
    const { topology, order } =
      known === null
        ? withUnnamed(arrangedAnew(), unnamedOf(path, expected))
        : arrangedByRecord({ volumeId, known, records }, roots);
    const bricks: OpenBricks = {
      volume: {
        topology,
        naming: namingOf(
          known?.options.get('cluster.rsync-hash-regex'),
          known?.options.get('cluster.extra-hash-regex'),
        ),
        lookupOptimize: known?.options.get('cluster.lookup-optimize') !== 'off',
        commitHash: commitHashOf(roots),
      },
      roots: topology.bricks.map(({ path: at }) => at),
      reader: null,
      openDirectory,
      ...fileSystems(order.map((at) => (at === null ? undefined : parts.get(at)))),
      isElsewhere: places.size > 0,
      tick: () => undefined,
      read: new Map(),
    };
    const ordered = order.map((at): Part => {
      const part = at === null ? undefined : parts.get(at);
      return part ?? { state: 'unknown', gap: { status: 'partial', errno: null, detail: NOT_GIVEN } };
    });
    return new UnionDirectory(bricks, ordered, '', path);
  } catch (error) {
    for (const { directory } of roots) directory?.close();
    throw error;
  }
}

function unnamedOf(path: string, expected: readonly string[]): readonly string[] {
  const named = placesIn(path);
  return expected.filter((one) => !named.includes(one));
}

/**
 * With bricks that belong to the volume, and that nobody has named: what is on them is unknown. That ranges are missing
 * is their doing, and needs no brick without a name.
 */
function withUnnamed(arranged: Arranged, unnamed: readonly string[]): Arranged {
  if (unnamed.length === 0) return arranged;
  const { topology, order } = arranged;
  const given = order.filter((one) => one !== null).length;
  const more = unnamed.map((path): Brick => ({ host: '', path, client: null, isArbiter: false }));
  const subvolumes = topology.subvolumes
    .map(({ bricks }) => ({ bricks: bricks.filter((brick) => brick < given) }))
    .filter(({ bricks }) => bricks.length > 0);
  return {
    topology: {
      ...topology,
      bricks: [...topology.bricks.slice(0, given), ...more],
      subvolumes: [...subvolumes, ...more.map((_, nth) => ({ bricks: [given + nth] }))],
    },
    order: [...order.slice(0, given), ...more.map(() => null)],
  };
}

/** The bricks on other hosts, by how they are named: what their hosts say of their roots, one question to each. */
function placesElsewhere(path: string): { readonly places: Map<string, PlaceElsewhere>; readonly records: Records } {
  const places = new Map<string, PlaceElsewhere>();
  const records: Records = new Map();
  const bricks = bricksOf(path).filter(({ host }) => host !== null && host !== ownHost());
  const hosts = [...new Set(bricksOf(path).flatMap(({ host }) => host ?? []))].sort();
  for (const host of new Set(bricks.map((brick) => brick.host ?? ''))) {
    const own = bricks.filter((brick) => brick.host === host);
    const wanted = own.map((brick) => ({
      ...NOTHING_WANTED,
      brick: brick.path,
      path: '',
      keys: [VOLUME_ID, COMMIT_HASH],
    }));
    let found: readonly Found[];
    try {
      const answer = askHost(host, { volumeId: null, wanted, record: true, isFromMedium: false });
      records.set(host, answer.record);
      found = answer.found;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      found = own.map(() => ({ errno: error.errno, detail: error.detail }));
    }
    own.forEach((brick, at) => {
      const ahead = new Map([['', found[at] ?? { errno: 'EHOSTDOWN', detail: null }]]);
      const number = hosts.indexOf(host) + 1;
      places.set(brick.spelled, { host, brick: brick.path, number, volumeId: null, ahead });
    });
  }
  return { places, records };
}

/** What takes many questions to other hosts is not asked for at each opening of the volume. */
const REMEMBERED_MS = 60_000;
const remembered = new Map<string, { readonly arranged: Arranged; readonly atMs: number }>();

function rememberedFor(key: string, arrange: () => Arranged): Arranged {
  const known = remembered.get(key);
  if (known !== undefined && performance.now() - known.atMs < REMEMBERED_MS) return known.arranged;
  remembered.clear();
  const arranged = arrange();
  remembered.set(key, { arranged, atMs: performance.now() });
  return arranged;
}

function isOf(known: KnownVolume | null | undefined, volumeId: string): boolean {
  return known?.options.get('volume-id')?.replaceAll('-', '') === volumeId;
}

/** What the bricks lie on. */
function fileSystems(parts: readonly (Part | undefined)[]): Pick<OpenBricks, 'firstOn' | 'shownOn' | 'mountIds'> {
  const firstOn = new Map<bigint, number>();
  const stats: Stat[] = [];
  parts.forEach((part, brick) => {
    if (part?.state !== 'open') return;
    const { stat } = part.directory;
    stats.push(stat);
    if (!firstOn.has(stat.device)) firstOn.set(stat.device, brick);
  });
  const [{ device, mountId } = { device: 0n, mountId: 0 }] = stats;
  return { firstOn, shownOn: { device, mountId }, mountIds: new Set(stats.map((stat) => stat.mountId)) };
}

const NOT_GIVEN = 'it was not named: its files cannot be told from files that are gone';

function partOfRoot({ directory, volumeId, why }: Root, common: string): Part {
  if (directory === null || why !== null) {
    const { errno, detail } = why ?? { errno: null, detail: 'it was not opened' };
    return { state: 'unknown', gap: { status: 'unmounted', errno, detail } };
  }
  if (volumeId === common) return { state: 'open', directory, attributes: attributesAt(directory, '.') };
  directory.close();
  return { state: 'unknown', gap: { status: 'unmounted', errno: null, detail: 'it is a brick of another volume' } };
}

/** The id that most bricks bear. @throws RollcallError */
function commonId(path: string, roots: readonly Root[]): string {
  const counts = new Map<string, number>();
  for (const { volumeId } of roots) if (volumeId !== null) counts.set(volumeId, (counts.get(volumeId) ?? 0) + 1);
  const [most, second] = [...counts].sort(([, a], [, b]) => b - a);
  if (most === undefined) {
    const reasons = roots.map(({ path: at, why }) => `  ${at}: ${why?.detail ?? ''}`).join('\n');
    throw new RollcallError(`${path}: no brick of a GlusterFS volume can be read there:\n${reasons}`, {
      exit: EXIT.guard,
      next: 'Check that the bricks are mounted (findmnt), and run Rollcall as root in the first user namespace: only CAP_SYS_ADMIN sees the attributes of a brick. Nothing was concluded.',
    });
  }
  if (second !== undefined && second[1] === most[1]) {
    throw new RollcallError(`${path}: these are bricks of different volumes.`, {
      exit: EXIT.guard,
      next: 'Name the bricks of one volume (gluster volume info). Nothing was concluded.',
    });
  }
  return most[0];
}

function commitHashOf(roots: readonly Root[]): number | null {
  for (const { directory, why } of roots) {
    if (directory === null || why !== null) continue;
    const bytes = attributeOf(directory, COMMIT_HASH);
    const text = bytes?.toString('latin1').replace(/\0.*$/s, '') ?? '';
    if (/^[0-9]+$/.test(text)) return Number(text);
  }
  return null;
}

/** Which volume it is, as a root is recorded. @throws RollcallError */
export function identifyBricks(path: string, open: (path: string) => Directory): RootIdentity {
  const root = open(path);
  try {
    if (!(root instanceof UnionDirectory)) throw new Error(`${path} is no volume of bricks`);
    return {
      fsType: 'gluster',
      uuid: root.bricks.volume.topology.volumeId,
      source: null,
      subvolume: null,
      rootInode: null,
      rootBtimeNs: null,
      enteredMounts: [],
      bricks: root.parts.flatMap(({ state }, at) => (state === 'open' ? (root.bricks.roots[at] ?? []) : [])),
    };
  } finally {
    root.close();
  }
}
