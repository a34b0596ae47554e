// Names that two directories share as one inode: files that a snapshot did not copy but linked.
import { Columns, type ListedRange, NAME } from './columns.ts';
import type { Directory } from './directory.ts';
import { FORMAT_FILE, formatAt, STATX } from './stat.ts';

export interface LinkedNames {
  /** Indices of files with more than one name that are the same inode in both, in the order of the other listing. */
  readonly linked: readonly number[];
  /** Names that only the other directory has, printable. */
  readonly onlyThere: readonly string[];
}

/** Of the other directory: one at a time in a thread. */
let others: Columns | null = null;

/**
 * Lists another directory of the same device; none of its names is looked up.
 * @param range what `columns` has listed last and looked up
 * @param how `namesMax` of the other directory; `tick` before each call
 * @returns null where it holds more names @throws FileError
 */
export function linkedNames(
  other: Directory,
  columns: Columns,
  { from, to }: Pick<ListedRange, 'from' | 'to'>,
  how: { readonly namesMax: number; readonly tick: () => void },
): LinkedNames | null {
  others ??= new Columns();
  others.reset();
  const listed = others.list(other, how.namesMax, how.tick);
  if (!listed.ended) return null;
  const linked: number[] = [];
  const onlyThere: string[] = [];
  for (let at = listed.from; at < listed.to; at++) {
    const index = columns.indexOf(others, at);
    if (index < from || index >= to) onlyThere.push(others.name(at));
    else if (isLink(columns, index) && others.isListedAs(at, columns.view, columns.statAt(index) + STATX.inode))
      linked.push(index);
  }
  return { linked, onlyThere };
}

/** A file that stands and has another name. */
export function isLink(columns: Columns, index: number): boolean {
  const { view } = columns;
  const at = columns.statAt(index);
  return (
    columns.state(index) === NAME.stands &&
    formatAt(view, at) === FORMAT_FILE &&
    view.getUint32(at + STATX.nlink, true) > 1
  );
}
