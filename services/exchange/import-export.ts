// `--backup FILE`: an export of another host becomes a backup volume here. Checked whole before anything is believed,
// brought in one transaction.
import { errnoText } from '../../domain/errno.ts';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { RollcallError } from '../../domain/exit.ts';
import { compareBytes } from '../../domain/path.ts';
import { connect, type Database, inTransaction } from '../catalog/database.ts';
import type { ExportedScan } from '../catalog/export.ts';
import {
  analyzeImported,
  type ImportedGap,
  type ImportedListing,
  type ImportedVersion,
  type ImportMark,
  lockImported,
  SeriesWriter,
} from '../catalog/import.ts';
import { ensureVolume, type Volume } from '../catalog/volumes.ts';
import { errnoOf } from '../files/errors.ts';
import { createHasher, type Hasher } from '../files/hash.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { bytesOf } from '../files/location.ts';
import {
  END_BYTES_MAX,
  type ExportEnd,
  type ExportHeader,
  EXPORT_MAGIC,
  FormatError,
  parseEnd,
  parseEntry,
  parseHeader,
  parseScan,
} from './export-format.ts';

export interface ImportedVolume extends Volume {
  /** Whether the catalog held nothing of the series, an older export of it, or this very one. */
  readonly outcome: 'new' | 'replaced' | 'unchanged';
  /** Ms since 1970. */
  readonly exportedMs: number;
}

const READ_BYTES = 1024 * 1024;
/**
 * A line of a scan carries its identity and totals, one of a version two paths of 4,095 bytes at most four units each.
 */
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Versions, or gaps, that are written at once. */
const BATCH = 10_000;

/**
 * Brings an export into the catalog: volume `export:HOST:SERIES`, role backup, its scans complete and marked with the
 * time of the export. A newer export of the same series replaces the earlier one, the same one again changes nothing.
 * @param options.file absolute, printable
 * @throws RollcallError for a file that is not an export, is cut off, damaged, or older than what was imported before;
 *   nothing is changed then
 */
export async function importExport(options: {
  readonly db: Database;
  readonly file: string;
  readonly nowMs: () => number;
}): Promise<ImportedVolume> {
  const { db, file } = options;
  const fd = openExport(file);
  try {
    const { header, end, linesEnd } = checkWhole(fd, file);
    const outside = await connect(db.address, { applicationName: 'rollcall import' });
    try {
      const imported = await inTransaction(db, async (client): Promise<ImportedVolume> => {
        const key = `export:${header.host}:${header.series}`;
        const volume = await ensureVolume(client, {
          role: 'backup',
          layout: 'snapshots',
          key,
          name: `${header.host}:${header.series}`,
          host: header.host,
          path: header.path,
          nowMs: Math.round(options.nowMs()),
        });
        const held = await lockImported(client, volume);
        const { exportedMs } = header;
        if (held?.sha256 === end.sha256) return { ...volume, outcome: 'unchanged', exportedMs };
        if (held !== null && held.exportedMs > exportedMs) throw older(file, header, held.exportedMs);
        const mark = { sha256: end.sha256, exportedMs };
        const writer = new SeriesWriter(client, outside, volume);
        await new Import(writer, mark, end, await createHasher()).run(linesOf(fd, linesEnd));
        return { ...volume, identity: { export: mark }, outcome: held === null ? 'new' : 'replaced', exportedMs };
      });
      if (imported.outcome !== 'unchanged') await analyzeImported(db.pool, end.versions);
      return imported;
    } finally {
      await outside.end().catch(() => undefined);
    }
  } catch (error) {
    if (error instanceof FormatError) throw refused(file, `holds what no export of Rollcall holds: ${error.message}`);
    throw error;
  } finally {
    closeSync(fd);
  }
}

const COPY_AGAIN = 'Copy it from the backup host again, or make it again there: rollcall scan PATTERN --export FILE.';

function refused(file: string, why: string): RollcallError {
  return new RollcallError(`${file} ${why}. Nothing was imported.`, { next: COPY_AGAIN });
}

