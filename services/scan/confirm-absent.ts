// Whether a name that a listing left out is gone: asked again, one name at a time.
import { gapStatusOf, isAbsent } from '../../domain/errno.ts';
import { decodeName } from '../../domain/path.ts';
import type { ShardDirectory } from '../catalog/shards.ts';
import { type Columns, NAME } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { FileError } from '../files/errors.ts';
import { BrickGapError } from '../files/brick-parts.ts';
import { FORMAT_SYMLINK, formatAt } from '../files/stat.ts';
import type { ShardEnvironment } from './environment.ts';
import { type NameGap, noAnswer, statIn } from './look.ts';

interface Place {
  readonly directory: ShardDirectory;
  readonly handle: Directory;
  readonly columns: Columns;
}

/**
 * A name that the listing left out (docs/design.md#rule-2): absent is what a lookup calls ENOENT or ENOTDIR, or where
 * lookups may destroy, a second listing.
 * @param second the names of that second listing, or why there is none; null where a lookup may be trusted
 * @returns the index of what is there after all
 */
export function confirmAbsent(
  environment: ShardEnvironment,
  place: Place,
  name: string,
  second: ReadonlySet<string> | FileError | null,
): 'absent' | number | NameGap {
  const { directory, handle, columns } = place;
  if (second instanceof FileError) {
    const { errno } = second;
    return { name, status: gapStatusOf(errno), errno, detail: 'its directory could not be listed a second time' };
  }
  if (second !== null && !second.has(name)) return 'absent';
  if (environment.hangs(directory.id, name)) return noAnswer(name);
  environment.enter(directory.id, name);
  const index = columns.add(decodeName(name));
  try {
    statIn(environment, place, index);
    if (formatAt(columns.view, columns.statAt(index)) === FORMAT_SYMLINK) columns.readTarget(handle, index);
    columns.setState(index, NAME.stands);
    return index;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error instanceof BrickGapError) return { name, status: error.status, ...error.kept };
    const { errno } = error;
    if (!isAbsent(errno)) return { name, status: gapStatusOf(errno), errno, detail: `below ${directory.path}` };
    if (environment.mediumFailed()) {
      const detail = 'not found, but the file system met errors meanwhile: it needs a check (fsck, dmesg)';
      return { name, status: 'io', errno, detail };
    }
    if (second === null) return 'absent';
    return { name, status: 'unsettled', errno, detail: 'listed, but gone when it was checked' };
  }
}

/** The names of a second listing. */
export function namesOf(environment: ShardEnvironment, handle: Directory): ReadonlySet<string> | FileError {
  const names = new Set<string>();
  try {
    handle.list(1_024, (batch) => {
      environment.progress.tick();
      for (const name of batch) names.add(name);
    });
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
  return names;
}
