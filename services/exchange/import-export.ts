// `--backup FILE`: an export of another host becomes a backup volume here. Checked whole before anything is believed,
// brought in one transaction.
import { closeSync } from 'node:fs';
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
import { createHasher, type Hasher } from '../files/hash.ts';
import { ListingDigest } from '../files/listing-digest.ts';
import { checkWhole, linesOf, openExport, refused } from './export-file.ts';
import { type ExportEnd, type ExportHeader, FormatError, parseEntry, parseScan } from './export-format.ts';

export interface ImportedVolume extends Volume {
  /** Whether the catalog held nothing of the series, an older export of it, or this very one. */
  readonly outcome: 'new' | 'replaced' | 'unchanged';
  /** Ms since 1970. */
  readonly exportedMs: number;
}

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

function older(file: string, header: ExportHeader, heldMs: number): RollcallError {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return new RollcallError(
    `${file} was exported at ${iso(header.exportedMs)}, and a newer export of ${header.host}:${header.series} (${iso(heldMs)}) has been imported.`,
    { next: `Make a new export on ${header.host}, or name the newer file.` },
  );
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
