// A pattern that was not quoted: the shell makes a word of each match, and the command line is not what was meant.
import { encodePath } from '../../domain/path.ts';
import { shellWord } from '../report/wording.ts';

/**
 * The pattern that all these words match, where they have the same depth and more is alike than not; null where none is
 * plain.
 */
export function patternOf(words: readonly string[]): string | null {
  const paths = words.map((word) => word.split('/'));
  const [first] = paths;
  if (first === undefined || paths.length < 2 || paths.some((path) => path.length !== first.length)) return null;
  const parts = first.map((part, at) => (paths.every((path) => path[at] === part) ? part : '*'));
  return parts.filter((part) => part === '*').length === 1 ? parts.join('/') : null;
}

/**
 * @param before what a pattern stands behind on the command line: '--backup', 'rollcall scan'
 * @param words what the shell may have made of it, the first of them where one was expected
 * @param more how many of them nobody asked for
 */
export function expandedByShell(before: string, words: readonly string[], more: number): string {
  const pattern = patternOf(words);
  const quoted = shellWord(typed(pattern ?? '/backup/*/data'));
  const extra = words.slice(-more).map(typed);
  const shown = extra.length > 2 ? `${extra.slice(0, 2).join(', ')} …` : extra.join(', ');
  return `error: ${more} ${more === 1 ? 'argument' : 'arguments'} too many (${shown}). Did the shell expand a pattern? Quote it: ${before} ${quoted}`;
}

/** As a terminal may show it. */
function typed(word: string): string {
  return encodePath(Buffer.from(word));
}
