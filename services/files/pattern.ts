// The patterns that people write for snapshots: which part is literal, what they match, and what they cannot match,
// which is said aloud.
import { errnoText, isAbsent } from '../../domain/errno.ts';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import fastGlob from 'fast-glob';
import { RollcallError } from '../../domain/exit.ts';
import { baseName, encodeName, encodePath, isWithin, joinPath, parentOf, plain } from '../../domain/path.ts';
import { errnoOf } from './errors.ts';
import { readdirForGlob } from './glob-listing.ts';
import { workingDirectory } from '../process/working-directory.ts';
import { bytesOf, meaningsOf, realPathOf } from './location.ts';

/** What a pattern names, however it is written: the identity of a series. Printable texts. */
export interface SeriesKey {
  /** Unique: `/backup/daily.*` and `../backup/daily.?` have the same. */
  readonly key: string;
  /** The longest literal beginning, its directory resolved: '/backup/daily.'; for a literal path all of it. */
  readonly literalPrefix: string;
  /** What stands behind the last wildcard: '/home' or ''. */
  readonly lastPart: string;
}

/** What to do about ENOTCONN. */
const SERVER_GONE = 'The program behind this mount has ended: unmount it (umount -l), and mount it again.';

export interface LeftOut {
  /** Absolute, printable. */
  readonly path: string;
  readonly reason: string;
}

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

type Token = { readonly text: string; readonly wild: boolean };

/**
 * Splits one component into literal runs (unescaped) and wildcards: `*`, `?`, `[…]` and `{a,b}`; a backslash makes what
 * follows literal.
 */
function tokensOf(component: string): readonly Token[] {
  const tokens: Token[] = [];
  let literal = '';
  const flush = (): void => {
    if (literal !== '') tokens.push({ text: literal, wild: false });
    literal = '';
  };
  for (let at = 0; at < component.length; at++) {
    const rest = component.slice(at);
    const wild = /^(?:\*+|\?|\[[!^]?\]?[^\]]*\]|\{[^{}]*(?:,|\.\.)[^{}]*\})/.exec(rest)?.[0];
    if (rest.startsWith('\\') && rest.length > 1) {
      literal += rest.charAt(1);
      at++;
    } else if (wild !== undefined) {
      flush();
      tokens.push({ text: wild, wild: true });
      at += wild.length - 1;
    } else {
      literal += component.charAt(at);
    }
  }
  flush();
  return tokens;
}

function textOf(component: readonly Token[]): string {
  return component.map((token) => token.text).join('');
}

/** The literal characters that a component begins with. */
function beginningOf(component: readonly Token[]): string {
  const wild = component.findIndex((token) => token.wild);
  return textOf(wild < 0 ? component : component.slice(0, wild));
}

const printable = (text: string): string => encodePath(Buffer.from(text));

/** Whether text holds what a shell or Rollcall would take for a wildcard. */
export function isPattern(text: string): boolean {
  return text.split('/').some((component) => tokensOf(component).some((token) => token.wild));
}

/**
 * One component as a regular expression. What is not a plain set of characters matches anything: better one match too
 * many.
 */
function expressionOf(component: readonly Token[]): RegExp {
  const parts = component.map(({ text, wild }) => {
    if (!wild) return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    if (text === '?') return '.';
    return /^\[[\w!^-]+\]$/.test(text) ? text.replace('[!', '[^') : '.*';
  });
  try {
    return new RegExp(`^${parts.join('')}$`, 's');
  } catch {
    return /^/;
  }
}

/**
 * Whether a search for the pattern would come to a directory: it matches it, or something below it. Touches nothing.
 */
