// Names that two directories share as one inode: files that a snapshot did not copy but linked.
import { type Columns, type ListedRange, NAME } from './columns.ts';
import { DENT, isDots, nameEnd } from './dents.ts';
import { type Directory, printableName } from './directory.ts';
import { FORMAT_FILE, formatAt, STATX } from './stat.ts';
import * as sys from './sys.ts';

/** Bytes that one call to getdents64 may bring. */
const CALL_BYTES = 32 * 1024;

export interface LinkedNames {
  /** Indices of files with more than one name that are the same inode in both, in the order of the other listing. */
  readonly linked: readonly number[];
  /** Names that only the other directory has, printable. */
  readonly onlyThere: readonly string[];
}

/** One listing at a time in a thread. */
let memory: sys.Memory | null = null;

/**
 * Lists another directory of the same device; none of its names is looked up.
 * @param range what `columns` has listed last and looked up
 * @param namesMax of the other directory
 * @returns null where it holds more names @throws FileError
 */
export function linkedNames(
  other: Directory,
  columns: Columns,
  { from, to }: Pick<ListedRange, 'from' | 'to'>,
  namesMax: number,
): LinkedNames | null {
  const { bytes, address } = (memory ??= sys.memory(CALL_BYTES));
  const linked: number[] = [];
  const onlyThere: string[] = [];
  let count = 0;
  other.rewind();
  for (;;) {
    const got = sys.getdents64(other.fd, address, CALL_BYTES);
    if (got < 0) throw other.listingFailed(got);
    if (got === 0) break;
    for (let at = 0; at < got; at += bytes.readUInt16LE(at + DENT.length)) {
      const name = at + DENT.name;
      if (isDots(bytes, name)) continue;
      if (++count > namesMax) return null;
      const length = nameEnd(bytes, name, at + bytes.readUInt16LE(at + DENT.length)) - name;
      const index = columns.indexOf(bytes, name, length);
      if (index < from || index >= to) onlyThere.push(printableName(bytes.toString('latin1', name, name + length)));
      else if (isLink(columns, index) && isInode(columns, index, bytes, at + DENT.inode)) linked.push(index);
    }
  }
  other.assertStillThere();
  return { linked, onlyThere };
}

function isInode(columns: Columns, index: number, bytes: Buffer, at: number): boolean {
  const inode = columns.statAt(index) + STATX.inode;
  return (
    columns.view.getUint32(inode, true) === bytes.readUInt32LE(at) &&
    columns.view.getUint32(inode + 4, true) === bytes.readUInt32LE(at + 4)
  );
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
