// The lines of an export file, written and read (docs/export.md). What is read comes from another machine: every field
// is checked, and a path that could lead out of its root, or text that could act on a terminal, is refused.
import { decodeName, decodePath, decodeTarget, PathError } from '../../domain/path.ts';
import { GAP_STATUSES, type GapStatus, type ScanMode } from '../../domain/scan.ts';
import type { ScopeRules } from '../../domain/scope.ts';
import { type EndReason, type Kind, KINDS } from '../../domain/version.ts';
import type { ExportedScan } from '../catalog/export.ts';
import type { ImportedGap, ImportedVersion } from '../catalog/import.ts';
import { parseHex } from '../../domain/digest.ts';

const EXPORT_FORMAT = 2;
/** Format 1 lacks zero_from. */
const FORMATS_READ: readonly unknown[] = [1, EXPORT_FORMAT];
/** Beginning of every export of any format. */
export const EXPORT_MAGIC = '{"rollcall":"export",';

/** The first line: which series of which host, and when it was read. */
export interface ExportHeader {
  readonly host: string;
  /** The series' key on its host: its pattern, resolved. Printable. */
  readonly series: string;
  /** The longest literal beginning of the pattern; absolute, printable. */
  readonly path: string;
  /** Ms since 1970. All that could be read was read by then. */
  readonly exportedMs: number;
}

/** The last line: what came before it. */
export interface ExportEnd {
  readonly scans: number;
  readonly versions: number;
  readonly gaps: number;
  /** Of all bytes before the last line. Finds damage, not tampering. */
  readonly sha256: string;
}

/** A line that does not hold what it should: damaged while it was written, or made by something else than Rollcall. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** Names of hosts that can stand before the ':' of a remote path. */
const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_])?$/;
/** What would act on a terminal, or hide in a report. */
const HIDDEN = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffd\p{Cs}]/u;
const NAME_BYTES_MAX = 255;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const ID_MAX = 2 ** 32 - 1;

export function isHostName(host: string): boolean {
  return HOST.test(host);
}

export function headerLine(header: ExportHeader): string {
  const { host, series, path, exportedMs } = header;
  return `${JSON.stringify({ rollcall: 'export', format: EXPORT_FORMAT, host, series, path, layout: 'snapshots', exportedMs: String(exportedMs) })}\n`;
}

/** @throws FormatError */
export function parseHeader(line: string): ExportHeader {
  const value = fieldsOf(jsonOf(line));
  if (value['rollcall'] !== 'export') throw new FormatError('it is not an export of Rollcall');
  if (!FORMATS_READ.includes(value['format'])) {
    throw new FormatError(
      `its format is ${show(value['format'])}, and this Rollcall knows formats ${FORMATS_READ.join(' and ')}`,
    );
  }
  if (value['layout'] !== 'snapshots') throw new FormatError(`its layout is ${show(value['layout'])}`);
  const host = text(value['host'], 'host');
  if (!HOST.test(host)) throw new FormatError(`${show(host)} is not the name of a host`);
  const series = text(value['series'], 'series');
  if (series === '') throw new FormatError('its series has no name');
  const path = text(value['path'], 'path');
  // The literal beginning of a pattern may end behind a '/'.
  absolute(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path, 'path');
  return { host, series, path, exportedMs: milliseconds(value['exportedMs']) };
}

export function scanLine(scan: ExportedScan): string {
  return `${JSON.stringify({
    scan: {
      seq: String(scan.seq),
      snapshot: scan.snapshot,
      path: scan.path,
      identity: scan.identity,
      asOf: { from: String(scan.asOf.fromMs), to: String(scan.asOf.toMs), source: scan.asOf.source },
      readOnly: scan.readOnly,
      mode: scan.mode,
      pruned: scan.pruned,
      scope: scan.scope,
      totals: scan.totals,
      startedMs: String(scan.startedMs),
      endedMs: String(scan.endedMs),
    },
  })}\n`;
}

