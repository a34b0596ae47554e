// What the file system says of one entry: the bytes of struct statx, read into the types that the domain compares.
import { clampedTime, type Kind } from '../../domain/version.ts';
import { FileError } from './errors.ts';

/**
 * One entry as statx gave it. Times in ns since 1970 (negative before; the nearest that the catalog can keep:
 * isClamped), btimeNs 0n where none is kept.
 */
export interface Stat {
  readonly kind: Kind;
  /** Permission bits, 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; null for anything but a file. */
  readonly size: number | null;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly btimeNs: bigint;
  /** Signed: negative from 2^63 on. */
  readonly inode: bigint;
  readonly device: bigint;
  /** 2^31 - 1 stands for more. */
  readonly nlink: number;
  /** The number of a device node; null for anything else. */
  readonly rdev: bigint | null;
  /** Of 512 bytes. */
  readonly blocks: number;
  /** Of the mount that it was reached through; 0 before Linux 5.8. */
  readonly mountId: number;
}

/** Offsets in struct statx. Source: include/uapi/linux/stat.h. */
export const STATX = {
  mask: 0,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  inode: 32,
  size: 40,
  blocks: 48,
  btime: 80,
  ctime: 96,
  mtime: 112,
  rdev: 128,
  device: 136,
  mountId: 144,
} as const;

const FORMAT = 0o170000;
/** S_IFREG and the others. Source: include/uapi/linux/stat.h. */
export const FORMAT_FILE = 0o100000;
export const FORMAT_DIRECTORY = 0o040000;
export const FORMAT_SYMLINK = 0o120000;

const KIND_BY_FORMAT: Readonly<Record<number, Kind>> = {
  [FORMAT_FILE]: 'file',
  [FORMAT_DIRECTORY]: 'directory',
  [FORMAT_SYMLINK]: 'symlink',
  0o010000: 'fifo',
  0o140000: 'socket',
  0o020000: 'char-device',
  0o060000: 'block-device',
};

const FORMAT_BY_KIND = Object.fromEntries(
  Object.entries(KIND_BY_FORMAT).map(([format, kind]) => [kind, Number(format)]),
) as Readonly<Record<Kind, number>>;

const MASK_BTIME = 0x800;
const MASK_MOUNT_ID = 0x1000;
const LINKS_MAX = 2 ** 31 - 1;
const WORD = 2 ** 32;
const SECOND_NS = 1_000_000_000n;

export function formatAt(view: DataView, at: number): number {
  return view.getUint16(at + STATX.mode, true) & FORMAT;
}

export function formatOf(kind: Kind): number {
  return FORMAT_BY_KIND[kind];
}

/** Bytes of what is there, of whatever kind; negative or not exact for sizes that no program can read to their end. */
export function sizeAt(view: DataView, at: number): number {
  return view.getInt32(at + STATX.size + 4, true) * WORD + view.getUint32(at + STATX.size, true);
}

/** struct statx_timestamp: seconds, then nanoseconds. */
export function timeAt(view: DataView, at: number): bigint {
  return clampedTime(BigInt(secondsAt(view, at)) * SECOND_NS + BigInt(view.getUint32(at + 8, true)));
}

/** The same in whole ms. */
export function msAt(view: DataView, at: number): number {
  return secondsAt(view, at) * 1_000 + Math.floor(view.getUint32(at + 8, true) / 1_000_000);
}

function secondsAt(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * WORD + view.getUint32(at, true);
}

export function setTime(view: DataView, at: number, ns: bigint): void {
  const rest = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  view.setBigInt64(at, (ns - rest) / 1_000_000_000n, true);
  view.setUint32(at + 8, Number(rest), true);
}

export function birthTimeAt(view: DataView, at: number): bigint {
  return (view.getUint32(at + STATX.mask, true) & MASK_BTIME) === 0 ? 0n : timeAt(view, at + STATX.btime);
}

/** As makedev(3) joins major and minor. */
export function deviceAt(view: DataView, at: number): bigint {
  const major = view.getUint32(at, true);
  const minor = view.getUint32(at + 4, true);
  const low = ((major & 0xfff) << 8) | (minor & 0xff);
  const high = BigInt(major & 0xffff_f000) << 32n;
  return BigInt.asUintN(64, high) | (BigInt(minor >>> 8) << 20n) | BigInt(low);
}

/** The other way round. */
export function setDevice(view: DataView, at: number, device: bigint): void {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffff_ff00n);
  view.setUint32(at, Number(major), true);
  view.setUint32(at + 4, Number(minor), true);
}

/** Of the mount that it was reached through; 0 before Linux 5.8. */
export function mountIdAt(view: DataView, at: number): number {
  if ((view.getUint32(at + STATX.mask, true) & MASK_MOUNT_ID) === 0) return 0;
  return view.getUint32(at + STATX.mountId + 4, true) * WORD + view.getUint32(at + STATX.mountId, true);
}

