// Names and paths: the one bijection between the bytes of a Linux name and a printable text form
// (docs/design.md#paths). That text is what the catalog, JSON, reports, pages and arguments carry; the bytes exist at
// the file system only.
//
// Valid UTF-8 stays as it is; `\` becomes `\\`; control and bidi characters and bytes that are not UTF-8 become `\xhh`,
// lower case, byte by byte. A path is names joined by '/'; '' is the root of a volume. Text that is not what encoding
// would give is rejected, so that one name has one form.

/**
 * What cannot stand in printable text as it is; U+FFFD and surrogates also match, because a decoder may have made them
 * out of other bytes.
 */
const SPECIAL = /[\\\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd\p{Cs}]/u;

const HEX = '0123456789abcdef';
const ESCAPED_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `\\x${HEX.charAt(byte >> 4)}${HEX.charAt(byte & 15)}`,
);
const BACKSLASH = 0x5c;
const SLASH = 0x2f;

const utf8 = new TextEncoder();
// ignoreBOM means: do not drop a leading U+FEFF, which is part of the name.
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Raw text from outside, made fit for a terminal: JSON escapes the C0 controls only. */
function quoted(text: string): string {
  const shown = JSON.stringify(text);
  return shown.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Cs}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Text that is not the printable form of any name or path. */
export class PathError extends Error {
  readonly text: string;

  constructor(text: string, why: string) {
    super(`${quoted(text)} is not a printable path: ${why}`);
    this.name = 'PathError';
    this.text = text;
  }
}

/** Characters that are valid UTF-8 and yet never shown as they are. */
function isHidden(codePoint: number): boolean {
  return (
    codePoint < 0x20 ||
    (codePoint >= 0x7f && codePoint <= 0x9f) ||
    codePoint === 0x061c ||
    codePoint === 0x200e ||
    codePoint === 0x200f ||
    (codePoint >= 0x2028 && codePoint <= 0x202e) ||
    (codePoint >= 0x2066 && codePoint <= 0x2069)
  );
}

/**
 * Length in bytes of the valid UTF-8 sequence that starts at `at` (RFC 3629: no overlong forms, no surrogates), or 0.
 */
function sequenceLength(bytes: Uint8Array, at: number): 0 | 1 | 2 | 3 | 4 {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = bytes[at + 1] ?? 0;
  if (first < 0xe0) return (second & 0xc0) === 0x80 ? 2 : 0;
  const third = bytes[at + 2] ?? 0;
  if (first < 0xf0) {
    const low = first === 0xe0 ? 0xa0 : 0x80;
    const high = first === 0xed ? 0x9f : 0xbf;
    return second >= low && second <= high && (third & 0xc0) === 0x80 ? 3 : 0;
  }
  const low = first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xf4 ? 0x8f : 0xbf;
  const fourth = bytes[at + 3] ?? 0;
  return second >= low && second <= high && (third & 0xc0) === 0x80 && (fourth & 0xc0) === 0x80 ? 4 : 0;
}

function codePointAt(bytes: Uint8Array, at: number, length: 1 | 2 | 3 | 4): number {
  const first = bytes[at] ?? 0;
  if (length === 1) return first;
  const second = (bytes[at + 1] ?? 0) & 0x3f;
  if (length === 2) return ((first & 0x1f) << 6) | second;
  const third = (bytes[at + 2] ?? 0) & 0x3f;
  if (length === 3) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | ((bytes[at + 3] ?? 0) & 0x3f);
}

/** The printable form of any bytes but NUL: a name, a path, a symlink's target. A '/' stays as it is. */
export function encodePath(bytes: Uint8Array): string {
  let text = '';
  // What stands as it is goes through the decoder in runs: one call for most names.
  let runStart = 0;
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    const codePoint = length === 0 ? -1 : codePointAt(bytes, at, length);
    if (codePoint === 0) throw new Error('a path holds a NUL byte: it did not come from a file system');
    if (codePoint >= 0 && codePoint !== BACKSLASH && !isHidden(codePoint)) {
      at += length;
      continue;
    }
    if (at > runStart) text += strictUtf8.decode(bytes.subarray(runStart, at));
    runStart = at + (length || 1);
    if (codePoint === BACKSLASH) text += '\\\\';
    else for (let i = at; i < runStart; i++) text += ESCAPED_BYTE[bytes[i] ?? 0];
    at = runStart;
  }
  return at > runStart ? text + strictUtf8.decode(bytes.subarray(runStart, at)) : text;
}

/**
 * The printable form of one name's bytes. A name cannot hold '/' or NUL: such bytes are a bug of the caller and throw.
 */
