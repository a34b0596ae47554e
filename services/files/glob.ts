// The search for what a pattern matches, by fast-glob, and the names that it cannot find.
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import fastGlob from 'fast-glob';
import { errnoText } from '../../domain/errno.ts';
import { RollcallError } from '../../domain/exit.ts';
import { encodeName, isWithin, joinPath, plain } from '../../domain/path.ts';
import { printable, type Token } from '../../domain/snapshot-pattern.ts';
import { errnoOf } from './errors.ts';
import { readdirForGlob } from './glob-listing.ts';
import { bytesOf } from './location.ts';
import { notText } from './pattern-tokens.ts';

export interface LeftOut {
  /** Absolute, printable. */
  readonly path: string;
  readonly reason: string;
}

const UNREADABLE_MAX = 100;

/**
 * fast-glob with every option spelled out; directories that cannot be read are left out by name instead of failing the
 * rest. `absolute` stays off: it would turn backslashes in names into slashes. The base is given as cwd: within a
 * pattern fast-glob loses a base whose name holds escaped wildcards, backslashes or a newline.
 */
export async function glob(
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
export function unmatchable(directory: string, beginning: string, found: readonly string[]): readonly LeftOut[] {
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
