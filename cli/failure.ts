// One table from what went wrong to what is printed and the exit code.
import { EXIT, RollcallError, type ExitCode } from '../domain/exit.ts';

export interface Failure {
  readonly exit: ExitCode;
  readonly message: string;
  /** The command or step that follows; null if there is none to advise. */
  readonly next: string | null;
  /** For what should not have happened: where it did. */
  readonly stack: string | null;
}

/** errno names of files and processes that mean something to an operator. */
const ERRNO: Readonly<Record<string, string>> = {
  ENOSPC: 'free space there, then run the same command again',
  EDQUOT: 'free space in the quota, then run the same command again',
  EROFS: 'name a place on a file system that can be written',
  EACCES: 'run as a user who may, or name another place',
  EPERM: 'run as a user who may, or name another place',
  EMFILE: 'raise the limit of open files: ulimit -n 65536',
  ENFILE: 'raise the system-wide limit of open files: sysctl fs.file-max',
  ENOMEM: 'give it memory, or use fewer threads',
};

/** koffi comes in a package for each platform, which npm calls optional. */
const NO_CALLS = /native Koffi module|Cannot find (?:module|package) 'koffi'/;

/**
 * advise is the catalog's translation of database codes; it is passed in because most commands never load the database
 * driver.
 */
export function failureOf(error: unknown, advise: (error: unknown) => RollcallError | null = () => null): Failure {
  if (error instanceof RollcallError)
    return { exit: error.exit, message: error.message, next: error.next, stack: null };
  const advised = advise(error);
  if (advised !== null) return failureOf(advised);
  if (error instanceof Error) {
    if (error.name === 'AbortError') return interrupted();
    if (NO_CALLS.test(error.message))
      return {
        exit: EXIT.failure,
        message: `koffi is not installed for this platform (${process.platform}-${process.arch}): no file can be read`,
        next: 'install again without --omit=optional, on Linux on x64 or arm64',
        stack: null,
      };
    const { code } = error as NodeJS.ErrnoException;
    const next = code === undefined ? undefined : ERRNO[code];
    if (next !== undefined) return { exit: EXIT.failure, message: error.message, next, stack: null };
    return {
      exit: EXIT.failure,
      message: `this should not have happened: ${error.message}`,
      next: 'report it with the lines above; nothing that was known before is lost',
      stack: error.stack ?? null,
    };
  }
  return { exit: EXIT.failure, message: `this should not have happened: ${String(error)}`, next: null, stack: null };
}

export function interrupted(): Failure {
  return {
    exit: EXIT.interrupted,
    message: 'interrupted',
    next: 'run the same command again: it continues where this one stopped',
    stack: null,
  };
}

/** As a person reads it: what, then what to do. */
export function failureLines(failure: Failure): readonly string[] {
  return [
    ...(failure.stack === null ? [] : [failure.stack]),
    `rollcall: ${failure.message}`,
    ...(failure.next === null ? [] : [`  next: ${failure.next}`]),
  ];
}
