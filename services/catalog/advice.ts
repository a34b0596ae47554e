// What Postgres and its sockets say in codes, said as advice. The door and the connection functions use it; nothing
// else needs to know a code.
import { causesOf } from '../../domain/causes.ts';
import { RollcallError } from '../../domain/exit.ts';

interface Advice {
  readonly says: string;
  readonly next: string;
}

const REACH =
  'check that Postgres runs and that DATABASE_URL names it; without DATABASE_URL Rollcall uses the bundled one';
export const URL_FORM =
  'write it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with % codes for special characters';
const SPACE = 'free space or inodes on the file system of the database, then run the same command again: it continues';

// SQLSTATE (https://www.postgresql.org/docs/18/errcodes-appendix.html) and errno names, side by side as node-postgres
// reports both in `code`.
const ADVICE: Readonly<Record<string, Advice>> = {
  ECONNREFUSED: { says: 'nothing answers at the address of the database', next: REACH },
  ENOENT: { says: 'the socket of the database does not exist', next: REACH },
  EACCES: {
    says: 'the socket of the database may not be used by this user',
    next: 'run as the user who owns the state directory, or choose another one with --state-dir',
  },
  ENOTFOUND: { says: 'the host of the database is not known', next: 'check the host name in DATABASE_URL' },
  EAI_AGAIN: {
    says: 'the host of the database cannot be resolved now',
    next: 'check the name service, then try again',
  },
  EHOSTUNREACH: { says: 'the host of the database cannot be reached', next: 'check the network, then try again' },
  ENETUNREACH: { says: 'the network of the database cannot be reached', next: 'check the network, then try again' },
  ETIMEDOUT: { says: 'the database did not answer in time', next: 'check the network and the load of the database' },
  '28P01': { says: 'the database refuses the password', next: 'check user and password in DATABASE_URL' },
  '28000': { says: 'the database refuses this user', next: 'check DATABASE_URL and the pg_hba.conf of the server' },
  '3D000': { says: 'the database does not exist', next: 'create it (createdb NAME), or correct DATABASE_URL' },
  '3F000': { says: 'the schema rollcall does not exist', next: 'run any rollcall command: it creates the schema' },
  '42501': {
    says: 'the database role lacks a right',
    next: 'grant it: `grant connect, create on database NAME to ROLE` once, and the schema rollcall must belong to that role',
  },
  // A pooler such as pgbouncer: it does not pass the settings of a connection on, and would hand a session's locks to
  // another one.
  '08P01': {
    says: 'the server at the address of the database is not one that Rollcall can use',
    next: 'name the Postgres server itself in DATABASE_URL, not a pooler in front of it',
  },
  '53100': { says: 'the disk of the database is full', next: SPACE },
  '53400': {
    says: 'the database reached a limit of its configuration',
    next: 'raise the limit that it names (temp_file_limit, for example), then run the same command again: it continues',
  },
  '53200': { says: 'the database is out of memory', next: 'give it memory, or run with fewer threads' },
  '53300': {
    says: 'the database has no connection left',
    next: 'raise max_connections of the server, or run fewer workers at once',
  },
  '25006': {
    says: 'the database is read-only',
    next: 'DATABASE_URL must name the primary, not a standby, and its disk must be writable',
  },
  '57P03': { says: 'the database is starting up or shutting down', next: 'try again in a moment' },
  '57P01': { says: 'the database was shut down', next: 'start it, then run the same command again: it continues' },
  '57P02': { says: 'the database crashed', next: 'look at its log, then run the same command again: it continues' },
  '58030': {
    says: 'the database met an input/output error',
    next: 'check its disk and the kernel log before all else',
  },
  XX001: {
    says: 'the database found its own data damaged',
    next: 'check its disk; restore the state directory or begin a new one',
  },
  XX002: {
    says: 'the database found an index damaged',
    next: 'check its disk; then `reindex database`, or begin a new state directory',
  },
  // What a run worked on is gone from the catalog.
  '23503': {
    says: 'what this run works on was removed from the catalog meanwhile (rollcall volumes forget)',
    next: 'run the same command again: it starts over',
  },
  '55P03': {
    says: 'another Rollcall holds the same rows for more than a minute',
    next: 'wait until the other run on this volume has ended, then try again',
  },
};

/** The SQLSTATE or errno name of an error or of what caused it; null if there is none. */
export function databaseCode(error: unknown): string | null {
  for (const at of causesOf(error)) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && code !== '') return code;
    if (at instanceof AggregateError && at.errors.length > 0) {
      const inner = databaseCode(at.errors[0]);
      if (inner !== null) return inner;
    }
  }
  return null;
}

