// One look at a name on a brick, into memory that is used again: what decides whether it is plain. No object is made.
import { decodeName } from '../../domain/path.ts';
import { attributeName, mdataMtimeOf } from './brick-attributes.ts';
import type { Directory } from './directory.ts';
import { formatAt, sizeAt, STATX } from './stat.ts';
import * as sys from './sys.ts';

const PATH_BYTES = 4_096;
const LIST_BYTES = 64 * 1024;
const path = sys.memory(PATH_BYTES);
const keys = sys.memory(LIST_BYTES);
const stat = sys.memory(sys.STATX_BYTES);
const statView = new DataView(stat.bytes.buffer);
const VALUE_BYTES = 256;
const GFID_BYTES = 16;
const value = sys.memory(VALUE_BYTES);
const valueView = new DataView(value.bytes.buffer);
/** One key at a time is put here. */
const key = sys.memory(256);

/** The mark of a pointer, or of a directory's layout; a piece of a file; what a replica blames; damage. */
const MARKS = ['trusted.glusterfs.dht', 'trusted.ec.', 'trusted.glusterfs.shard.', 'trusted.bit-rot.bad-file'];
const PENDING = 'trusted.afr.';
const MDATA = 'trusted.glusterfs.mdata';

/** The value of an attribute of what was put. @returns its length, or -errno */
function valueOf(of: string): number {
  key.bytes[key.bytes.write(attributeName(of), 0, 'latin1')] = 0;
  return sys.getAttributeAt(path.address, key.address, value.address, VALUE_BYTES);
}

/** What the last lookAt() saw. */
export const looked = {
  format: 0,
  /** 07777 */
  mode: 0,
  size: 0,
  mdataMtimeNs: null as bigint | null,
  /** Of what a brick keeps beside the name something says more than that it is there. */
  isMarked: false,
  gfid: new BigUint64Array(2),
};

/** @returns 0, or -errno of what failed first */
export function lookAt(directory: Directory, name: string, wantsGfid: boolean): number {
  const { bytes } = path;
  const at = bytes.write(`/proc/self/fd/${directory.fd}/`, 0, 'latin1');
  let end = at;
  if (name.includes('\\')) {
    const decoded = decodeName(name);
    bytes.set(decoded, at);
    end += decoded.length;
  } else end += bytes.write(name, at, 'utf8');
  bytes[end] = 0;
  const result = sys.statAt(directory.fd, path.address + at, stat.address);
  if (result !== 0) return result;
  looked.format = formatAt(statView, 0);
  looked.mode = statView.getUint16(STATX.mode, true) & 0o7777;
  looked.size = sizeAt(statView, 0);
  const got = sys.listAttributesAt(path.address, keys.address, LIST_BYTES);
  if (got < 0) return got;
  const list = keys.bytes.toString('latin1', 0, got);
  looked.isMarked = MARKS.some((mark) => list.includes(mark)) || (list.includes(PENDING) && isBlaming(list));
  looked.mdataMtimeNs = list.includes(MDATA) ? mdataMtime() : null;
  if (wantsGfid) {
    const isThere = valueOf('trusted.gfid') === GFID_BYTES;
    looked.gfid[0] = isThere ? valueView.getBigUint64(0) : 0n;
    looked.gfid[1] = isThere ? valueView.getBigUint64(8) : 0n;
  }
  return 0;
}

function mdataMtime(): bigint | null {
  const got = valueOf(MDATA);
  return got < 0 ? null : mdataMtimeOf(value.bytes.subarray(0, got));
}

/** Marks stay when what they stood for is done: then all their counts are zero. */
function isBlaming(list: string): boolean {
  return list.split('\0').some((one) => {
    const at = one.indexOf(PENDING);
    if (at < 0) return false;
    const got = valueOf(one.slice(at));
    return got < 0 || value.bytes.subarray(0, got).some((byte) => byte !== 0);
  });
}
