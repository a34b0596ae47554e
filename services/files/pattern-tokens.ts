// A pattern as text: its literal parts, its wildcards, and what it could match. Looks at no file system.
import { posix } from 'node:path';
import { RollcallError } from '../../domain/exit.ts';
import { encodePath, plain } from '../../domain/path.ts';
import { workingDirectory } from '../process/working-directory.ts';

export type Token = { readonly text: string; readonly wild: boolean };

/**
 * Splits one component into literal runs (unescaped) and wildcards: `*`, `?`, `[…]` and `{a,b}`; a backslash makes what
 * follows literal.
 */
export function tokensOf(component: string): readonly Token[] {
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

export function textOf(component: readonly Token[]): string {
  return component.map((token) => token.text).join('');
}

/** The literal characters that a component begins with. */
export function beginningOf(component: readonly Token[]): string {
  const wild = component.findIndex((token) => token.wild);
  return textOf(wild < 0 ? component : component.slice(0, wild));
}

export const printable = (text: string): string => encodePath(Buffer.from(text));

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