export function comesTo(pattern: string, directory: string, cwd?: string): boolean {
  const components = posix.resolve(startOf(pattern, cwd), pattern).slice(1).split('/').map(tokensOf);
  const names = directory === '/' ? [] : directory.slice(1).split('/');
  return (
    names.length <= components.length &&
    names.every((name, index) => expressionOf(components[index] ?? []).test(plain(name) ?? name))
  );
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

const UNREADABLE_MAX = 100;

/**
 * fast-glob with every option spelled out; directories that cannot be read are left out by name instead of failing the
 * rest. `absolute` stays off: it would turn backslashes in names into slashes. The base is given as cwd: within a
 * pattern fast-glob loses a base whose name holds escaped wildcards, backslashes or a newline.
 */
async function glob(
  base: string,
  below: readonly (readonly Token[])[],
  leftOut: LeftOut[],
): Promise<readonly string[]> {
  const directory = plain(base);
  // fast-glob takes a backslash in a directory's name for a slash.
  if (directory === null || directory.includes('\\')) throw notText(base);
  const parts = below.map((component) =>
    component.map((token) => (token.wild ? token.text : fastGlob.escapePath(token.text))).join(''),
  );
  const ignore: string[] = [];
  for (;;) {
    try {
      const found = await fastGlob.glob(parts.join('/'), {
        absolute: false,
        baseNameMatch: false,
        braceExpansion: true,
        caseSensitiveMatch: true,
        concurrency: 1,
        cwd: directory,
        dot: true,
        extglob: false,
        followSymbolicLinks: false,
        fs: { readdir: readdirForGlob },
        globstar: false,
        ignore,
        markDirectories: false,
        objectMode: false,
        onlyDirectories: false,
        onlyFiles: false,
        stats: false,
        suppressErrors: false,
        throwErrorOnBrokenSymbolicLink: false,
        unique: true,
      });
      // U+FFFD stands for bytes that were lost: such a path leads nowhere, and the name is told by unmatchable().
      return found.filter((path) => !path.includes('\ufffd')).map((path) => joinPath(base, printable(path)));
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === null || !(cause instanceof Error) || !('path' in cause) || typeof cause.path !== 'string')
        throw cause;
      const path = printable(cause.path);
      if (path === base || ignore.length >= 2 * UNREADABLE_MAX) {
        throw new RollcallError(
          `${path} cannot be listed (${errnoText(errno)}), so the snapshots in it are not known.`,
          {
            next: 'Run as a user who may read the backup, and check its mount.',
            cause,
          },
        );
      }
      leftOut.push({ path, reason: `it cannot be listed (${errnoText(errno)})` });
      const unreadable = fastGlob.escapePath(posix.relative(directory, cause.path));
      ignore.push(unreadable, `${unreadable}/**`);
    }
  }
}

/**
 * Names that fast-glob drops in silence (with a newline, in some patterns) or mangles (not UTF-8), less those that it
 * has found. They are told, with the way to name them.
 */
function unmatchable(directory: string, beginning: string, found: readonly string[]): readonly LeftOut[] {
  let names: readonly Buffer[];
  try {
    names = readdirSync(bytesOf(directory), { encoding: 'buffer' });
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return [];
  }
  return names.flatMap((name) => {
    const text = name.toString('utf8');
    if (!text.startsWith(beginning) || (!text.includes('\n') && Buffer.from(text).equals(name))) return [];
    const path = joinPath(directory, encodeName(name));
    if (found.some((match) => isWithin(path, match))) return [];
    return {
      path,
      reason: `no pattern can match a name with a newline or bytes that are not UTF-8; give it on its own: --backup '${path}'`,
    };
  });
}

/**
 * A pattern as it stands for itself, wherever it was typed: absolute, without `.` and `..`. For a path that exists, its
 * real path.
 */
export function absolutePattern(pattern: string, cwd?: string): string {
  return literally(pattern, cwd)?.series.key ?? posix.resolve(startOf(pattern, cwd), pattern);
}

/** What a pattern starts from, as a pattern: the wildcards in the current directory's own name are none. */
function startOf(pattern: string, cwd: string | undefined): string {
  if (posix.isAbsolute(pattern)) return '/';
  const here = cwd ?? workingDirectory();
  const text = plain(here);
  if (text === null) throw notText(here);
  return text.replace(/[\\*?[\]{}]/g, '\\$&');
}

function notText(base: string): RollcallError {
  return new RollcallError(`A pattern cannot be used below ${base}, whose name is not UTF-8 or holds a backslash.`, {
    next: 'Give each snapshot on its own, with --backup and its path as Rollcall prints it.',
  });
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
  const isWild = (component: readonly Token[]): boolean => component.some((token) => token.wild);
  const first = tokens.findIndex(isWild);
  if (first < 0) {
    const path = printable(`/${tokens.map(textOf).join('/')}`);
    return { series: { key: path, literalPrefix: path, lastPart: '' }, literal: true, matches: [], leftOut: [] };
  }

  const base = resolvedPrefix(printable(`/${tokens.slice(0, first).map(textOf).join('/')}`));
  const below = tokens.slice(first);
  const last = below.findLastIndex(isWild);
  const literalPrefix = joinPath(base, printable(beginningOf(below[0] ?? [])));
  const ending = (below[last] ?? []).slice((below[last] ?? []).findLastIndex((token) => token.wild) + 1);
  const lastPart = printable([textOf(ending), ...below.slice(last + 1).map(textOf)].join('/'));

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
  return { series: { key: `${literalPrefix}*${lastPart}`, literalPrefix, lastPart }, literal: false, matches, leftOut };
}
