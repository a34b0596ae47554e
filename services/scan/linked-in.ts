// What a directory of a snapshot shares with the same one in the previous snapshot, as the disk has them now.
import type { ShardDirectory } from '../catalog/shards.ts';
import type { Columns } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { isLink, type LinkedNames, linkedNames } from '../files/linked-names.ts';
import { openDirectory } from '../files/open-directory.ts';
import { UnionDirectory } from '../files/union-directory.ts';
import type { ShardEnvironment } from './environment.ts';
import { HUGE_ENTRIES } from './limits.ts';

interface Range {
  readonly columns: Columns;
  readonly from: number;
  readonly to: number;
}

/** What a directory shares with the same one in the previous snapshot; null where nothing can be told. */
export function linkedIn(
  { previousRoot, context, hasHung, progress }: ShardEnvironment,
  directory: ShardDirectory,
  handle: Directory,
  looked: Range & { readonly gaps: readonly unknown[] },
): LinkedNames | null {
  // Where mounts are entered, the inode of a listing need not be that of the file over it.
  if (previousRoot === null || context.scope.crossMounts || looked.gaps.length > 0) return null;
  // A storage that hangs is asked for what it must tell only.
  if (hasHung || handle instanceof UnionDirectory) return null;
  if (!hasLink(looked)) return null;
  let other: Directory | null = null;
  try {
    other = openDirectory(previousRoot, directory.path);
    if (other.stat.device !== handle.stat.device) return null;
    return linkedNames(other, looked.columns, looked, { namesMax: HUGE_ENTRIES, tick: () => progress.tick() });
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  } finally {
    other?.close();
  }
}

function hasLink({ columns, from, to }: Range): boolean {
  for (let index = from; index < to; index++) if (isLink(columns, index)) return true;
  return false;
}