export function encodeName(bytes: Uint8Array): string {
  if (bytes.includes(SLASH)) throw new Error("a name holds '/': it did not come from a directory");
  return encodePath(bytes);
}

/**
 * The printable form of a name or path that is an ordinary JavaScript string. It must be well-formed and without
 * U+FFFD, which a decoder may have put for bytes that were not UTF-8: such names come as bytes (encodeName,
 * encodePath). Returns the same string where nothing is special.
 */
export function encodeText(s: string): string {
  if (!SPECIAL.test(s)) return s;
  if (/[\ufffd\p{Cs}]/u.test(s))
    throw new PathError(s, 'it holds U+FFFD or a lone surrogate, so its bytes are not known');
  return encodePath(utf8.encode(s));
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

/** Undoes the escapes; whether the text was canonical is checked by whoever calls. */
function unescape(text: string): Uint8Array {
  const raw = utf8.encode(text);
  let written = 0;
  for (let at = 0; at < raw.length; ) {
    const byte = raw[at] ?? 0;
    if (byte !== BACKSLASH) {
      raw[written++] = byte;
      at += 1;
    } else if (raw[at + 1] === BACKSLASH) {
      raw[written++] = BACKSLASH;
      at += 2;
    } else {
      const high = raw[at + 1] === 0x78 ? hexDigit(raw[at + 2] ?? 0) : -1;
      const low = hexDigit(raw[at + 3] ?? 0);
      if (high < 0 || low < 0)
        throw new PathError(text, 'a backslash stands for itself as \\\\, and for a byte as \\xhh');
      raw[written++] = (high << 4) | low;
      at += 4;
    }
  }
  return raw.subarray(0, written);
}

function decode(text: string): Uint8Array {
  if (!SPECIAL.test(text)) return utf8.encode(text);
  const bytes = unescape(text);
  if (bytes.includes(0)) throw new PathError(text, 'no name holds a NUL byte');
  if (encodePath(bytes) !== text) throw new PathError(text, `its form is not canonical: ${encodePath(bytes)}`);
  return bytes;
}

/** The bytes of one name. Throws PathError for text that is not canonical, is empty, holds '/', or is '.' or '..'. */
export function decodeName(text: string): Uint8Array {
  if (text === '' || text === '.' || text === '..') throw new PathError(text, 'it is not the name of an entry');
  if (text.includes('/')) throw new PathError(text, "a name does not hold '/'");
  return decode(text);
}

/**
 * The bytes of a path: '' (the root), names joined by '/', or an absolute path. Throws PathError for text that is not
 * canonical and for components that are empty, '.' or '..', so that a path from outside cannot lead out of its root.
 */
export function decodePath(text: string): Uint8Array {
  if (text === '' || text === '/') return utf8.encode(text);
  for (const name of (text.startsWith('/') ? text.slice(1) : text).split('/')) {
    if (name === '' || name === '.' || name === '..')
      throw new PathError(text, "it holds '//', '.' or '..', or ends with '/'");
  }
  return decode(text);
}

/**
 * The bytes of a symlink's target, which may hold anything, '..' too. Throws PathError for text that is not canonical.
 */
export function decodeTarget(text: string): Uint8Array {
  return decode(text);
}

/**
 * The ordinary string of a canonical name or path if one can be handed to the file system as a string, or null if its
 * bytes are not UTF-8 and only decodeName or decodePath will do. Text without an escape is returned as it is.
 */
export function plain(text: string): string | null {
  if (!text.includes('\\')) return text;
  try {
    return strictUtf8.decode(unescape(text));
  } catch (error) {
    if (error instanceof PathError) throw error;
    return null;
  }
}

/** A name below a directory; '' is the root of a volume, '/' that of the machine. */
export function joinPath(directory: string, name: string): string {
  if (directory === '') return name;
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** The directory that holds a path. The roots ('' and '/') have none: asking is a bug and throws. */
export function parentOf(path: string): string {
  if (path === '' || path === '/') throw new Error('a root has no parent');
  const slash = path.lastIndexOf('/');
  if (slash < 0) return '';
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** The last name of a path; '' for the roots. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether a path is `ancestor` or lies below it, by components: 'a/bc' is not within 'a/b'. */
export function isWithin(ancestor: string, path: string): boolean {
  if (ancestor === '' || ancestor === path) return true;
  if (!path.startsWith(ancestor)) return false;
  return ancestor.endsWith('/') || path.charCodeAt(ancestor.length) === SLASH;
}

/**
 * Order of two texts by their bytes in UTF-8, as Postgres orders them under collate "C": negative, 0 or positive.
 * JavaScript compares UTF-16 units, which puts U+10000 and above before U+E000–U+FFFF.
 */
export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for U+10000 and above: they come after every other unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}