/**
 * What is known by its words: what node-postgres and TLS say before there is a connection, and what Postgres has no
 * code of its own for.
 */
const UNCODED: readonly (readonly [RegExp, Advice])[] = [
  // A quota has no code, and is reported as an internal error.
  [
    /Disk quota exceeded/,
    { says: 'the database is over its quota', next: SPACE.replace('on the file system', 'in the quota') },
  ],
  [/No space left on device/, { says: 'the disk of the database is full', next: SPACE }],
  [
    /client password must be/,
    {
      says: 'the database wants a password',
      next: 'write it into DATABASE_URL: postgresql://USER:PASSWORD@HOST:PORT/DATABASE',
    },
  ],
  [
    /does not support SSL/,
    {
      says: 'the database does not speak TLS',
      next: 'take sslmode out of DATABASE_URL, or switch ssl on in the postgresql.conf of the server',
    },
  ],
  [
    /certificate|altnames/i,
    {
      says: "the database's certificate is not trusted",
      next: 'name its authority in DATABASE_URL: sslmode=verify-full&sslrootcert=FILE, and the host as the certificate does',
    },
  ],
  [
    /PEM routines|asn1 encoding/,
    {
      says: 'a certificate or key that DATABASE_URL names cannot be understood',
      next: 'sslrootcert, sslcert and sslkey are files in PEM format',
    },
  ],
  [
    /^timeout expired|due to connection timeout/,
    {
      says: 'the database did not answer in time',
      next: 'check the network and the load of the database; with DATABASE_URL, that host and port are those of a Postgres server',
    },
  ],
  [
    /Invalid URL|ERR_SOCKET_BAD_PORT|should be >= 0 and < 65536/,
    { says: 'DATABASE_URL cannot be read', next: URL_FORM },
  ],
];

const LOST =
  /^Connection terminated|^Client has encountered a connection error|^Client was closed|connection is not queryable|timeout exceeded when trying/;

/**
 * An error of the files under audit, or what wraps one. NFS and FUSE fail with ETIMEDOUT and ECONNRESET as sockets do;
 * their errors carry an errno by name, or a syscall that sockets do not make.
 */
function isOfFiles(error: unknown): boolean {
  for (const at of causesOf(error)) {
    const { errno, syscall } = at as { errno?: unknown; syscall?: unknown };
    if (typeof errno === 'string') return true;
    if (typeof syscall === 'string' && !/^(connect|getaddrinfo|read|write)$/.test(syscall)) return true;
  }
  return false;
}

/** Class 53, insufficient resources, as far as no line of the table says more. */
const RESOURCES: Advice = {
  says: 'the database lacks a resource',
  next: 'look at its log, then run the same command again: it continues',
};

/** The connection is gone: whether the last statement happened is unknown. */
export function isConnectionLost(error: unknown): boolean {
  if (isOfFiles(error)) return false;
  const code = databaseCode(error);
  if (code !== null) {
    // ENOENT: the socket of a server on this machine goes with it.
    return /^08(?!P01)|^57P0[123]$|^ECONNRESET$|^ECONNREFUSED$|^ENOENT$|^EPIPE$|^ETIMEDOUT$/.test(code);
  }
  for (const at of causesOf(error)) {
    if (LOST.test(at.message)) return true;
  }
  return false;
}

/** Doing the same again may succeed: a deadlock, a serialisation failure or a lost connection. */
export function isTransient(error: unknown): boolean {
  const code = databaseCode(error);
  return code === '40001' || code === '40P01' || isConnectionLost(error);
}

/**
 * An error that an operator can do something about, as a RollcallError with the original as its cause; null for
 * anything else.
 */
export function databaseAdvice(error: unknown): RollcallError | null {
  if (error instanceof RollcallError || !(error instanceof Error) || isOfFiles(error)) return null;
  const code = databaseCode(error);
  const advice =
    (code === null ? undefined : ADVICE[code]) ??
    UNCODED.find(([pattern]) => pattern.test(error.message))?.[1] ??
    (code?.startsWith('53') === true ? RESOURCES : undefined);
  if (advice !== undefined)
    return new RollcallError(`${advice.says}: ${error.message}`, { next: advice.next, cause: error });
  if (isConnectionLost(error)) {
    return new RollcallError(`the connection to the database was lost: ${error.message}`, {
      next: 'run the same command again: it continues where this one stopped',
      cause: error,
    });
  }
  return null;
}

/** Rethrows: as advice where there is some, else as it is. */
export function throwAdvised(error: unknown): never {
  throw databaseAdvice(error) ?? error;
}