/** @throws FormatError */
export function parseScan(line: string): ExportedScan {
  const scan = fieldsOf(fieldsOf(jsonOf(line))['scan']);
  const asOf = fieldsOf(scan['asOf']);
  const snapshot = text(scan['snapshot'], 'snapshot');
  if (snapshot === '' || snapshot.startsWith('/'))
    throw new FormatError(`${show(snapshot)} is not the name of a snapshot`);
  printable(() => decodePath(snapshot));
  const fromMs = milliseconds(asOf['from']);
  const toMs = milliseconds(asOf['to']);
  if (fromMs > toMs) throw new FormatError('a snapshot was taken before it was taken');
  return {
    seq: int64(scan['seq'], 'seq'),
    snapshot,
    path: absolute(scan['path'], 'path of a snapshot'),
    identity: scan['identity'] === null ? null : fieldsOf(scan['identity']),
    asOf: { fromMs, toMs, source: text(asOf['source'], 'asOf') },
    readOnly: bool(scan['readOnly'], 'readOnly'),
    mode: oneOf<ScanMode>(scan['mode'], ['list', 'read', 'reread'], 'mode'),
    pruned: scan['pruned'] === null ? null : text(scan['pruned'], 'pruned'),
    scope: scopeOf(scan['scope']),
    totals: scan['totals'] === null ? null : fieldsOf(scan['totals']),
    startedMs: milliseconds(scan['startedMs']),
    endedMs: milliseconds(scan['endedMs']),
  };
}

function scopeOf(value: unknown): ScopeRules {
  const { excludes, crossMounts } = fieldsOf(value);
  if (!Array.isArray(excludes)) throw new FormatError('excludes is no list');
  return {
    excludes: excludes.map((rule: unknown) => text(rule, 'excludes')),
    crossMounts: bool(crossMounts, 'crossMounts'),
  };
}

const REASON_OF: Readonly<Record<string, EndReason>> = {
  c: 'changed',
  v: 'vanished',
  x: 'excluded',
  r: 'root removed',
};
/** In format 1, and in format 2. */
const VERSION_FIELDS: readonly number[] = [22, 23];
const GAP_FIELDS = 7;

/** Lines of versions and gaps are made by Postgres: services/catalog/export.ts. @throws FormatError */
export function parseEntry(line: string): { readonly version: ImportedVersion } | { readonly gap: ImportedGap } {
  const fields = jsonOf(line);
  if (!Array.isArray(fields)) throw new FormatError('it is no list');
  if (fields[0] === 'version' && VERSION_FIELDS.includes(fields.length)) return { version: versionOf(fields) };
  if (fields[0] === 'gap' && fields.length === GAP_FIELDS) return { gap: gapOf(fields) };
  throw new FormatError(`${show(fields[0])} with ${fields.length} fields is neither a version nor a gap`);
}

function versionOf(fields: readonly unknown[]): ImportedVersion {
  const kind = oneOf<Kind>(fields[6], KINDS, 'kind');
  const firstSeq = int64(fields[3], 'first_seq');
  const endSeq = fields[4] === null ? null : int64(fields[4], 'end_seq');
  const endReason = fields[5] === null ? null : (REASON_OF[text(fields[5], 'end_reason')] ?? null);
  if ((endSeq === null) !== (endReason === null)) throw new FormatError('an end without a reason, or a reason alone');
  if (endSeq !== null && endSeq <= firstSeq) throw new FormatError('a version that ends before it begins');
  const size = fields[10] === null ? null : Number(int64(fields[10], 'size'));
  if ((kind === 'file') !== (size !== null) || (size !== null && !(Number.isSafeInteger(size) && size >= 0)))
    throw new FormatError(`the size of a ${kind} is ${show(fields[10])}`);
  const target = fields[12] === null ? null : text(fields[12], 'target');
  if ((kind === 'symlink') !== (target !== null)) throw new FormatError(`the target of a ${kind} is ${show(target)}`);
  if (target !== null) printable(() => decodeTarget(target));
  const digest = fields[14] === null ? null : digestOf(fields[14]);
  if (digest !== null && kind !== 'file') throw new FormatError(`a ${kind} has a digest`);
  const zeroFrom = fields[22] === null || fields[22] === undefined ? null : Number(int64(fields[22], 'zero_from'));
  if (zeroFrom !== null && (digest === null || zeroFrom < 0 || zeroFrom > (size ?? 0)))
    throw new FormatError(`zero_from is ${show(fields[22])}`);
  return {
    directory: directoryOf(fields[1]),
    name: nameOf(fields[2]),
    firstSeq,
    endSeq,
    endReason,
    kind,
    mode: int(fields[7], 0o7777, 'mode'),
    uid: int(fields[8], ID_MAX, 'uid'),
    gid: int(fields[9], ID_MAX, 'gid'),
    size,
    mtimeNs: int64(fields[11], 'mtime'),
    target,
    rdev: fields[13] === null ? null : int64(fields[13], 'rdev'),
    digest,
    zeroFrom,
    readSeq: fields[15] === null ? null : int64(fields[15], 'read_seq'),
    inode: int64(fields[16], 'inode'),
    ctimeNs: int64(fields[17], 'ctime'),
    btimeNs: int64(fields[18], 'btime'),
    nlink: int(fields[19], 2 ** 31 - 1, 'nlink'),
    suspect: bool(fields[20], 'suspect'),
    racy: bool(fields[21], 'racy'),
  };
}

