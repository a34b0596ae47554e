// What getdents64 writes: struct linux_dirent64, one after the other. Source: include/linux/dirent.h.
import type { Kind } from '../../domain/version.ts';

/** Offsets: u64 inode, s64 offset, u16 length of the record, u8 type, then the name and a NUL. */
export const DENT = { inode: 0, length: 16, type: 18, name: 19 } as const;

/** No record is longer: a name is up to 255 bytes (FUSE may bring longer ones). */
export const DENT_BYTES_MAX = 64 * 1024;

const KIND_BY_TYPE: Readonly<Record<number, Kind>> = {
  1: 'fifo',
  2: 'char-device',
  4: 'directory',
  6: 'block-device',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

/** Null where the file system does not tell it. */
export function kindOfType(type: number): Kind | null {
  return KIND_BY_TYPE[type] ?? null;
}

/** '.' and '..'. */
export function isDots(bytes: Buffer, name: number): boolean {
  return bytes[name] === 0x2e && (bytes[name + 1] === 0 || (bytes[name + 1] === 0x2e && bytes[name + 2] === 0));
}

/** Offset of the NUL behind the name of a record that ends at `end`. */
export function nameEnd(bytes: Buffer, name: number, end: number): number {
  // The record is padded to 8 bytes, so the NUL is among its last ones; a name holds none.
  const at = bytes.indexOf(0, Math.max(name, end - 8));
  return at < 0 || at >= end ? end : at;
}
