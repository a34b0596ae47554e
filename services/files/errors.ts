// What a failed system call means. An errno is read by its number, because Node knows no name for some of those that matter (EUCLEAN),
// and only two of all of them ever speak of absence.
import { constants } from 'node:os';
import type { GapStatus } from '../../domain/scan.ts';

/** Linux errnos that Node's table lacks. Source: include/uapi/asm-generic/errno.h. */
const LINUX_ONLY: readonly (readonly [number, string])[] = [
  [53, 'EBADR'],
  [61, 'ENODATA'],
  [64, 'ENONET'],
  [70, 'ECOMM'],
  [77, 'EBADFD'],
  [85, 'ERESTART'],
  [108, 'ESHUTDOWN'],
  [112, 'EHOSTDOWN'],
  [117, 'EUCLEAN'],
  [121, 'EREMOTEIO'],
  [122, 'EDQUOT'],
  [123, 'ENOMEDIUM'],
  [124, 'EMEDIUMTYPE'],
  [126, 'ENOKEY'],
  [127, 'EKEYEXPIRED'],
  [129, 'EKEYREJECTED'],
  [133, 'EHWPOISON'],
];

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  ...LINUX_ONLY,
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  // Numbers with two names: the one that people search for.
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
]);

/** A system call on one path that failed. Callers turn it into a gap, or let it stop what they do. */
export class FileError extends Error {
  /** EACCES, EIO …; 'E117' style for a number that has no name here. */
  readonly errno: string;
  /** The system call, or what was being done. */
  readonly operation: string;
  /** Printable, absolute as far as it is known. */
  readonly path: string;
  /** What the errno alone does not say; null for most. */
  readonly detail: string | null;

  constructor(errno: string, operation: string, path: string, detail: string | null = null, cause?: unknown) {
    super(
      `${errno}: ${operation} ${path}${detail === null ? '' : ` (${detail})`}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'FileError';
    this.errno = errno;
    this.operation = operation;
    this.path = path;
    this.detail = detail;
  }
}

/** The errno's name of anything that Node's fs has thrown, or null where it did not come from a system call. */
export function errnoOf(error: unknown): string | null {
  if (error instanceof FileError) return error.errno;
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return null;
  return errnoName(Math.abs(error.errno));
}

/** A FileError for what a system call threw, or the one that it is already; anything else is a bug and is thrown as it is. */
export function fileError(error: unknown, operation: string, path: string): FileError {
  if (error instanceof FileError) return error;
  const errno = errnoOf(error);
  if (errno === null) throw error;
  return new FileError(errno, operation, path, null, error);
}

/** The name of an errno; 'E117' style where it has none here. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `E${number}`;
}

/** A FileError for the negative result of a call in sys.ts. */
export function systemError(result: number, operation: string, path: string): FileError {
  return new FileError(errnoName(-result), operation, path);
}

/** The only two answers that speak of absence (design.md section 3, rule 2), given by a lookup of the name itself. */
export function isAbsent(errno: string): boolean {
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

const DENIED = new Set(['EACCES', 'EPERM', 'ENOKEY', 'EKEYEXPIRED', 'EKEYREJECTED']);
const IO = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'EREMOTEIO', 'EHWPOISON', 'ENODATA', 'ENOMEDIUM', 'ENODEV']);
/** What lies there could not be reached, and may be reached another time. */
const PARTIAL = new Set([
  'ESTALE',
  'ENOTCONN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENONET',
  'ECOMM',
  'EPIPE',
  'EPROTO',
  'ESHUTDOWN',
  'ETIMEDOUT',
  'EAGAIN',
  'EBUSY',
  'EINTR',
  'ENOENT',
  'ENOTDIR',
]);

/** How a gap is told apart for a person: no permission, a medium that fails, a place not reached, or anything else. */
export function gapStatusOf(errno: string): GapStatus {
  if (DENIED.has(errno)) return 'denied';
  if (IO.has(errno)) return 'io';
  return PARTIAL.has(errno) ? 'partial' : 'failed';
}
