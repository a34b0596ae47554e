// The one table of errnos: what each says to a person, and what a failed look at a name makes of it. People search for
// the name of an errno, and understand the sentence.
import type { GapStatus } from './scan.ts';

interface Errno {
  readonly says: string;
  /** Its Linux number (include/uapi/asm-generic/errno.h) where Node's table has no name for it. */
  readonly number?: number;
  /**
   * How a gap is told apart: no permission, a medium that fails, a place that was not reached and may be another time,
   * or anything else.
   */
  readonly gap: Extract<GapStatus, 'denied' | 'io' | 'partial' | 'failed'>;
  /** It speaks of absence (docs/design.md#rule-2), where a lookup of the name itself gives it. Only two do. */
  readonly isAbsent?: true;
  /** The medium fails on the name itself: old content may be put beside it. */
  readonly isOfMedium?: true;
  /** What else was recorded of a gap says more than the errno. */
  readonly detailSaysMore?: true;
}

const denied = { gap: 'denied' } as const;
const io = { gap: 'io' } as const;
const partial = { gap: 'partial' } as const;
const failed = { gap: 'failed' } as const;

const ERRNOS: Readonly<Record<string, Errno>> = {
  E2BIG: { ...failed, says: 'too many arguments' },
  EACCES: { ...denied, says: 'permission denied' },
  EAGAIN: { ...partial, says: 'try again later' },
  EBADFD: { ...failed, says: 'the connection is in a bad state', number: 77 },
  EBADMSG: { ...io, says: 'the file system finds its own data damaged', isOfMedium: true },
  EBADR: { ...failed, says: 'the server refuses the request', number: 53 },
  EBUSY: { ...partial, says: 'in use' },
  ECOMM: { ...partial, says: 'sending over the network failed', number: 70 },
  ECONNABORTED: { ...partial, says: 'the connection was ended' },
  ECONNREFUSED: { ...partial, says: 'nothing answers there' },
  ECONNRESET: { ...partial, says: 'the connection was broken' },
  EDQUOT: { ...failed, says: 'the quota is full', number: 122 },
  EEXIST: { ...failed, says: 'it exists already' },
  EFBIG: { ...failed, says: 'too large for this file system', detailSaysMore: true },
  EHOSTDOWN: { ...partial, says: 'the server is down', number: 112 },
  EHOSTUNREACH: { ...partial, says: 'the server cannot be reached' },
  EHWPOISON: { ...io, says: 'the memory that held it is broken', number: 133, isOfMedium: true },
  EILSEQ: { ...failed, says: 'the file system refuses this name', isOfMedium: true },
  EINTR: { ...partial, says: 'interrupted' },
  EINVAL: { ...failed, says: 'not possible here' },
  EIO: { ...io, says: 'input/output error: the disk or its connection fails', isOfMedium: true },
  EISDIR: { ...failed, says: 'it is a directory' },
  EKEYEXPIRED: { ...denied, says: 'the encryption key has expired', number: 127 },
  EKEYREJECTED: { ...denied, says: 'the encryption key was refused', number: 129 },
  ELOOP: { ...failed, says: 'symbolic links in a circle' },
  EMEDIUMTYPE: { ...failed, says: 'the wrong medium is in the drive', number: 124 },
  EMFILE: { ...failed, says: 'too many open files' },
  ENAMETOOLONG: { ...failed, says: 'the name is too long', detailSaysMore: true },
  ENETDOWN: { ...partial, says: 'the network is down' },
  ENETRESET: { ...partial, says: 'the network dropped the connection' },
  ENETUNREACH: { ...partial, says: 'the network cannot be reached' },
  ENFILE: { ...failed, says: 'too many open files on this machine' },
  ENODATA: { ...io, says: 'no data: the disk cannot read it', number: 61, isOfMedium: true },
  ENODEV: { ...io, says: 'the device is gone' },
  ENOENT: { ...partial, says: 'there is no such file or directory', isAbsent: true, detailSaysMore: true },
  ENOKEY: { ...denied, says: 'encrypted, and not unlocked', number: 126, detailSaysMore: true },
  ENOMEDIUM: { ...io, says: 'there is no medium in the drive', number: 123 },
  ENOMEM: { ...failed, says: 'out of memory' },
  ENONET: { ...partial, says: 'this machine is not on the network', number: 64 },
  ENOSPC: { ...failed, says: 'no space left on the device' },
  ENOTCONN: { ...partial, says: 'the file system is not connected any more' },
  ENOTDIR: { ...partial, says: 'it is not a directory', isAbsent: true },
  ENOTEMPTY: { ...failed, says: 'the directory is not empty' },
  ENXIO: { ...failed, says: 'the device is gone' },
  EOPNOTSUPP: { ...failed, says: 'this file system cannot do that' },
  EOVERFLOW: { ...failed, says: 'a value that is too large', detailSaysMore: true },
  EPERM: { ...denied, says: 'not permitted' },
  EPIPE: { ...partial, says: 'the reader is gone' },
  EPROTO: { ...partial, says: 'the server answered what makes no sense' },
  EREMOTEIO: { ...io, says: 'the disk fails', number: 121, isOfMedium: true },
  ERESTART: { ...failed, says: 'interrupted: try again', number: 85 },
  EROFS: { ...failed, says: 'the file system is read-only' },
  ESHUTDOWN: { ...partial, says: 'the server is shut down', number: 108 },
  ESTALE: { ...partial, says: 'the server does not know this file any more' },
  ETIMEDOUT: { ...partial, says: 'no answer in time' },
  ETXTBSY: { ...failed, says: 'the program is running' },
  EUCLEAN: { ...io, says: 'the file system needs repair', number: 117, isOfMedium: true },
  EXDEV: { ...failed, says: 'on another file system' },
};

/** What is known of an errno by its name; null for one that is not in the table. */
function known(errno: string): Errno | null {
  return Object.hasOwn(ERRNOS, errno) ? (ERRNOS[errno] ?? null) : null;
}

/** Names of Linux errnos that Node has none for, by number. */
export const LINUX_ERRNOS: readonly (readonly [number, string])[] = Object.entries(ERRNOS).flatMap(
  ([name, { number }]) => (number === undefined ? [] : [[number, name] as const]),
);

/** 'EACCES: permission denied'; what has no sentence here stays as it is. */
export function errnoText(errno: string): string {
  const its = known(errno);
  return its === null ? errno : `${errno}: ${its.says}`;
}

/** Whether a lookup that failed so proves that the name is absent. */
export function isAbsent(errno: string): boolean {
  return known(errno)?.isAbsent === true;
}

export function gapStatusOf(errno: string): Errno['gap'] {
  return known(errno)?.gap ?? 'failed';
}

export function isOfMedium(errno: string): boolean {
  return known(errno)?.isOfMedium === true;
}

export function detailSaysMore(errno: string): boolean {
  return known(errno)?.detailSaysMore === true;
}
