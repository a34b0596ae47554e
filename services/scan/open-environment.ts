// Opens the root of a scan for one shard, and checks that it is still the root that the scan began with.
import { errnoText } from '../../domain/errno.ts';
import type { Connection } from '../catalog/database.ts';
import { isWithin, joinPath } from '../../domain/path.ts';
import { isBuiltInSkip } from '../../domain/scope.ts';
import type { RootMark } from '../../domain/snapshot-identity.ts';
import type { AttributeIds } from '../catalog/rows.ts';
import type { ScanContext } from '../catalog/scan-context.ts';
import type { Place } from '../catalog/shards.ts';
import { isStub } from '../files/btrfs.ts';
import type { Columns } from '../files/columns.ts';
import { openRoot } from '../files/open-directory.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import type { Hasher } from '../files/hash.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { isIdentity, otherRoot } from '../files/identity.ts';
import { errorsCounted, lookUpRule, type Mount, mountOf, mountsBelow, readMounts } from '../files/mounts.ts';
import { scopeOf } from '../files/scope.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import { pacedByHost } from '../process/pace.ts';
import type { ShardEnvironment } from './environment.ts';
import type { LinkDigests } from './link-digests.ts';
import type { ProgressCounters } from './progress.ts';
import type { Whereabouts } from './whereabouts.ts';

/** btrfs gives the root of every subvolume this inode. */
const BTRFS_SUBVOLUME_INODE = 256n;

export interface EnvironmentParts {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  readonly context: ScanContext;
  readonly hasher: Hasher;
  readonly columns: Columns;
  readonly links: LinkDigests;
  readonly progress: ProgressCounters;
  readonly whereabouts: Whereabouts;
  /** Of ShardTask. */
  readonly budget: SharedArrayBuffer | null;
  readonly hung: readonly Place[];
  readonly nowMs: () => number;
}

export type OpenedEnvironment =
  | { readonly environment: ShardEnvironment & { close(): void } }
  | { readonly quarantine: string };

export function openEnvironment(parts: EnvironmentParts): OpenedEnvironment {
  const { context, progress, whereabouts } = parts;
  let root: Directory;
  try {
    root = openRoot(context.path, bricksOf(context.identity));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { quarantine: `${context.path} can no longer be opened (${errnoText(error.errno)})` };
  }
  const mounts = readMounts();
  const mount = mountOf(context.path, mounts);
  const other = otherRoot(recordedRoot(context.identity), root.stat, mount);
  if (other !== null) {
    root.close();
    return { quarantine: `${context.path} is another directory than when the scan began (${other})` };
  }
  const reader = {
    hasher: parts.hasher,
    onProgress: (bytes: number) => progress.add(0, bytes),
    nowMs: parts.nowMs,
    keepBudget: budgetOf(parts),
  };
  if (root instanceof UnionDirectory) {
    root.bricks.reader = reader;
    root.bricks.tick = () => progress.tick();
  }
  const prefix = context.path === '/' ? '/' : `${context.path}/`;
  const pointsOf = (now: readonly Mount[]): Set<string> =>
    new Set(mountsBelow(context.path, now).map((one) => one.mountPoint.slice(prefix.length)));
  const mountPoints = pointsOf(mounts);
  const visited = new Set<string>();
  const hung = new Set(parts.hung.map(({ directory, name }) => `${directory} ${name}`));
  const enteredMounts = new Set([
    ...enteredBy(context.identity),
    // Whoever accepts a new state accepts that a mount is no more.
    ...(context.newState ? [] : context.enteredMounts),
    // A snapshot stands still, and so do the mounts that it consists of.
    ...(context.role === 'backup' && context.scope.crossMounts ? mountPoints : []),
  ]);
  const covered = differing(mountPoints, enteredMounts);
  const scope = scopeOf(context.scope);
  const previousRoot = openPrevious(context);
  const isSubvolume = mount?.fsType === 'btrfs';
  const errorsBefore = errorsCounted(mount);
  return {
    environment: {
      client: parts.client,
      attributes: parts.attributes,
      context,
      hasher: parts.hasher,
      reader,
      digest: new ListingDigest(parts.hasher),
      columns: parts.columns,
      root,
      previousRoot,
      excludes: context.scope.excludes.length > 0,
      excluded: scope.excluded,
      excludedAt: excludedBy(context),
      isSystemDirectory: (name) => isBuiltInSkip(name, true),
      isMountRoot: (path, stat) =>
        mountPoints.has(path) ||
        (path === '' && mount?.mountPoint === context.path) ||
        (isSubvolume && stat.inode === BTRFS_SUBVOLUME_INODE),
      isStub: (directory, name, stat) =>
        isStub(directory === '' ? context.path : joinPath(context.path, directory), name, stat, mounts),
      mountPoints,
      enteredMounts,
      isMounted: (path) => readMounts().some((one) => one.mountPoint === prefix + path),
      isCovered: (path) => covered.has(path),
      isBelowCovered: (path) => [...covered].some((one) => isWithin(one, path)),
      visit: (path) => void visited.add(path),
      mountsMoved: () => {
        const moved = [...differing(mountPoints, pointsOf(readMounts()))];
        return moved.some((one) => [...visited].some((path) => isWithin(one, path)));
      },
      lookupByName: lookUpRule(context.path, mount, mounts),
      mediumFailed: () => errorsBefore !== null && (errorsCounted(mount) ?? 0) > errorsBefore,
      enter: (directory, name) => whereabouts.enter(directory, name),
      enterAt: (directory, columns, index) => whereabouts.enterAt(directory, columns, index),
      leave: () => whereabouts.leave(),
      hasHung: hung.size > 0,
      hangs: (directory, name) => hung.has(`${directory} ${name}`),
      links: parts.links,
      nowMs: parts.nowMs,
      progress,
      close: () => {
        root.close();
        previousRoot?.close();
      },
    },
  };
}

