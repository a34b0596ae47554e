// The only reader of the environment: parsed once, at the door, into a frozen value that is passed down.
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { RollcallError } from '../domain/exit.ts';
import { readSecretFile } from '../services/process/secret-file.ts';
import { usualStateDirectory } from '../services/process/state-place.ts';
import { DEBUG_ROOMS, type DebugRoom } from '../services/process/debug.ts';
import { operand } from '../services/report/wording.ts';

export interface Config {
  /** Absolute. Where the embedded database lives; unused where databaseUrl is set. */
  readonly stateDir: string;
  /** DATABASE_URL, or what the file DATABASE_URL_FILE holds: a Postgres server instead of the embedded one. */
  readonly databaseUrl: string | null;
  /** REDIS_URL, or what the file REDIS_URL_FILE holds: the queue's Redis; null means the queue lies in Postgres. */
  readonly redisUrl: string | null;
  /** ROLLCALL_HOST: what this machine is called in the catalog; its own name unless set. */
  readonly host: string;
  /** ROLLCALL_PG_BIN: the directory of other programs of Postgres. */
  readonly pgBin: string | null;
  /** ROLLCALL_DEBUG: rooms that say on standard error what they do, for whoever works on them. */
  readonly debug: readonly DebugRoom[];
  /** ROLLCALL_HOOK_*, which secrets of hooks name, and where systemd has put credentials (CREDENTIALS_DIRECTORY). */
  readonly hookSecrets: Environment;
  /** False where NO_COLOR is set to anything, or the terminal is dumb. */
  readonly color: boolean;
  /** False for a terminal that knows no escape codes. */
  readonly moves: boolean;
  /** The words that run this program from any directory, for commands that people are told to run next. */
  readonly program: string;
  /** The path or name by which it was called, as it is. */
  readonly calledAs: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable is one that is not set, as everywhere in Unix. */
function text(environment: Environment, name: string): string | null {
  const value = environment[name];
  return value === undefined || value === '' ? null : value;
}

/**
 * A variable that may hold a password: itself, or what the file holds that `NAME_FILE` names, as images of Docker have
 * it.
 */
function secret(environment: Environment, name: string): string | null {
  const value = text(environment, name);
  const file = text(environment, `${name}_FILE`);
  if (file === null) return value;
  if (value === null) return readSecretFile(`${name}_FILE`, file);
  throw new RollcallError(`${name} and ${name}_FILE are both set, and only one of them can be meant`, {
    next: `unset one of them: \`unset ${name}\` or \`unset ${name}_FILE\``,
  });
}

/** Who decides, for the log: the user's name, or `uid N` where passwd has no entry and Node throws. */
export function actor(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid?.()}`;
  }
}

/** The IANA name of this machine's time zone, as far as Node knows it; else UTC. */
export function timeZone(): string {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone === 'Etc/Unknown' ? 'UTC' : zone;
}

/** What this program was called by, as it can be called from any directory. */
export function fromAnywhere(called: string): string {
  return called.includes('/') ? resolve(called) : called;
}

function ownStateDirectory(environment: Environment): string {
  const found = usualStateDirectory(environment);
  if (found !== null) return found;
  throw new RollcallError('there is no home directory to keep the state in', {
    next: 'name a directory with --state-dir or ROLLCALL_STATE_DIR',
  });
}

/** The process id of the launcher (./rollcall), for nobody but this process: what it starts has another parent. */
export function takeLauncher(environment: Record<string, string | undefined>): number | null {
  const pid = Number(text(environment, 'ROLLCALL_LAUNCHER') ?? '');
  delete environment['ROLLCALL_LAUNCHER'];
  // 0 is the parent of what was started from outside of its process namespace, such as by `docker exec`; to signal 0 is
  // to signal all of the own process group.
  return pid > 0 && pid === process.ppid ? pid : null;
}

function debugRooms(typed: string | null): readonly DebugRoom[] {
  const words = typed?.split(',') ?? [];
  return words.map((word) => {
    const room = DEBUG_ROOMS.find((one) => one === word);
    if (room !== undefined) return room;
    throw new RollcallError(`ROLLCALL_DEBUG knows no ${JSON.stringify(word)}`, {
      next: `name one or more of ${DEBUG_ROOMS.join(', ')}, with a comma between them`,
    });
  });
}

function hookSecrets(environment: Environment): Environment {
  const known = Object.entries(environment).filter(
    ([name]) => name.startsWith('ROLLCALL_HOOK_') || name === 'CREDENTIALS_DIRECTORY',
  );
  return Object.freeze(Object.fromEntries(known));
}

/** stateDir is what --state-dir said, which wins over the environment. */
export function readConfig(environment: Environment, stateDir: string | undefined): Config {
  if (stateDir === '') {
    throw new RollcallError('--state-dir was given an empty path', { next: 'look for a variable that is not set' });
  }
  const pgBin = text(environment, 'ROLLCALL_PG_BIN');
  const called = text(environment, 'ROLLCALL_PROGRAM') ?? 'rollcall';
  return Object.freeze({
    stateDir: stateDir === undefined ? ownStateDirectory(environment) : resolve(stateDir),
    databaseUrl: secret(environment, 'DATABASE_URL'),
    redisUrl: secret(environment, 'REDIS_URL'),
    host: text(environment, 'ROLLCALL_HOST') ?? hostname(),
    pgBin: pgBin === null ? null : resolve(pgBin),
    hookSecrets: hookSecrets(environment),
    debug: debugRooms(text(environment, 'ROLLCALL_DEBUG')),
    color: environment['NO_COLOR'] === undefined && environment['TERM'] !== 'dumb',
    moves: environment['TERM'] !== 'dumb',
    program: operand(fromAnywhere(called)),
    calledAs: called,
  });
}

/** This process's environment with some variables set: for commands that are run as a user would run them. */
export function environmentWith(
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  return { ...process.env, ...variables };
}
