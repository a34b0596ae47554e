// A bundle as it lies on disk: whether it is one, whether somebody else may have had a hand in it, and whether it is as
// it was written.
import { errnoText } from '../../domain/errno.ts';
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import { errnoOf, FileError } from '../files/errors.ts';
import { bytesOf, realPathOf } from '../files/location.ts';
import { BUNDLE_FORMAT } from './manifest.ts';

export const NO_BUNDLE =
  'Name the directory that assess or bundle has written; rollcall status names the last one of each volume.';

const OTHERS_WRITE = 0o022;
const SUM_LINE = /^([0-9a-f]{64}) {2}((?:[A-Za-z0-9][A-Za-z0-9._-]*\/)*[A-Za-z0-9][A-Za-z0-9._-]*)$/;
const BUFFER_BYTES = 1024 * 1024;

/**
 * Root restores what a bundle says, and closes findings by it: it and the named files of it ('' is the directory) must
 * belong to this user or to root, and nobody else may write them. restore.sh asks the same. What SHA256SUMS names is
 * covered by it.
 * @throws RollcallError (4); for what is no bundle (2)
 */
export function refuseForeign(bundle: string, names: readonly string[]): void {
  for (const name of names) refuseOne(bundle, name);
}

function refuseOne(bundle: string, name: string): void {
  let fd: number;
  try {
    fd = openSync(Buffer.concat([bytesOf(bundle), Buffer.from(name)]), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new RollcallError(
      `${bundle} is not a restore bundle: its ${name.slice(1)} cannot be read (${errnoText(errnoOf(cause) ?? 'EINVAL')})`,
      {
        cause,
        next: NO_BUNDLE,
      },
    );
  }
  try {
    const { uid, mode } = fstatSync(fd);
    if ((uid === process.getuid?.() || uid === 0) && (mode & OTHERS_WRITE) === 0) return;
  } finally {
    closeSync(fd);
  }
  throw new RollcallError(`${bundle}${name} belongs to somebody else or can be written by others`, {
    exit: EXIT.guard,
    next: 'after looking at it: chown -R it to yourself, chmod -R go-w; or assess again',
  });
}

/** The real path of a bundle. Throws RollcallError. */
export function placeOf(path: string): string {
  return opened(path, 'bundle', () => realPathOf(path));
}

/**
 * What `open` makes of a place that a person or a bundle has named; where it cannot be opened, a RollcallError that
 * says which place.
 */
export function opened<T>(path: string, what: 'bundle' | 'target', open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new RollcallError(`the ${what} ${path} cannot be opened: ${errnoText(error.errno)}`, {
      cause: error,
      next:
        what === 'bundle' ? NO_BUNDLE : 'Check the path, and that the file system that holds it is mounted (findmnt).',
    });
  }
}

/** Path of one file of a bundle. */
export function fileOf(bundle: string, name: string): Buffer {
  return Buffer.concat([bytesOf(bundle), Buffer.from(`/${name}`)]);
}

/** task: which one it was written for; null for none. */
export function readSummary(bundle: string): { volume: string; livePath: string; task: string | null } {
  let raw: string;
  try {
    raw = readFileSync(fileOf(bundle, 'summary.json'), 'utf8');
  } catch (error) {
    throw new RollcallError(
      `${bundle} is not a restore bundle: its summary.json cannot be read (${errnoText(errnoOf(error) ?? 'EINVAL')})`,
      {
        cause: error,
        next: NO_BUNDLE,
      },
    );
  }
  let summary: unknown;
  try {
    summary = JSON.parse(raw);
  } catch (error) {
    throw new RollcallError(`${bundle} is not a restore bundle: summary.json is not JSON`, {
      cause: error,
      next: NO_BUNDLE,
    });
  }
  const { format, volume, live, task } = (summary ?? {}) as {
    readonly format?: unknown;
    readonly task?: unknown;
    readonly volume?: unknown;
    readonly live?: { readonly path?: unknown } | null;
  };
  const livePath = live?.path;
  if (format === undefined || typeof volume !== 'string' || typeof livePath !== 'string') {
    throw new RollcallError(`${bundle} is not a restore bundle: summary.json does not say which volume it is of`, {
      next: NO_BUNDLE,
    });
  }
  if (format !== BUNDLE_FORMAT) {
    throw new RollcallError(`${bundle} has format ${JSON.stringify(format)}; this version knows ${BUNDLE_FORMAT}`, {
      next: 'use the version of rollcall that wrote it',
    });
  }
  return { volume, livePath, task: typeof task === 'string' ? task : null };
}

/** Every file of the bundle is as it was written. What was added since (journal, evidence) is none of them. */
export function checkSums(bundle: string): void {
  const refuse = (what: string, cause?: unknown): never => {
    throw new RollcallError(`the bundle is not as it was written: ${what}`, {
      exit: EXIT.guard,
      next: 'write a new one with: rollcall assess',
      ...(cause === undefined ? {} : { cause }),
    });
  };
  const seen = new Set<string>();
  let text: string;
  try {
    text = readFileSync(fileOf(bundle, 'SHA256SUMS'), 'utf8');
  } catch (error) {
    return refuse(`SHA256SUMS ${errnoOf(error) ?? 'cannot be read'}`, error);
  }
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, sum, name] = SUM_LINE.exec(line) ?? [];
    if (sum === undefined || name === undefined) return refuse('SHA256SUMS holds a line of another shape');
    seen.add(name);
    let found: string;
    try {
      found = sha256Of(fileOf(bundle, name));
    } catch (error) {
      return refuse(`${name} ${errnoOf(error) ?? 'cannot be read'}`, error);
    }
    if (found !== sum) refuse(`${name} has another SHA-256`);
  }
  for (const name of ['manifest.jsonl', 'summary.json', 'lists/target0', 'lists/backups0'])
    if (!seen.has(name)) refuse(`SHA256SUMS lacks ${name}`);
}

function sha256Of(path: Buffer): string {
  const fd = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) hash.update(buffer.subarray(0, got));
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}
