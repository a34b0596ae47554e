// What was seen of a name, as values: the first version of one that nobody knew, or what is compared with what is
// known.
import { isAbsent } from '../../domain/errno.ts';
import type { ShardCounts } from '../catalog/shard-result.ts';
import type { VersionRow } from '../catalog/version-copy.ts';
import type { Columns } from '../files/columns.ts';
import type { Directory } from '../files/directory.ts';
import { readContent } from '../files/read.ts';
import { birthTimeAt, deviceAt, kindAt, STATX, sizeAt, timeAt } from '../files/stat.ts';
import type { Carried } from './carry.ts';
import type { ShardEnvironment } from './environment.ts';
import { READ_ATTEMPTS, READ_ATTEMPTS_LARGE, READ_ONCE_FROM_BYTES } from './limits.ts';
import type { Entry, NameGap } from './look.ts';
import type { Observed } from './observe.ts';

/** The first version of a name. */
export function newVersion(
  columns: Columns,
  index: number,
  of: { readonly directory: number; readonly seq: bigint; readonly zeroFrom: number | null; readonly racy: boolean },
): VersionRow {
  const { view } = columns;
  const at = columns.statAt(index);
  const kind = kindAt(view, at);
  const digest = columns.digest(index);
  return {
    directory: of.directory,
    name: columns.name(index),
    kind,
    mode: view.getUint16(at + STATX.mode, true) & 0o7777,
    uid: view.getUint32(at + STATX.uid, true),
    gid: view.getUint32(at + STATX.gid, true),
    size: kind === 'file' ? sizeAt(view, at) : null,
    mtimeNs: timeAt(view, at + STATX.mtime),
    target: columns.target(index),
    rdev: kind === 'char-device' || kind === 'block-device' ? deviceAt(view, at + STATX.rdev) : null,
    firstSeq: of.seq,
    endSeq: null,
    endReason: null,
    digest: digest === null ? null : BigInt.asUintN(64, digest),
    zeroFrom: of.zeroFrom,
    readSeq: digest === null ? null : of.seq,
    inode: view.getBigInt64(at + STATX.inode, true),
    ctimeNs: timeAt(view, at + STATX.ctime),
    btimeNs: birthTimeAt(view, at),
    nlink: Math.min(view.getUint32(at + STATX.nlink, true), 2 ** 31 - 1),
    suspect: false,
    racy: of.racy,
  };
}

export function observedOf(entry: Entry, proof: Carried | null): Observed {
  const { stat } = entry;
  return {
    name: entry.name,
    kind: stat.kind,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    size: stat.size,
    mtimeNs: stat.mtimeNs,
    target: entry.target,
    rdev: stat.rdev,
    digest: proof?.digest ?? null,
    zeroFrom: proof?.zeroFrom ?? null,
    readNow: proof?.fresh === true,
    inode: stat.inode,
    ctimeNs: stat.ctimeNs,
    btimeNs: stat.btimeNs,
    nlink: stat.nlink,
    racy: proof?.racy === true,
  };
}

export function readEntry(
  environment: ShardEnvironment,
  handle: Directory,
  entry: Entry,
  how: { readonly counts: ShardCounts; readonly isFromMedium: boolean; readonly remembers?: boolean },
): Observed | NameGap {
  const { counts, isFromMedium, remembers = true } = how;
  const size = entry.stat.size ?? 0;
  const attempts = size >= READ_ONCE_FROM_BYTES ? READ_ATTEMPTS_LARGE : READ_ATTEMPTS;
  // A file that is read only once must not be held against a lookup of some time ago.
  const limits = { attempts, isFromMedium, ...(attempts === 1 ? {} : { looked: entry.stat }) };
  const result = readContent(environment.reader, handle, entry.name, limits);
  if (!result.ok) {
    const gone = result.errno !== null && isAbsent(result.errno);
    return { name: entry.name, status: gone ? 'unsettled' : result.status, errno: result.errno, detail: result.detail };
  }
  counts.filesRead++;
  counts.bytesRead += result.bytes;
  const { device, inode, mtimeNs, nlink } = result.stat;
  const { bytes: length, digest, zeroFrom, racy } = result;
  if (nlink > 1 && remembers)
    environment.links.remember(device, inode, { size: length, mtimeNs, digest, zeroFrom, racy });
  return observedOf({ name: entry.name, stat: result.stat, target: null }, { digest, zeroFrom, fresh: true, racy });
}
