// From the bytes of a file to plain values, each with its line and column. Whatever the bytes are, this ends quickly
// and says what is wrong: aliases are followed one by one within a budget, so that a small file cannot become a large
// value.
import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';
import { fieldText, type LocatedProblem, type Place, type Problem } from './problem.ts';

/** More than any configuration holds. */
export const BYTES_MAX = 256 * 1024;
/** What names, paths and reasons do not hold, and what acts on a terminal. */
const UNSEEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/u;
const VALUES_MAX = 20_000;
const DEPTH_MAX = 20;

export interface Source {
  readonly value: unknown;
  readonly locate: (problem: Problem) => LocatedProblem;
}

type Parsed = { readonly source: Source } | { readonly problems: readonly LocatedProblem[] };

const whole = (message: string): Parsed => ({ problems: [{ line: null, column: null, field: '', message }] });

export function parseSource(bytes: Uint8Array): Parsed {
  if (bytes.length > BYTES_MAX) return whole(`the file is larger than ${BYTES_MAX / 1024} KiB`);
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    return whole('the file is UTF-16; save it as UTF-8');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return {
      problems: [{ ...placeOfBadByte(bytes), field: '', message: 'not UTF-8; save the file as UTF-8' }],
    };
  }
  // oxlint-disable-next-line no-control-regex -- what a text file does not hold
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control !== null) {
    const before = text.slice(0, control.index).split('\n');
    const [line, column] = [before.length, (before.at(-1) ?? '').length + 1];
    return { problems: [{ line, column, field: '', message: 'control characters are not allowed' }] };
  }
  const lines = new LineCounter();
  let documents: readonly Document[];
  try {
    const parsed = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
    });
    documents = Array.isArray(parsed) ? parsed : [];
  } catch (error) {
    // Its parser follows the nesting by recursion.
    if (error instanceof RangeError) return whole('nested too deeply');
    throw error;
  }
  return readDocuments(documents, lines);
}

function readDocuments(documents: readonly Document[], lines: LineCounter): Parsed {
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const wrong = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]);
  if (wrong.length > 0) {
    const found = wrong.map((error) => ({ ...at(error.pos[0]), field: '', message: sentenceOf(error) }));
    // One error makes others behind it: the first of a line is the one to correct.
    return { problems: found.filter(({ line }, index) => found.findIndex((one) => one.line === line) === index) };
  }
  const [document, second] = documents;
  if (second !== undefined)
    return {
      problems: [
        { ...at(second.range?.[0] ?? 0), field: '', message: 'a second document begins here; only one is allowed' },
      ],
    };
  if (
    document === undefined ||
    document.contents === null ||
    (isScalar(document.contents) && document.contents.value === null)
  )
    return whole('the file is empty');
  const reader = new Reader();
  const value = reader.read(document.contents, [], 0);
  const locate = ({ place, isKey = false, message }: Problem): LocatedProblem => {
    const offset = reader.offsetOf(place, isKey);
    return { ...(offset === null ? { line: null, column: null } : at(offset)), field: fieldText(place), message };
  };
  const { problems } = reader;
  return problems.length > 0 ? { problems: problems.map(locate) } : { source: { value, locate } };
}

interface Offsets {
  readonly key: number | null;
  readonly value: number;
}

/** One walk over a document. */
class Reader {
  readonly problems: Problem[] = [];
  readonly #anchors = new Map<string, unknown>();
  readonly #offsets = new Map<string, Offsets>();
  #values = 0;

  /** The nearest that was written: a field that is missing is looked for in what should hold it. */
  offsetOf(place: Place, isKey: boolean): number | null {
    for (let length = place.length; length >= 0; length--) {
      const found = this.#offsets.get(JSON.stringify(place.slice(0, length)));
      if (found === undefined) continue;
      const wantsKey = length === place.length ? isKey : true;
      return wantsKey ? (found.key ?? found.value) : found.value;
    }
    return null;
  }

  read(node: unknown, place: Place, depth: number, key: number | null = null): unknown {
    const ranged = node as { readonly range?: readonly number[] | null } | null;
    const offset = ranged?.range?.[0] ?? key ?? 0;
    this.#offsets.set(JSON.stringify(place), { key, value: offset });
    this.#values++;
    if (depth > DEPTH_MAX || this.#values > VALUES_MAX) {
      if (this.problems.length === 0)
        this.problems.push({ place, message: 'too many values: aliases or nesting multiply them' });
      return null;
    }
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target !== undefined) return this.read(target, place, depth + 1, key ?? offset);
      this.problems.push({
        place,
        message: 'no anchor of this name comes before it; text that begins with * needs quotes',
      });
      return null;
    }
    // The one before it that stands nearest counts; an alias within its own anchor ends at the depth that is allowed.
    if (isNode(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return this.#scalar(node.value, place);
    if (isSeq(node)) return node.items.map((item, index) => this.read(item, [...place, index], depth + 1));
    if (!isMap(node)) return null;
    // Without a prototype: __proto__ is a name like any other.
    const value = Object.create(null) as Record<string, unknown>;
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : '';
      const at = isScalar(pair.key) ? (pair.key.range?.[0] ?? null) : null;
      value[name] = this.read(pair.value, [...place, name], depth + 1, at);
    }
    return value;
  }

  #scalar(value: unknown, place: Place): unknown {
    if (typeof value === 'string' && UNSEEN.test(value))
      this.problems.push({ place, message: 'write it on one line, without control characters' });
    return value;
  }
}

/** In plain words, without the text that is wrong: it may be a password. */
const SENTENCES: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  DUPLICATE_KEY: 'this name is used twice',
  BAD_INDENT: 'the indentation does not fit the lines above',
  MISSING_CHAR: 'a colon, quote, comma or closing bracket is missing',
  BAD_ALIAS: 'text that begins with this character needs quotes',
  BAD_SCALAR_START: 'text that begins with this character needs quotes',
  BAD_DQ_ESCAPE: "a backslash in double quotes begins an escape; use single quotes: '…'",
  TAG_RESOLVE_FAILED: 'tags (words that begin with !) are not supported',
  NON_STRING_KEY: 'the name of a field must be text',
  MULTIPLE_DOCS: 'a second document begins here; only one is allowed',
};

function sentenceOf({ code }: YAMLError): string {
  return SENTENCES[code] ?? 'not valid YAML: check the colons, quotes, brackets and indentation here';
}

function placeOfBadByte(bytes: Uint8Array): { line: number; column: number } {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 1;
  let start = 0;
  for (let end = bytes.indexOf(0x0a); ; end = bytes.indexOf(0x0a, start)) {
    const stop = end < 0 ? bytes.length : end;
    try {
      decoder.decode(bytes.subarray(start, stop));
    } catch {
      // What can be read of the line tells the column.
      const column = new TextDecoder().decode(bytes.subarray(start, stop)).indexOf('\ufffd') + 1;
      return { line, column };
    }
    if (end < 0) return { line, column: 1 };
    start = end + 1;
    line++;
  }
}
