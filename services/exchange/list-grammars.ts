// What one line says in each format of lists that other tools print. Pure. Lines are latin1 text, one character a byte.
import { decodePath, PathError } from '../../domain/path.ts';
import { parseHex } from '../../domain/digest.ts';
import type { ReadFormat } from '../../domain/list-formats.ts';

const FIRST_LINES = 50;

/** What one line says, before its path is placed below the volume. */
export type Said =
  | {
      readonly kind: 'file';
      readonly name: string;
      readonly size: number | null;
      readonly digest: bigint | null;
      readonly foreign: string | null;
    }
  | { readonly kind: 'directory' }
  /** A name of which the list does not tell what it is. */
  | { readonly kind: 'undigested' }
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'comment' }
  | { readonly kind: 'problem'; readonly why: string };

const problem = (why: string): Said => ({ kind: 'problem', why });
const COMMENT: Said = { kind: 'comment' };

/** What is known of the whole list before its first line is understood. */
interface Whole {
  /** Lines end with NUL. */
  readonly zero: boolean;
  /** Every line ends as on Windows. */
  readonly crlf: boolean;
  /** combined: which of the two compared sides is meant. */
  readonly side: 'src' | 'dst' | null;
  readonly lines: readonly string[];
}

/** Understands the lines of a list, which must be given in their order. */
export function grammarOf(format: ReadFormat, { zero, crlf, side, lines }: Whole): (line: string) => Said {
  switch (format) {
    case 'checksum':
      return (line) => checksum(line, { zero, crlf });
    case 'borg':
      return borg;
    case 'hashdeep':
      return hashdeep();
    case 'combined':
      return (line) => combined(line, side);
    case 'lsf': {
      const sized = lines.length > 0 && lines.every((line) => /^-?\d+;./s.test(line));
      return (line) => lsf(line, sized);
    }
    case 'jsonl':
      return json;
  }
}

/** Told from the first lines; null where they fit no format for certain. */
export function detect(lines: readonly string[]): ReadFormat | null {
  if (lines[0]?.startsWith('%%%% HASHDEEP') === true) return 'hashdeep';
  const first = lines.slice(0, FIRST_LINES);
  if (first.length > 0 && first.every((line) => line.startsWith('{"path":'))) return 'jsonl';
  const told = first.filter((line) => !line.startsWith('#') && line !== '');
  if (told.length === 0) return null;
  // A single space behind 16 digits: no checksum tool prints that, and where one line has it the next may hold a name
  // that begins with a space.
  if (told.every((line) => BORG.test(line)) && told.some((line) => BORG_ONLY.test(line))) return 'borg';
  if (told.some((line) => GNU.test(line) || REVERSED.test(line) || BSD.test(line))) return 'checksum';
  return told.every((line) => /^[=+*!-] ./s.test(line)) ? 'combined' : null;
}

const GNU = /^(\\?)(XXH3_[0-9a-fA-F]{16}|[0-9a-fA-F]{8,128}) [ *](.+)$/s;
/** `md5 -r` of macOS and BSD, which has no escapes. */
const REVERSED = /^()([0-9a-fA-F]{32,128}) ([^ *].*)$/s;
/** md5 and sha256 of BSD and macOS, coreutils with --tag; openssl leaves two spaces out. */
const BSD = /^(\\?)([A-Za-z][A-Za-z0-9_/-]*)(?: \((.*)\) |\((.*)\))= ([0-9a-fA-F]+)$/s;
/** borg list --format '{xxh64} {path}{NL}': what is no file with content of its own has no digest. */
const BORG = /^(|[0-9a-f]{8,128}) (.+)$/s;
const BORG_ONLY = /^[0-9a-f]{16} [^ *]/s;
/** rclone hashsum where a backend has no digest, or a file could not be read. */
const WITHOUT_DIGEST = /^(?:ERROR|UNSUPPORTED| {8,}) {2}(.+)$/s;
const BY_LENGTH: Readonly<Record<number, string>> = {
  8: 'XXH32 or CRC-32',
  32: 'MD5 or XXH128',
  40: 'SHA1',
  56: 'SHA224',
  64: 'SHA256',
  96: 'SHA384',
  128: 'SHA512',
};
const XXH64_DIGITS = 16;

/** md5sum, sha256sum, xxhsum, rclone hashsum, openssl; GNU's layout or BSD's. */
function checksum(line: string, ends: Ends): Said {
  const gnu = GNU.exec(line) ?? REVERSED.exec(line);
  if (gnu !== null) {
    const [, mark = '', digest = '', name = ''] = gnu;
    if (digest.startsWith('XXH3_')) return named(name, mark, { digest: null, foreign: 'XXH3' }, ends);
    if (digest.length === XXH64_DIGITS)
      return named(name, mark, { digest: parseHex(digest.toLowerCase()), foreign: null }, ends);
    const foreign = BY_LENGTH[digest.length];
    return foreign === undefined
      ? problem(`a digest of ${digest.length} digits is not one that Rollcall knows`)
      : named(name, mark, { digest: null, foreign: foreign }, ends);
  }
  const bsd = BSD.exec(line);
  if (bsd !== null) {
    const [, mark = '', algorithm = '', spaced, close = '', digest = ''] = bsd;
    const name = spaced ?? close;
    const isXxh64 = algorithm === 'XXH64' || algorithm === 'XXH64_LE';
    if (!isXxh64) return named(name, mark, { digest: null, foreign: algorithm }, ends);
    if (digest.length !== XXH64_DIGITS) return problem(`an XXH64 digest has 16 digits, and this one ${digest.length}`);
    const big = algorithm === 'XXH64' ? digest : (digest.match(/../g) ?? []).reverse().join('');
    return named(name, mark, { digest: parseHex(big.toLowerCase()), foreign: null }, ends);
  }
  const without = WITHOUT_DIGEST.exec(line);
  if (without !== null) return named(without[1] ?? '', '', { digest: null, foreign: 'no digest' }, ends);
  if (line.startsWith('#')) return COMMENT;
  return problem(line === '' ? 'it is empty' : 'it is not a line of a checksum file');
}

