// The patterns that people write for snapshots: which part is literal, what they match, and what they cannot match,
// which is said aloud.
import { lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { isAbsent } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { baseName, encodePath, joinPath, parentOf } from '../../domain/path.ts';
import {
  beginningOf,
  isWild,
  printable,
  type SeriesKey,
  seriesKey,
  textOf,
  tokensOf,
} from '../../domain/snapshot-pattern.ts';
import { errnoOf } from './errors.ts';
import { glob, type LeftOut, unmatchable } from './glob.ts';
import { bytesOf, meaningsOf, realPathOf } from './location.ts';
import { startOf } from './pattern-tokens.ts';

/** What to do about ENOTCONN. */
const SERVER_GONE = 'The program behind this mount has ended: unmount it (umount -l), and mount it again.';

export interface Match {
  /** Absolute, printable, exists, a directory and no symlink. */
  readonly path: string;
  /** The components that wildcards matched, joined by '/'; for a literal path its last component. */
  readonly name: string;
  /** Where the first of these components lies. */
  readonly container: string;
}

export interface Expansion {
  readonly series: SeriesKey;
  /** True when the pattern is itself the path of one directory. */
  readonly literal: boolean;
  readonly matches: readonly Match[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * The nearest directory that exists, real, with the rest as written: so that a series keeps its key through a symlinked
 * parent.
 */
function resolvedPrefix(directory: string): string {
  try {
    return realPathOf(directory);
  } catch {
    return directory;
  }
}

function refuseUnusable(pattern: string, components: readonly string[]): void {
  if (components.some((component) => component.includes('**'))) {
    throw new RollcallError(`${pattern}: '**' would search the whole backup for snapshots.`, {
      next: "Write one '*' for each directory between the top of the backup and the snapshot, for instance '/backup/*/home'.",
    });
  }
  if (/\{[^}]*\/[^}]*\}/.test(pattern)) {
    throw new RollcallError(`${pattern}: braces cannot hold a '/' here.`, {
      next: 'Give one --backup for each alternative.',
    });
  }
}

interface Located {
  readonly path: string;
  readonly kind: 'directory' | 'symlink' | 'other';
}

function locate(path: string): Located | string {
  try {
    const stat = lstatSync(bytesOf(path));
    return { path, kind: stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'other' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return errno;
  }
}

function targetOf(path: string): string {
  try {
    return encodePath(readlinkSync(bytesOf(path), { encoding: 'buffer' }));
  } catch {
    return '?';
  }
}

/**
 * A path that exists as it was typed; symlinks are followed, because a person has named them. Null when there is none.
 */
function literally(pattern: string, cwd: string | undefined): Expansion | null {
  for (const path of meaningsOf(pattern, cwd)) {
    const found = locate(path);
    if (typeof found === 'string') {
      if (isAbsent(found) || found === 'ENAMETOOLONG') continue;
      throw new RollcallError(`${path} cannot be read (${found}).`, {
        next: found === 'ENOTCONN' ? SERVER_GONE : 'Check the mount and the permissions; run as root where needed.',
      });
    }
    let real: string;
    try {
      real = realPathOf(path);
    } catch (cause) {
      throw new RollcallError(`${path} is a symbolic link that leads nowhere (to ${targetOf(path)}).`, {
        next: 'Name the directory itself, and check that its file system is mounted.',
        cause,
      });
    }
    const series = { key: real, literalPrefix: real, lastPart: '' };
    const target = locate(real);
    const isDirectory = typeof target !== 'string' && target.kind === 'directory';
    return {
      series,
      literal: true,
      matches: isDirectory
        ? [{ path: real, name: baseName(real), container: real === '/' ? real : parentOf(real) }]
        : [],
      leftOut: isDirectory ? [] : [{ path: real, reason: 'it is not a directory' }],
    };
  }
  return null;
}

/**
 * A pattern as it stands for itself, wherever it was typed: absolute, without `.` and `..`. For a path that exists, its
 * real path.
 */
export function absolutePattern(pattern: string, cwd?: string): string {
  return literally(pattern, cwd)?.series.key ?? posix.resolve(startOf(pattern, cwd), pattern);
}

/**
 * What an argument of --backup names. It is tried as a path first: a directory that exists is taken as it is, whatever
 * characters it holds. Otherwise it is a pattern: `*`, `?`, `[a-z]` and `{daily,weekly}`, each within one component,
 * dots matched, no symlinks followed; `**` is refused, since it would walk the backup. fast-glob cannot match names
 * that are not UTF-8, and some with a newline: those are in leftOut. Links, files, and hidden names that the pattern
 * does not spell with their dot are in leftOut, with the reason. Throws RollcallError for a pattern that cannot be used
 * and for a directory that cannot be listed.
 *
 * @param cwd absolute, printable; the process's by default
 */
export async function expandPattern(pattern: string, cwd?: string): Promise<Expansion> {
  const literal = literally(pattern, cwd);
  if (literal) return literal;

  const components = posix.resolve(startOf(pattern, cwd), pattern).slice(1).split('/');
  refuseUnusable(pattern, components);
  const tokens = components.map(tokensOf);
  const first = tokens.findIndex(isWild);
  if (first < 0) {
    const path = printable(`/${tokens.map(textOf).join('/')}`);
    return { series: { key: path, literalPrefix: path, lastPart: '' }, literal: true, matches: [], leftOut: [] };
  }

  const base = resolvedPrefix(printable(`/${tokens.slice(0, first).map(textOf).join('/')}`));
  const below = tokens.slice(first);
  const last = below.findLastIndex(isWild);

  const leftOut: LeftOut[] = [];
  const containers = new Map<string, string>([[base, beginningOf(below[0] ?? [])]]);
  const matches: Match[] = [];
  const found = await glob(base, below, leftOut);
  for (const path of found) {
    const names = (base === '/' ? path : path.slice(base.length)).slice(1).split('/');
    const directoryAt = (at: number): string => names.slice(0, at).reduce(joinPath, base);
    for (const [at, component] of below.entries())
      if (isWild(component)) containers.set(directoryAt(at), beginningOf(component));
    const hidden = names.find((name, at) => name.startsWith('.') && below[at]?.[0]?.wild);
    const entry = locate(path);
    if (typeof entry === 'string') leftOut.push({ path, reason: `it cannot be read (${entry})` });
    else if (entry.kind === 'symlink') leftOut.push({ path, reason: `it is a symbolic link to ${targetOf(path)}` });
    else if (entry.kind === 'other') leftOut.push({ path, reason: 'it is not a directory' });
    else if (hidden !== undefined) {
      leftOut.push({ path, reason: `its name begins with a dot (${hidden}), which the pattern does not spell out` });
    } else {
      const name = names.filter((_, at) => isWild(below[at] ?? [])).join('/');
      matches.push({ path, name, container: directoryAt(last) });
    }
  }
  for (const [directory, beginning] of containers) leftOut.push(...unmatchable(directory, beginning, found));
  return { series: seriesKey(base, below), literal: false, matches, leftOut };
}