/** A slice of the scrub keeps the budget of its host. */
function budgetOf({ context, budget, progress }: EnvironmentParts): ((bytes: number) => void) | null {
  const rate = context.scrub?.bytesPerSecond ?? null;
  if (budget === null || rate === null) return null;
  const account = new BigInt64Array(budget);
  return (bytes) => pacedByHost(account, rate, bytes, () => progress.tick());
}

/** What stands in one of two sets and not in the other. */
function differing(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a, ...b].filter((one) => a.has(one) !== b.has(one)));
}

/** Trees and snapshots have identities of their own kinds; both may know the root's inode. */
function recordedRoot(identity: unknown): RootMark {
  const text = (key: string): string | null => {
    if (typeof identity !== 'object' || identity === null) return null;
    const value = (identity as Readonly<Record<string, unknown>>)[key];
    return typeof value === 'string' ? value : null;
  };
  return { rootInode: text('rootInode'), rootBtimeNs: text('rootBtimeNs') };
}

function excludedBy({ laterExcludes }: ScanContext): ShardEnvironment['excludedAt'] {
  const scopes = new Map([...laterExcludes].map(([seq, rules]) => [seq, scopeOf(rules)]));
  return (seq, path, isDirectory) => scopes.get(seq)?.excluded(path, isDirectory) === true;
}

function enteredBy(identity: unknown): readonly string[] {
  if (typeof identity !== 'object' || identity === null || !('enteredMounts' in identity)) return [];
  return Array.isArray(identity.enteredMounts) ? identity.enteredMounts.map(String) : [];
}

/** Bricks that the volume had when the scan began. */
function bricksOf(identity: unknown): readonly string[] {
  return isIdentity(identity) ? (identity.bricks ?? []) : [];
}

/** Only snapshots compare inodes with the one before; where it is gone, bytes are read instead. */
function openPrevious(context: ScanContext): Directory | null {
  if (context.role !== 'backup' || context.previous === null || context.previous.path === null) return null;
  try {
    return openRoot(context.previous.path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return null;
  }
}
