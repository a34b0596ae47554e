// The system calls that a scan is made of, called directly through koffi. Each returns what the kernel returned, or the
// errno as a negative number; none throws and none allocates. Addresses are plain numbers: a bare address keeps nothing
// alive, so whatever is behind one is a Memory that its owner holds for as long as the thread runs. Only services/files
// sees addresses.
import koffi from 'koffi';
import { RollcallError } from '../../domain/exit.ts';

type Call = (...numbers: number[]) => number;

interface Numbers {
  readonly close: number;
  readonly fadvise64: number;
  readonly fgetxattr: number;
  readonly lgetxattr: number;
  readonly llistxattr: number;
  readonly fstatfs: number;
  readonly preadv2: number;
  readonly getdents64: number;
  readonly lseek: number;
  readonly openat: number;
  readonly openat2: number;
  readonly read: number;
  readonly readlinkat: number;
  readonly statx: number;
  readonly directory: number;
  readonly noFollow: number;
}

/**
 * System call numbers and the two flags that differ. Source: arch/x86/entry/syscalls/syscall_64.tbl,
 * include/uapi/asm-generic/unistd.h.
 */
const BY_ARCHITECTURE: Readonly<Record<string, Numbers>> = {
  x64: {
    close: 3,
    fadvise64: 221,
    fgetxattr: 193,
    lgetxattr: 192,
    llistxattr: 195,
    fstatfs: 138,
    preadv2: 327,
    getdents64: 217,
    lseek: 8,
    openat: 257,
    openat2: 437,
    read: 0,
    readlinkat: 267,
    statx: 332,
    directory: 0o200000,
    noFollow: 0o400000,
  },
  arm64: {
    close: 57,
    fadvise64: 223,
    fgetxattr: 10,
    lgetxattr: 9,
    llistxattr: 12,
    fstatfs: 44,
    preadv2: 286,
    getdents64: 61,
    lseek: 62,
    openat: 56,
    openat2: 437,
    read: 63,
    readlinkat: 78,
    statx: 291,
    directory: 0o40000,
    noFollow: 0o100000,
  },
};

/** Numbers that are the same on both. Source: include/uapi/linux/{fcntl,stat,openat2,fadvise}.h. */
export const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_NO_AUTOMOUNT = 0x800;
const AT_EMPTY_PATH = 0x1000;
const O_NONBLOCK = 0o4000;
const O_NOATIME = 0o1000000;
const O_CLOEXEC = 0o2000000;
const O_PATH = 0o10000000;
const RESOLVE_NO_MAGICLINKS = 0x02;
const RESOLVE_NO_SYMLINKS = 0x04;
const RESOLVE_BENEATH = 0x08;
/** Basic stats, birth time and mount id (5.8; older kernels leave its bit out of the answer). */
const STATX_MASK = 0x07ff | 0x0800 | 0x1000;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const FADV_DONTNEED = 4;
const EPERM = 1;
const EINTR = 4;
const EAGAIN = 11;
const ENOSYS = 38;
const EOPNOTSUPP = 95;
const RWF_NOWAIT = 8;

/** Bytes that statx writes. */
export const STATX_BYTES = 256;

/** Memory of this thread that the kernel may be pointed at. */
export interface Memory {
  readonly bytes: Buffer;
  /** Of its first byte. */
  readonly address: number;
}

/** The owner keeps it as long as anything was told of its address. */
export function memory(bytes: number): Memory {
  return memoryOf(Buffer.from(new ArrayBuffer(bytes)));
}

/** Of what must neither move nor grow. */
export function memoryOf(bytes: Buffer): Memory {
  return { bytes, address: Number(koffi.address(bytes)) };
}

function loadCalls(): { numbers: Numbers; call: (arity: number) => Call; errno: Int32Array } {
  const numbers = BY_ARCHITECTURE[process.arch];
  if (process.platform !== 'linux' || numbers === undefined) {
    throw new RollcallError(`Rollcall does not run on ${process.platform} ${process.arch}`, {
      next: 'use Linux on x86-64 or arm64',
    });
  }
  const library = koffi.load(null);
  const location = library.func('__errno_location', 'void *', []) as unknown as () => bigint;
  return {
    numbers,
    // `syscall` is declared with as many arguments as are given: a variadic call costs twice as much.
    call: (arity) => library.func('syscall', 'long', ['long', ...Array<string>(arity).fill('intptr_t')]),
    // Of this thread, for as long as it runs.
    errno: new Int32Array(koffi.view(location(), Int32Array.BYTES_PER_ELEMENT)),
  };
}

