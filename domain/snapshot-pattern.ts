// The patterns that people write for snapshots, as text: which part is literal, what stands for anything, and what a
// series is called by that alone.
import { encodePath, joinPath } from './path.ts';

const utf8 = new TextEncoder();

export const printable = (text: string): string => encodePath(utf8.encode(text));

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

export function isWild(component: readonly Token[]): boolean {
  return component.some((token) => token.wild);
}

/** Whether text holds what a shell or Rollcall would take for a wildcard. */
export function isPattern(text: string): boolean {
  return text.split('/').some((component) => isWild(tokensOf(component)));
}

/** What a pattern names, however it is written: the identity of a series. Printable texts. */
export interface SeriesKey {
  /** Unique: `/backup/daily.*` and `../backup/daily.?` have the same. */
  readonly key: string;
  /** The longest literal beginning, its directory resolved: '/backup/daily.'; for a literal path all of it. */
  readonly literalPrefix: string;
  /** What stands behind the last wildcard: '/home' or ''. */
  readonly lastPart: string;
}

/**
 * @param base the directory before the first component with a wildcard, printable, real where it is known
 * @param below the components from there on
 */
export function seriesKey(base: string, below: readonly (readonly Token[])[]): SeriesKey {
  const last = below.findLastIndex(isWild);
  const literalPrefix = joinPath(base, printable(beginningOf(below[0] ?? [])));
  const ending = (below[last] ?? []).slice((below[last] ?? []).findLastIndex((token) => token.wild) + 1);
  const lastPart = printable([textOf(ending), ...below.slice(last + 1).map(textOf)].join('/'));
  return { key: `${literalPrefix}*${lastPart}`, literalPrefix, lastPart };
}

/**
 * The key of a series by the text of its pattern alone, as on the host where no symlink stands before its first
 * wildcard.
 *
 * @param pattern absolute, without `.` and `..`
 */
export function seriesKeyOf(pattern: string): SeriesKey {
  const tokens = pattern.slice(1).split('/').map(tokensOf);
  const first = tokens.findIndex(isWild);
  const literal = (components: readonly (readonly Token[])[]): string =>
    printable(`/${components.map(textOf).join('/')}`);
  if (first < 0) return { key: literal(tokens), literalPrefix: literal(tokens), lastPart: '' };
  return seriesKey(literal(tokens.slice(0, first)), tokens.slice(first));
}
