// Lines that other tools read, one for each path: the layouts of xxhsum and coreutils, rclone's --combined, and JSON.
// Pure. What a layout cannot hold is refused: a name that was mangled would be believed.
import { decodePath } from '../../domain/path.ts';
import { isFromList } from '../../domain/version.ts';
import type { ComparedPath, ManifestEntry, Side } from '../catalog/manifest.ts';
import { hex } from '../../domain/digest.ts';
import type { DigestFormat } from '../../domain/list-formats.ts';

/** Null: the format cannot hold it. */
export type Line = Buffer | null;

const NEWLINE = Buffer.from('\n');
const NUL = Buffer.from('\0');

function bytesOfPath(path: string): Buffer {
  const bytes = Buffer.from(decodePath(path));
  // `-` alone is standard input to every reader of such lists.
  return bytes.length === 1 && bytes[0] === 0x2d ? Buffer.from('./-') : bytes;
}

/** A line feed ends a line, and a carriage return at the end of one is taken off by some readers. */
function breaksLines(bytes: Buffer): boolean {
  return bytes.includes(0x0a) || bytes.includes(0x0d);
}

/** As coreutils does: the line begins with a backslash, and the name has \\, \n and \r. */
function escaped(bytes: Buffer): { readonly mark: string; readonly name: Buffer } {
  if (!breaksLines(bytes) && !bytes.includes(0x5c)) return { mark: '', name: bytes };
  const name = bytes.toString('latin1').replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return { mark: '\\', name: Buffer.from(name, 'latin1') };
}

/**
 * @param entry a file with a digest
 * @param zero lines end with NUL, names stand as they are (gnu only, as with `md5sum -z`)
 */
export function digestLine(entry: ManifestEntry, format: DigestFormat, zero: boolean): Line {
  if (entry.digest === null) throw new Error(`${entry.path} has no digest to write`);
  const digest = hex(entry.digest);
  const bytes = bytesOfPath(entry.path);
  if (zero) return Buffer.concat([Buffer.from(`${digest}  `), bytes, NUL]);
  const raw = format === 'xxhsum' || format === 'xxhsum-tag';
  if (raw && breaksLines(bytes)) return null;
  const { mark, name } = raw ? { mark: '', name: bytes } : escaped(bytes);
  return format === 'xxhsum' || format === 'gnu'
    ? Buffer.concat([Buffer.from(`${mark}${digest}  `), name, NEWLINE])
    : Buffer.concat([Buffer.from(`${mark}XXH64 (`), name, Buffer.from(`) = ${digest}\n`)]);
}

/**
 * One object a line; the path is printable text, as everywhere in Rollcall's JSON. What an imported list did not tell
 * is null.
 */
export function jsonLine(entry: ManifestEntry): Buffer {
  const { path, kind, size, digest, mtimeNs, mode, uid, gid, target } = entry;
  const xxh64 = digest === null ? null : hex(digest);
  const metadata = isFromList(entry)
    ? { mtimeNs: null, mode: null, uid: null, gid: null }
    : { mtimeNs: String(mtimeNs), mode: mode.toString(8).padStart(4, '0'), uid, gid };
  return Buffer.from(`${JSON.stringify({ path, kind, size, xxh64, ...metadata, target })}\n`);
}

/**
 * rclone's signs: equal, only on the right (missing on the left), only on the left, different, could not be compared.
 */
export type Sign = '=' | '-' | '+' | '*' | '!';

/**
 * @param partial the sides that are lists which do not claim to hold everything
 * @returns null where such a list does not have the name: that says nothing
 */
export function signOf(
  { left, right }: ComparedPath,
  partial: { readonly left: boolean; readonly right: boolean },
): Sign | null {
  if (left === 'hidden' || right === 'hidden') return '!';
  if ((left === null && partial.left) || (right === null && partial.right)) return null;
  if (left === null) return '-';
  if (right === null) return '+';
  return contentSign(left, right);
}

/** Unread is not equal, and not different either. */
function contentSign(left: Exclude<Side, 'hidden' | null>, right: Exclude<Side, 'hidden' | null>): Sign {
  if (left.kind !== right.kind) return '*';
  if (left.size !== null && right.size !== null && left.size !== right.size) return '*';
  if (left.digest === null || right.digest === null) return '!';
  return left.digest === right.digest ? '=' : '*';
}

export function combinedLine(path: string, sign: Sign): Line {
  const bytes = Buffer.from(decodePath(path));
  return breaksLines(bytes) ? null : Buffer.concat([Buffer.from(`${sign} `), bytes, NEWLINE]);
}
