// What a pattern starts from, and what it could match. Looks at no file system.
import { posix } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { plain } from '../../domain/path.ts';
import { type Token, tokensOf } from '../../domain/snapshot-pattern.ts';
import { workingDirectory } from '../process/working-directory.ts';

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

/** What a pattern starts from, as a pattern: the wildcards in the current directory's own name are none. */
export function startOf(pattern: string, cwd: string | undefined): string {
  if (posix.isAbsolute(pattern)) return '/';
  const here = cwd ?? workingDirectory();
  const text = plain(here);
  if (text === null) throw notText(here);
  return text.replace(/[\\*?[\]{}]/g, '\\$&');
}

export function notText(base: string): RollcallError {
  return new RollcallError(`A pattern cannot be used below ${base}, whose name is not UTF-8 or holds a backslash.`, {
    next: 'Give each snapshot on its own, with --backup and its path as Rollcall prints it.',
  });
}