const { numbers, call, errno } = loadCalls();
const call1 = call(1);
const call2 = call(2);
const call3 = call(3);
const call4 = call(4);
const call5 = call(5);
const call6 = call(6);

/**
 * The struct open_how of openat2 (u64 flags, mode, resolve), an empty path, '.', a struct iovec (address, length), and
 * a struct statfs.
 */
const scratch = memory(256);
const EMPTY = scratch.address + 24;
const DOT = scratch.address + 32;
const VECTOR = scratch.address + 64;
const STATFS = scratch.address + 128;
const words = new DataView(scratch.bytes.buffer);
scratch.bytes[32] = 0x2e;
words.setUint32(16, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS, true);

function failed(): number {
  return -(errno[0] ?? 0);
}

export const O_DIRECTORY = numbers.directory;
export const O_NOFOLLOW = numbers.noFollow;
/** What a directory is opened with, and one that is only passed through, which needs no permission to read it. */
export const DIRECTORY_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
export const PASSAGE_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
/** What a file is opened with: nothing is followed, and nothing blocks. */
export const FILE_FLAGS = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
/** Only the symlinks on the way are followed, and at the end: for places that a person named. */
export const ROOT_FLAGS = O_DIRECTORY | O_CLOEXEC;

/** One component or, for a root, an absolute path. @returns a descriptor, or -errno */
export function openAt(directory: number, name: number, flags: number): number {
  for (;;) {
    const fd = call4(numbers.openat, directory, name, flags, 0);
    if (fd >= 0) return fd;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/**
 * Opens without moving the atime where that is allowed to this process (root or the owner) and known to the file
 * system: some answer EINVAL or EOPNOTSUPP to the flag, and FUSE may answer anything. What is there is what opening
 * without it says.
 */
export function openQuietlyAt(directory: number, name: number, flags: number): number {
  const fd = openAt(directory, name, flags | O_NOATIME);
  return fd >= 0 || isAbsentErrno(fd) ? fd : openAt(directory, name, flags);
}

function isAbsentErrno(error: number): boolean {
  return error === -2 || error === -20;
}

let beneath: boolean | null = null;

/**
 * Whether openat2 can be used: kernels before 5.6 do not have it (ENOSYS), and the filters of some containers refuse it
 * (EPERM). Without it a path is opened component by component, each with O_NOFOLLOW.
 */
export function opensBeneath(): boolean {
  if (beneath !== null) return beneath;
  words.setUint32(0, O_PATH | O_DIRECTORY | O_CLOEXEC, true);
  const fd = call4(numbers.openat2, AT_FDCWD, DOT, scratch.address, 24);
  const error = fd < 0 ? failed() : 0;
  if (fd >= 0) close(fd);
  beneath = error !== -ENOSYS && error !== -EPERM;
  return beneath;
}

/** For tests of the way without openat2; null asks the kernel again. */
export function pretendBeneath(opens: boolean | null): void {
  beneath = opens;
}

/** A relative path that must not leave the directory nor pass through a symlink. Only where opensBeneath(). */
export function openBeneath(directory: number, path: number, flags: number): number {
  for (let attempt = 1; ; attempt++) {
    words.setUint32(0, flags, true);
    const fd = call4(numbers.openat2, directory, path, scratch.address, 24);
    if (fd >= 0) return fd;
    const error = failed();
    // EAGAIN: something was renamed or mounted meanwhile, and the kernel could not be sure.
    if (error !== -EINTR && !(error === -EAGAIN && attempt < 100)) return error;
  }
}

/** As openQuietlyAt. */
export function openQuietlyBeneath(directory: number, path: number, flags: number): number {
  const fd = openBeneath(directory, path, flags | O_NOATIME);
  return fd >= 0 || isAbsentErrno(fd) ? fd : openBeneath(directory, path, flags);
}

/** Never repeated: a descriptor is gone also after EINTR. */
export function close(fd: number): void {
  call1(numbers.close, fd);
}

/** Names into memory, as struct linux_dirent64. @returns bytes; 0 at the end */
export function getdents64(fd: number, address: number, bytes: number): number {
  for (;;) {
    const got = call3(numbers.getdents64, fd, address, bytes);
    if (got >= 0) return got;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/** STATX_BYTES of a name, without following it. @returns 0 or -errno */
export function statAt(directory: number, name: number, address: number): number {
  for (;;) {
    if (call5(numbers.statx, directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_MASK, address) === 0)
      return 0;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/** STATX_BYTES of what an absolute path leads to, symlinks followed. */
export function statPlace(path: number, address: number): number {
  for (;;) {
    if (call5(numbers.statx, AT_FDCWD, path, 0, STATX_MASK, address) === 0) return 0;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/** STATX_BYTES of what is open. */
export function statOpen(fd: number, address: number): number {
  for (;;) {
    if (call5(numbers.statx, fd, EMPTY, AT_EMPTY_PATH, STATX_MASK, address) === 0) return 0;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/** @returns bytes; 0 at the end of the file */
export function read(fd: number, address: number, bytes: number): number {
  for (;;) {
    const got = call3(numbers.read, fd, address, bytes);
    if (got >= 0) return got;
    const error = failed();
    if (error !== -EINTR) return error;
  }
}

/** What readCached says where nothing of it is in memory. */
export const NOT_CACHED = -EAGAIN;
export const CANNOT_TELL = -EOPNOTSUPP;

/**
 * Reads what is in the page cache and does not wait for the rest. @returns bytes; NOT_CACHED where none of it is there;
 * 0 at the end of the file; CANNOT_TELL where the file system does not say
 */
export function readCached(fd: number, address: number, bytes: number): number {
  setAddress(64, address);
  words.setUint32(72, bytes, true);
  for (;;) {
    const got = call6(numbers.preadv2, fd, VECTOR, 1, -1, -1, RWF_NOWAIT);
    if (got >= 0) return got;
    const error = failed();
    // As for openat2: a kernel before 4.14, or a container's filter.
    if (error !== -EINTR) return error === -ENOSYS || error === -EPERM ? CANNOT_TELL : error;
  }
}

function setAddress(at: number, address: number): void {
  words.setUint32(at, address % 2 ** 32, true);
  words.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
}

/** The f_type of the file system that holds what is open; see statfs(2). */
export function fileSystemType(fd: number): number {
  const result = call2(numbers.fstatfs, fd, STATFS);
  return result === 0 ? words.getUint32(128, true) : failed();
}

/** @returns bytes of the target; as many as fit may be a part of it */
export function readlinkAt(directory: number, name: number, address: number, bytes: number): number {
  const got = call4(numbers.readlinkat, directory, name, address, bytes);
  return got >= 0 ? got : failed();
}

/** Where data begins at or behind the offset; -ENXIO where there is only a hole until the end. */
export function seekData(fd: number, offset: number): number {
  const at = call3(numbers.lseek, fd, offset, SEEK_DATA);
  return at >= 0 ? at : failed();
}

/** Where the next hole begins; the end of the file counts as one. */
export function seekHole(fd: number, offset: number): number {
  const at = call3(numbers.lseek, fd, offset, SEEK_HOLE);
  return at >= 0 ? at : failed();
}

export function seekTo(fd: number, offset: number): number {
  const at = call3(numbers.lseek, fd, offset, 0);
  return at >= 0 ? at : failed();
}

/** Gives the clean pages of a part of a file back; 0 bytes are all that follow. @returns 0 or -errno */
export function dropPages(fd: number, from: number, bytes: number): number {
  return call4(numbers.fadvise64, fd, from, bytes, FADV_DONTNEED) === 0 ? 0 : failed();
}

/** An extended attribute of what is open; with bytes 0 its length. */
export function getAttribute(fd: number, name: number, address: number, bytes: number): number {
  const got = call4(numbers.fgetxattr, fd, name, address, bytes);
  return got >= 0 ? got : failed();
}

/** As getAttribute, of a path whose last name is not followed. */
export function getAttributeAt(path: number, name: number, address: number, bytes: number): number {
  const got = call4(numbers.lgetxattr, path, name, address, bytes);
  return got >= 0 ? got : failed();
}

/** The names of the extended attributes of a path, each with a NUL behind it; the last name is not followed. */
export function listAttributesAt(path: number, address: number, bytes: number): number {
  const got = call3(numbers.llistxattr, path, address, bytes);
  return got >= 0 ? got : failed();
}
