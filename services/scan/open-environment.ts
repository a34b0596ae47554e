// Opens the root of a scan for one shard, and checks that it is still the root that the scan began with.
import type { Connection } from '../catalog/database.ts';
import { isBuiltInSkip } from '../../domain/scope.ts';
import type { AttributeIds } from '../catalog/rows.ts';
import type { ScanContext } from '../catalog/scans.ts';
import { openRoot } from '../files/directory.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import type { Hasher } from '../files/hash.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { errorsCounted, isNetworkOrFuse, mountOf, mountsBelow, readMounts } from '../files/mounts.ts';
import { createScope } from '../files/scope.ts';
import type { LinkDigest, ShardEnvironment } from './environment.ts';

/** btrfs gives the root of every subvolume this inode. */
const BTRFS_SUBVOLUME_INODE = 256n;

export interface EnvironmentParts {
  readonly client: Connection;
  readonly attributes: AttributeIds;
  readonly context: ScanContext;
  readonly hasher: Hasher;
  readonly links: Map<string, LinkDigest>;
  /** Any progress, files, bytes. */
  readonly counters: BigInt64Array;
  readonly nowMs: () => number;
}

export type OpenedEnvironment =
  | { readonly environment: ShardEnvironment & { close(): void } }
  | { readonly quarantine: string };

export function openEnvironment(parts: EnvironmentParts): OpenedEnvironment {
  const { context, counters } = parts;
  let root: Directory;
  try {
    root = openRoot(context.path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { quarantine: `${context.path} can no longer be opened (${error.errno})` };
  }
  const began = recordedInode(context.identity);
  if (began !== null && began !== String(root.stat.inode)) {
    root.close();
    return {
      quarantine: `${context.path} is another directory than when the scan began (inode ${root.stat.inode}, was ${began})`,
    };
  }
  const mounts = readMounts();
  const mount = mountOf(context.path, mounts);
  const below = mountsBelow(context.path, mounts);
  const prefix = context.path === '/' ? '/' : `${context.path}/`;
  const mountPoints = new Set(below.map((one) => one.mountPoint.slice(prefix.length)));
  const scope = createScope(context.scope);
  const previousRoot = openPrevious(context);
  const isSubvolume = mount?.fsType === 'btrfs';
  const errorsBefore = errorsCounted(mount);
  return {
    environment: {
      client: parts.client,
      attributes: parts.attributes,
      context,
      hasher: parts.hasher,
      digest: new ListingDigest(parts.hasher),
      root,
      previousRoot,
      excludes: context.scope.excludes.length > 0,
      excluded: scope.excluded,
      isSystemDirectory: (name) => isBuiltInSkip(name, true),
      isMountRoot: (path, stat) =>
        mountPoints.has(path) ||
        (path === '' && mount?.mountPoint === context.path) ||
        (isSubvolume && stat.inode === BTRFS_SUBVOLUME_INODE),
      mountPoints,
      enteredMounts: new Set([
        ...enteredBy(context.identity),
        // Whoever accepts a new state accepts that a mount is no more.
        ...(context.newState ? [] : context.enteredMounts),
      ]),
      isMounted: (path) => readMounts().some((one) => one.mountPoint === prefix + path),
      lookupByName: mount === null || mount.readOnly || !isNetworkOrFuse(mount.fsType),
      mediumFailed: () => errorsBefore !== null && (errorsCounted(mount) ?? 0) > errorsBefore,
      links: parts.links,
      nowMs: parts.nowMs,
      tick: () => {
        Atomics.add(counters, 0, 1n);
      },
      progress: (files, bytes) => {
        Atomics.add(counters, 0, 1n);
        if (files !== 0) Atomics.add(counters, 1, BigInt(files));
        if (bytes !== 0) Atomics.add(counters, 2, BigInt(bytes));
      },
      close: () => {
        root.close();
        previousRoot?.close();
      },
    },
  };
}

function recordedInode(identity: unknown): string | null {
  if (typeof identity !== 'object' || identity === null || !('rootInode' in identity)) return null;
  return typeof identity.rootInode === 'string' ? identity.rootInode : null;
}

function enteredBy(identity: unknown): readonly string[] {
  if (typeof identity !== 'object' || identity === null || !('enteredMounts' in identity)) return [];
  return Array.isArray(identity.enteredMounts) ? identity.enteredMounts.map(String) : [];
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
