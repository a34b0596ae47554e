// `cluster.rsync-hash-regex` and `cluster.extra-hash-regex`: how a volume shortens names before it hashes them. They
// are extended regular expressions of POSIX, and become ours only where both say the same: where a name belongs must
// not be guessed.
import { DEFAULT_NAMING, type Naming } from './placement.ts';

/**
 * By the options of the volume as glusterd has written them down, each undefined where it is not set. Null where an
 * expression cannot be followed here: then nobody can say where names belong.
 */
export function namingOf(rsync: string | undefined, extra: string | undefined): Naming | null {
  const [first, second] = [expressionOf(extra, null), expressionOf(rsync, DEFAULT_NAMING.rsync)];
  return first === undefined || second === undefined ? null : { extra: first, rsync: second };
}

/** Undefined for what cannot be followed. */
function expressionOf(text: string | undefined, unset: RegExp | null): RegExp | null | undefined {
  if (text === undefined || text === '') return unset;
  if (text === 'none') return null;
  const translated = translatedOf(text);
  if (translated === null) return undefined;
  try {
    return new RegExp(translated, 's');
  } catch {
    return undefined;
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t\\n\\v\\f\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** A bracket expression, `]` as its first character included; classes stand in brackets of their own. */
const BRACKETS = /^\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]/s;

/** What is written alike and means the same, bracket expressions translated; null for the rest. */
function translatedOf(text: string): string | null {
  let out = '';
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const [brackets, not = '', inner = ''] = BRACKETS.exec(rest) ?? [];
    if (brackets !== undefined) {
      const its = bracketsOf(inner);
      if (its === null) return null;
      out += `[${not}${its}]`;
      at += brackets.length;
      continue;
    }
    const [escaped] = /^\\[^0-9A-Za-z<>`']/s.exec(rest) ?? [];
    // Of two alternatives POSIX takes the longer one, and we the first. `(?`, `{,` and escaped letters differ, too.
    if (escaped === undefined && /^(?:[\\|[]|\(\?|\{,|[*+?{}][*+?])/.test(rest)) return null;
    out += escaped ?? rest[0] ?? '';
    at += escaped?.length ?? 1;
  }
  return out;
}

function bracketsOf(inner: string): string | null {
  let out = '';
  for (let at = 0; at < inner.length; ) {
    const [all, name = ''] = /^\[:([a-z]+):\]/.exec(inner.slice(at)) ?? [];
    if (all !== undefined) {
      const its = CLASSES[name];
      if (its === undefined) return null;
      out += its;
      at += all.length;
    } else if (/^\[[.=]/.test(inner.slice(at))) {
      return null;
    } else {
      const character = inner[at] ?? '';
      out += /[\\\]^[]/.test(character) ? `\\${character}` : character;
      at++;
    }
  }
  return out;
}
