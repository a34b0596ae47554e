// Digests that need no reading: of a copy that is demonstrably the one that was read before, by its inode, times and
// size.
import type { Donor, KnownRow } from '../catalog/known.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import type { Directory } from '../files/directory.ts';
import { openDirectory } from '../files/open-directory.ts';
import { FileError } from '../files/errors.ts';
import type { Stat } from '../files/stat.ts';
import type { ShardEnvironment } from './environment.ts';
import type { Entry } from './look.ts';

/** A digest with what else its reading told. */
export interface Carried {
  readonly digest: bigint;
  readonly zeroFrom: number | null;
  /** Read in this very scan, through another name of the inode. */
  readonly fresh: boolean;
  readonly racy: boolean;
}

/**
 * A digest is carried only while the copy that it was read from is demonstrably the same (docs/design.md#what-is-read).
 */
export function carriedDigest(
  environment: ShardEnvironment,
  entry: Entry,
  row: KnownRow | undefined,
  donor: Donor | undefined,
  previous: PreviousDirectory,
): Carried | null {
  const { stat } = entry;
  if (stat.kind !== 'file') return null;
  if (stat.nlink > 1) {
    const link = environment.links.recall(stat.device, stat.inode);
    if (link !== undefined && link.size === stat.size && link.mtimeNs === stat.mtimeNs) {
      return { digest: link.digest, zeroFrom: link.zeroFrom, fresh: true, racy: link.racy };
    }
  }
  if (environment.context.mode === 'reread') return null;
  const sameFile = (k: { size: number | null; mtimeNs: bigint; inode: bigint }): boolean =>
    k.inode === stat.inode && k.size === stat.size && k.mtimeNs === stat.mtimeNs;
  const now = row?.gap === true ? undefined : row?.now;
  if (now !== undefined && now.kind === 'file' && now.digest !== null && !now.racy && sameFile(now)) {
    const precise = environment.context.role === 'live' || stat.ctimeNs % 1_000_000_000n !== 0n;
    const carried = { digest: now.digest, zeroFrom: now.zeroFrom, fresh: false, racy: false };
    if (now.ctimeNs === stat.ctimeNs && precise) return carried;
    if (stat.nlink > 1 && previous.holds(entry.name, stat)) return carried;
  }
  if (donor !== undefined && sameFile(donor) && donor.ctimeNs === stat.ctimeNs) {
    return { digest: donor.digest, zeroFrom: donor.zeroFrom, fresh: true, racy: false };
  }
  return null;
}

/** The same directory in the previous snapshot: an inode that stands in both is one copy, whatever its ctime. */
export class PreviousDirectory {
  readonly #environment: ShardEnvironment;
  readonly #path: string;
  #handle: Directory | null | undefined;

  constructor(environment: ShardEnvironment, directory: ShardDirectory) {
    this.#environment = environment;
    this.#path = directory.path;
  }

  holds(name: string, stat: Stat): boolean {
    const root = this.#environment.previousRoot;
    if (root === null) return false;
    try {
      this.#handle ??= openDirectory(root, this.#path);
      const there = this.#handle.lstat(name);
      return there.device === stat.device && there.inode === stat.inode;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return false;
    }
  }

  close(): void {
    this.#handle?.close();
    this.#handle = null;
  }
}
