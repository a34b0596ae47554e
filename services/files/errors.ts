// Failed system calls as errors. An errno is read by its number, because Node knows no name for some of those that
// matter (EUCLEAN). What an errno means is in domain/errno.ts.
import { constants } from 'node:os';
import { LINUX_ERRNOS } from '../../domain/errno.ts';

const NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  ...LINUX_ERRNOS,
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

  constructor(errno: string, operation: string, path: string, detail: string | null = null) {
    super(`${errno}: ${operation} ${path}${detail === null ? '' : ` (${detail})`}`);
    this.name = 'FileError';
    this.errno = errno;
    this.operation = operation;
    this.path = path;
    this.detail = detail;
  }
}

/** Null for what a system call failed on: whoever has to know why catches the FileError. */
export function readably<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}

/** The errno's name of anything that Node's fs has thrown, or null where it did not come from a system call. */
export function errnoOf(error: unknown): string | null {
  if (error instanceof FileError) return error.errno;
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return null;
  return errnoName(Math.abs(error.errno));
}

/**
 * A FileError for what a system call threw, or the one that it is already; anything else is a bug and is thrown as it
 * is.
 */
export function fileError(error: unknown, operation: string, path: string): FileError {
  if (error instanceof FileError) return error;
  const errno = errnoOf(error);
  if (errno === null) throw error;
  const made = new FileError(errno, operation, path);
  made.cause = error;
  return made;
}

/** The name of an errno; 'E117' style where it has none here. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `E${number}`;
}

/** A FileError for the negative result of a call in sys.ts. */
export function systemError(result: number, operation: string, path: string): FileError {
  return new FileError(errnoName(-result), operation, path);
}
