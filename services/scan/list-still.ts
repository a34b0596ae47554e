// The names of a directory as of one moment: listed until it did not move meanwhile, a few times.
import type { Columns, ListedRange } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import type { Stat } from '../files/stat.ts';
import { isLocked, mayBeLocked } from '../files/fscrypt.ts';
import type { ShardEnvironment } from './environment.ts';

/** A directory that moves while it is listed is listed so often. */
const LISTINGS_MAX = 3;

/** All names, or more than `namesMax` of them; listed again where the directory moved meanwhile, a few times. */
export function listStill(
  { columns, progress }: ShardEnvironment,
  handle: Directory,
  namesMax: number,
): { readonly range: ListedRange; readonly stat: Stat } {
  const mark = columns.mark();
  let before = handle.stat;
  for (let attempt = 1; ; attempt++) {
    handle.rewind();
    const range = columns.list(handle, namesMax, () => progress.tick());
    if (!range.ended) return { range, stat: before };
    const after = handle.restat();
    if (after.mtimeNs === before.mtimeNs && after.ctimeNs === before.ctimeNs) return { range, stat: before };
    if (attempt === LISTINGS_MAX) return { range, stat: { ...after, ctimeNs: before.ctimeNs } };
    before = after;
    columns.back(mark);
  }
}

export function isLockedDirectory(columns: Columns, handle: Directory, { from, to }: ListedRange): boolean {
  if (from === to || !mayBeLocked(columns.nameLength(from))) return false;
  const names: string[] = [];
  for (let index = from; index < to; index++) names.push(columns.name(index));
  return isLocked(handle, names);
}