/**
 * Names are printed as they are. Directories, links, and further names of one inode have no digest, and the list does
 * not tell which they are.
 */
function borg(line: string): Said {
  const [, digest = '', name = ''] = BORG.exec(line) ?? [];
  if (name === '') return problem('it is not a line of a list that borg made with {xxh64} {path}');
  if (digest === '') return { kind: 'undigested' };
  if (digest.length === XXH64_DIGITS)
    return { kind: 'file', name, size: null, digest: parseHex(digest), foreign: null };
  const foreign = BY_LENGTH[digest.length];
  return foreign === undefined
    ? problem(`a digest of ${digest.length} digits is not one that Rollcall knows`)
    : { kind: 'file', name, size: null, digest: null, foreign };
}

interface Ends {
  /** Lines end with NUL. */
  readonly zero: boolean;
  /** Lines end as on Windows. */
  readonly crlf: boolean;
}

function named(
  name: string,
  mark: string,
  read: { readonly digest: bigint | null; readonly foreign: string | null },
  { zero, crlf }: Ends,
): Said {
  if (zero && mark !== '') return problem('lines that end with NUL have no escapes');
  if (crlf && mark === '' && name.includes('\\'))
    return problem('its name has backslashes, which are separators on Windows: write them as /');
  const plain = mark === '' ? name : unescape(name);
  if (plain === null) return problem('after a backslash only \\, n and r are allowed in an escaped name');
  return { kind: 'file', name: plain, size: null, ...read };
}

/** coreutils and xxhsum from 0.8.2 on; null for any other escape. */
function unescape(name: string): string | null {
  if (!/^(?:[^\\]|\\[\\nr])*$/s.test(name)) return null;
  return name.replace(/\\([\\nr])/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? '\\');
}

/** Its digests are none that Rollcall computes; sizes and names are what counts. */
function hashdeep(): (line: string) => Said {
  let columns: readonly string[] | null = null;
  return (line) => {
    if (line.startsWith('%%%% HASHDEEP') || line.startsWith('##')) return COMMENT;
    if (line.startsWith('%%%% ')) {
      columns = line.slice(5).trim().split(',');
      const valid = columns[0] === 'size' && columns.at(-1) === 'filename' && columns.length > 2;
      return valid ? COMMENT : problem('the columns are not size, digests and filename');
    }
    if (columns === null) return problem('it comes before the line that names the columns');
    const fields = line.split(',');
    const digests = fields.slice(1, columns.length - 1);
    const size = Number(fields[0]);
    const name = fields.slice(columns.length - 1).join(',');
    const valid =
      /^\d+$/.test(fields[0] ?? '') && Number.isSafeInteger(size) && digests.every((d) => /^[0-9a-f]+$/i.test(d));
    if (!valid || name === '')
      return problem('it is not a line of a hashdeep file (hashdeep cuts names with a line feed in two)');
    return { kind: 'file', name, size, digest: null, foreign: columns.slice(1, -1).join(', ') };
  };
}

/** The names of one side; what could not be compared may not even be there. */
function combined(line: string, side: Whole['side']): Said {
  const found = /^([=+*!-]) (.+)$/s.exec(line);
  if (found === null) return problem('it is not a line of rclone check --combined');
  const [, sign = '', name = ''] = found;
  const has = side === 'dst' ? '=*-' : '=*+';
  if (!has.includes(sign)) return { kind: 'elsewhere' };
  return { kind: 'file', name, size: null, digest: null, foreign: 'no digest' };
}

/** rclone lsf -R: paths, or with --format sp size and path. */
function lsf(line: string, sized: boolean): Said {
  const cut = sized ? line.indexOf(';') + 1 : 0;
  const name = line.slice(cut);
  if (name === '') return problem('it is empty');
  if (name.endsWith('/')) return { kind: 'directory' };
  const size = sized ? Number(line.slice(0, cut - 1)) : null;
  if (size !== null && (size < 0 || !Number.isSafeInteger(size))) return problem('its size is not known');
  return { kind: 'file', name, size, digest: null, foreign: 'no digest' };
}

/** What rollcall export --format jsonl writes. */
function json(line: string): Said {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
  } catch {
    return problem('it is not JSON');
  }
  if (typeof value !== 'object' || value === null) return problem('it is not an object');
  const { path, kind, size, xxh64 } = value as Readonly<Record<string, unknown>>;
  if (typeof path !== 'string' || typeof kind !== 'string') return problem('it has no path or no kind');
  if (kind !== 'file') return { kind: 'directory' };
  if (size !== null && !(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0))
    return problem('its size is not a number of bytes');
  if (xxh64 !== null && !(typeof xxh64 === 'string' && /^[0-9a-f]{16}$/.test(xxh64)))
    return problem('its xxh64 is not 16 hex digits');
  try {
    const name = Buffer.from(decodePath(path)).toString('latin1');
    const digest = xxh64 === null ? null : parseHex(xxh64);
    return { kind: 'file', name, size, digest, foreign: digest === null ? 'no digest' : null };
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    return problem(error.message);
  }
}