function older(file: string, header: ExportHeader, heldMs: number): RollcallError {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return new RollcallError(
    `${file} was exported at ${iso(header.exportedMs)}, and a newer export of ${header.host}:${header.series} (${iso(heldMs)}) has been imported.`,
    { next: `Make a new export on ${header.host}, or name the newer file.` },
  );
}

function openExport(file: string): number {
  let fd: number;
  try {
    fd = openSync(bytesOf(file), 'r');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    throw new RollcallError(`The export ${file} cannot be opened (${errnoText(errno)}).`, {
      next: 'Check the path.',
      cause: error,
    });
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw new RollcallError(`${file} is not a file.`, { next: 'Name the file that rollcall scan --export has written.' });
}

/** One pass over the bytes before a single line is believed. linesEnd: where the last line begins. */
function checkWhole(fd: number, file: string): { header: ExportHeader; end: ExportEnd; linesEnd: number } {
  const size = fstatSync(fd).size;
  const first = readAt(fd, 0, Math.min(size, READ_BYTES)).toString('utf8');
  if (!first.startsWith(EXPORT_MAGIC)) {
    throw new RollcallError(`${file} is not an export of Rollcall.`, {
      next: 'Give --backup a quoted pattern of snapshots, a directory, or the file that rollcall scan --export has written.',
    });
  }
  const tail = readAt(fd, Math.max(0, size - END_BYTES_MAX), Math.min(size, END_BYTES_MAX)).toString('latin1');
  const start = tail.lastIndexOf('\n', tail.length - 2) + 1;
  const end = tail.endsWith('\n') ? parseEnd(tail.slice(start, -1)) : null;
  if (end === null) throw refused(file, `is cut off or damaged: its last line is missing (${size} bytes are here)`);
  const linesEnd = size - (tail.length - start);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let at = 0; at < linesEnd; ) {
    const got = readSync(fd, buffer, 0, Math.min(READ_BYTES, linesEnd - at), at);
    if (got === 0) throw refused(file, 'became shorter while it was read');
    hash.update(buffer.subarray(0, got));
    at += got;
  }
  if (hash.digest('hex') !== end.sha256) throw refused(file, 'is damaged: its bytes are not those that were written');
  const newline = first.indexOf('\n');
  return { header: parseHeader(newline < 0 ? first : first.slice(0, newline)), end, linesEnd };
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const got = readSync(fd, buffer, done, length - done, position + done);
    if (got === 0) break;
    done += got;
  }
  return buffer.subarray(0, done);
}

/** Lines between the first and the last. By bytes: U+2028 ends no line here. */
function* linesOf(fd: number, linesEnd: number): Generator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let first = true;
  for (let at = 0; at < linesEnd; ) {
    const piece = readAt(fd, at, Math.min(READ_BYTES, linesEnd - at));
    if (piece.length === 0) throw new FormatError('it became shorter while it was read');
    at += piece.length;
    const chunk = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    let start = 0;
    for (let newline = chunk.indexOf(10); newline >= 0; newline = chunk.indexOf(10, start)) {
      if (!first) yield chunk.toString('utf8', start, newline);
      first = false;
      start = newline + 1;
    }
    rest = chunk.subarray(start);
    if (rest.length > LINE_BYTES_MAX) throw new FormatError(`a line is longer than ${LINE_BYTES_MAX} bytes`);
  }
  if (rest.length > 0) throw new FormatError('a line has no end');
}

/** One import: scans, then versions in order, then gaps. */
class Import {
  readonly #writer: SeriesWriter;
  readonly #mark: ImportMark;
  readonly #end: ExportEnd;
  readonly #scans: ExportedScan[] = [];
  readonly #listings: Listings;
  readonly #seqs = new Set<bigint>();
  #begun = false;
  #newest = 0n;
  #versions: ImportedVersion[] = [];
  #last: ImportedVersion | null = null;
  #gaps: ImportedGap[] = [];
  #counts = { versions: 0, gaps: 0 };
  #line = 1;

  constructor(writer: SeriesWriter, mark: ImportMark, end: ExportEnd, hasher: Hasher) {
    this.#writer = writer;
    this.#mark = mark;
    this.#end = end;
    this.#listings = new Listings(hasher);
  }