/** As Postgres writes those of the catalog; these are the copies that the export could not read. */
export function gapLine(gap: ImportedGap): string {
  return JSON.stringify(['gap', String(gap.seq), gap.directory, gap.name, gap.status, gap.errno, gap.detail]);
}

function gapOf(fields: readonly unknown[]): ImportedGap {
  return {
    seq: int64(fields[1], 'seq'),
    directory: directoryOf(fields[2]),
    name: fields[3] === '' ? '' : nameOf(fields[3]),
    status: oneOf<GapStatus>(fields[4], GAP_STATUSES, 'status'),
    errno: fields[5] === null ? null : text(fields[5], 'errno'),
    detail: fields[6] === null ? null : text(fields[6], 'detail'),
  };
}

export function endLine(end: ExportEnd): string {
  const { scans, versions, gaps, sha256 } = end;
  return `${JSON.stringify({ end: { scans, versions, gaps, sha256 } })}\n`;
}

const END =
  /^\{"end":\{"scans":(0|[1-9][0-9]{0,14}),"versions":(0|[1-9][0-9]{0,14}),"gaps":(0|[1-9][0-9]{0,14}),"sha256":"([0-9a-f]{64})"\}\}$/;
/** The longest last line, in bytes, with its newline and some room. */
export const END_BYTES_MAX = 512;

/** null for anything else: then the end of the file is missing. */
export function parseEnd(line: string): ExportEnd | null {
  const found = END.exec(line);
  if (found === null) return null;
  return { scans: Number(found[1]), versions: Number(found[2]), gaps: Number(found[3]), sha256: found[4] ?? '' };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new FormatError('it is not JSON');
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError(`${show(value)} is not an object`);
  return value as Readonly<Record<string, unknown>>;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80).replace(/[^ -~]/gu, '?');
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new FormatError(`${what} is ${show(value)}`);
  if (HIDDEN.test(value)) throw new FormatError(`${what} holds control characters: ${show(value)}`);
  return value;
}

function bool(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw new FormatError(`${what} is ${show(value)}`);
  return value;
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new FormatError(`${what} is ${show(value)}`);
  return found;
}

function int(value: unknown, max: number, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw new FormatError(`${what} is ${show(value)}`);
  }
  return value;
}

function int64(value: unknown, what: string): bigint {
  if (typeof value !== 'string' || !/^-?[0-9]{1,19}$/.test(value)) throw new FormatError(`${what} is ${show(value)}`);
  const number = BigInt(value);
  if (number < INT64_MIN || number > INT64_MAX) throw new FormatError(`${what} is ${show(value)}`);
  return number;
}

function milliseconds(value: unknown): number {
  const number = Number(int64(value, 'a time'));
  if (Number.isNaN(new Date(number).getTime())) throw new FormatError(`a time is ${show(value)}`);
  return number;
}

function digestOf(value: unknown): bigint {
  if (typeof value !== 'string' || !/^[0-9a-f]{16}$/.test(value)) throw new FormatError(`digest is ${show(value)}`);
  return parseHex(value);
}

/** Canonical printable text only, so that one name has one form; PathError is about what the file holds. */
function printable(decode: () => Uint8Array): Uint8Array {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw new FormatError(error.message);
  }
}

function absolute(value: unknown, what: string): string {
  const path = text(value, what);
  if (!path.startsWith('/')) throw new FormatError(`${what} is ${show(path)}, which is not absolute`);
  printable(() => decodePath(path));
  return path;
}

function nameOf(value: unknown): string {
  const name = text(value, 'name');
  const bytes = printable(() => decodeName(name));
  if (bytes.length > NAME_BYTES_MAX) throw new FormatError(`a name of ${bytes.length} bytes`);
  return name;
}

function directoryOf(value: unknown): string {
  const path = text(value, 'directory');
  if (path.startsWith('/')) throw new FormatError(`${show(path)} is not below its root`);
  printable(() => decodePath(path));
  return path;
}