/**
 * Why no sound file system says this: a kind that Linux does not have, a size that no program can read to its end. Null
 * for nearly all.
 */
export function unsoundAt(view: DataView, at: number, path: string): FileError | null {
  const format = formatAt(view, at);
  if (KIND_BY_FORMAT[format] === undefined) {
    const mode = view.getUint16(at + STATX.mode, true);
    return new FileError('EUCLEAN', 'stat', path, `of a kind that Linux does not have: mode ${mode.toString(8)}`);
  }
  if (format !== FORMAT_FILE) return null;
  const size = sizeAt(view, at);
  if (size >= 0 && size <= Number.MAX_SAFE_INTEGER) return null;
  return new FileError(
    'EOVERFLOW',
    'stat',
    path,
    `its size is given as ${view.getBigInt64(at + STATX.size, true)} bytes`,
  );
}

export function kindAt(view: DataView, at: number): Kind {
  const kind = KIND_BY_FORMAT[formatAt(view, at)];
  if (kind === undefined) throw new Error('asked of what unsoundAt() refuses');
  return kind;
}

/**
 * @param path printable, for the error
 * @throws FileError as unsoundAt()
 */
export function statAtOffset(view: DataView, at: number, path: string): Stat {
  const unsound = unsoundAt(view, at, path);
  if (unsound !== null) throw unsound;
  const kind = kindAt(view, at);
  return {
    kind,
    mode: view.getUint16(at + STATX.mode, true) & 0o7777,
    uid: view.getUint32(at + STATX.uid, true),
    gid: view.getUint32(at + STATX.gid, true),
    size: kind === 'file' ? sizeAt(view, at) : null,
    mtimeNs: timeAt(view, at + STATX.mtime),
    ctimeNs: timeAt(view, at + STATX.ctime),
    btimeNs: birthTimeAt(view, at),
    inode: view.getBigInt64(at + STATX.inode, true),
    device: deviceAt(view, at + STATX.device),
    nlink: Math.min(view.getUint32(at + STATX.nlink, true), LINKS_MAX),
    rdev: kind === 'char-device' || kind === 'block-device' ? deviceAt(view, at + STATX.rdev) : null,
    blocks: view.getUint32(at + STATX.blocks + 4, true) * WORD + view.getUint32(at + STATX.blocks, true),
    mountId: mountIdAt(view, at),
  };
}

/** Undoes statAtOffset. */
export function putStat({ bytes }: { readonly bytes: Buffer }, at: number, stat: Stat): void {
  const { kind, mode, uid, gid, size, nlink, blocks, mountId } = stat;
  bytes.fill(0, at, at + STATX.mountId + 8);
  bytes.writeUInt32LE(MASK_BTIME | MASK_MOUNT_ID, at + STATX.mask);
  bytes.writeUInt32LE(nlink, at + STATX.nlink);
  bytes.writeUInt32LE(uid, at + STATX.uid);
  bytes.writeUInt32LE(gid, at + STATX.gid);
  bytes.writeUInt16LE(formatOf(kind) | mode, at + STATX.mode);
  bytes.writeBigInt64LE(stat.inode, at + STATX.inode);
  bytes.writeBigUInt64LE(BigInt(size ?? 0), at + STATX.size);
  bytes.writeBigUInt64LE(BigInt(blocks), at + STATX.blocks);
  putTime(bytes, at + STATX.btime, stat.btimeNs);
  putTime(bytes, at + STATX.ctime, stat.ctimeNs);
  putTime(bytes, at + STATX.mtime, stat.mtimeNs);
  putDevice(bytes, at + STATX.rdev, stat.rdev ?? 0n);
  putDevice(bytes, at + STATX.device, stat.device);
  bytes.writeBigUInt64LE(BigInt(mountId), at + STATX.mountId);
}

function putTime(bytes: Buffer, at: number, ns: bigint): void {
  const rest = ((ns % SECOND_NS) + SECOND_NS) % SECOND_NS;
  bytes.writeBigInt64LE((ns - rest) / SECOND_NS, at);
  bytes.writeUInt32LE(Number(rest), at + 8);
}

/** Major and minor, as makedev(3) has joined them. */
function putDevice(bytes: Buffer, at: number, device: bigint): void {
  const major = ((device >> 32n) & 0xffff_f000n) | ((device >> 8n) & 0xfffn);
  const minor = ((device >> 12n) & 0xffff_ff00n) | (device & 0xffn);
  bytes.writeUInt32LE(Number(major), at);
  bytes.writeUInt32LE(Number(minor), at + 4);
}