  async run(lines: Iterable<string>): Promise<void> {
    for (const line of lines) {
      this.#line++;
      if (line.startsWith('{')) {
        this.#addScan(this.#parse(() => parseScan(line)));
        continue;
      }
      await this.#begin();
      const entry = this.#parse(() => parseEntry(line));
      if ('version' in entry) this.#addVersion(entry.version);
      else this.#addGap(entry.gap);
      if (this.#versions.length + this.#gaps.length >= BATCH) await this.#write();
    }
    await this.#begin();
    this.#listings.end();
    await this.#write();
    await this.#writer.finish();
    const { scans, versions, gaps } = this.#end;
    if (this.#scans.length !== scans || this.#counts.versions !== versions || this.#counts.gaps !== gaps) {
      throw new FormatError('it holds more or fewer lines than its last line says');
    }
  }

  #parse<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new FormatError(`line ${this.#line}: ${error.message}`);
    }
  }

  #fail(why: string): never {
    throw new FormatError(`line ${this.#line}: ${why}`);
  }

  #addScan(scan: ExportedScan): void {
    const before = this.#scans.at(-1);
    if (this.#begun) this.#fail('a scan comes after versions');
    if (before !== undefined && before.seq >= scan.seq) this.#fail('scans are not in order');
    this.#scans.push(scan);
    this.#seqs.add(scan.seq);
    this.#newest = scan.seq;
  }

  /** The scans are known: what the volume held before makes room. */
  async #begin(): Promise<void> {
    if (this.#begun) return;
    if (this.#scans.length === 0) this.#fail('it holds no scan');
    this.#begun = true;
    await this.#writer.begin(this.#scans, this.#mark);
  }

  /** The order proves that no version stands twice and that no two of a name overlap. */
  #addVersion(version: ImportedVersion): void {
    if (this.#counts.gaps > 0) this.#fail('a version comes after gaps');
    if (version.firstSeq > this.#newest) this.#fail('a version begins after the newest scan');
    const last = this.#last;
    if (last !== null) {
      const order = compareBytes(last.directory, version.directory) || compareBytes(last.name, version.name);
      const overlaps = order === 0 && (last.endSeq === null || last.endSeq > version.firstSeq);
      if (order > 0 || overlaps) this.#fail('versions are not in order, or overlap');
    }
    this.#last = version;
    this.#versions.push(version);
    this.#counts.versions++;
    this.#listings.add(version, version.endSeq === null || version.endSeq > this.#newest);
  }

  #addGap(gap: ImportedGap): void {
    if (!this.#seqs.has(gap.seq)) this.#fail(`a gap of a scan that is not here (${gap.seq})`);
    this.#gaps.push(gap);
    this.#counts.gaps++;
  }

  async #write(): Promise<void> {
    const [versions, gaps] = [this.#versions, this.#gaps];
    this.#versions = [];
    this.#gaps = [];
    await this.#writer.write({ versions, gaps, listings: this.#listings.taken() });
  }
}

/** What each directory holds at the newest scan, summed over versions that come directory by directory. */
class Listings {
  readonly #digest: ListingDigest;
  #directory: string | null = null;
  #sums = { count: 0, files: 0, bytes: 0 };
  #done: ImportedListing[] = [];

  constructor(hasher: Hasher) {
    this.#digest = new ListingDigest(hasher);
  }

  add(version: ImportedVersion, holds: boolean): void {
    if (version.directory !== this.#directory) {
      this.end();
      this.#directory = version.directory;
    }
    if (!holds) return;
    this.#digest.addContentOf(version.name, version, version.target);
    this.#sums.count++;
    if (version.kind !== 'file') return;
    this.#sums.files++;
    this.#sums.bytes += version.size ?? 0;
  }

  /** No more of this directory. */
  end(): void {
    if (this.#directory !== null && this.#sums.count > 0) {
      const contentDigest = this.#digest.contentDigest();
      this.#done.push({ directory: this.#directory, ...this.#sums, contentDigest });
    }
    this.#digest.reset();
    this.#sums = { count: 0, files: 0, bytes: 0 };
    this.#directory = null;
  }

  /** Finished ones, once. */
  taken(): ImportedListing[] {
    const done = this.#done;
    this.#done = [];
    return done;
  }
}
