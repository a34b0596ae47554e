// `rollcall scan PATTERN --export FILE`: what is known of a backup series, with the digest of every file in it, as one
// file for another machine.
import { errnoText } from '../../domain/errno.ts';
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync } from 'node:fs';
import { RollcallError } from '../../domain/exit.ts';
import { type Database, inTransaction } from '../catalog/database.ts';
import {
  type Count,
  countUnread,
  freezeView,
  gapLines,
  placesOnHost,
  scansToExport,
  versionLines,
} from '../catalog/export.ts';
import type { ImportedGap } from '../catalog/import.ts';
import { runningScan } from '../catalog/scans.ts';
import type { Volume } from '../catalog/volumes.ts';
import { errnoOf } from '../files/errors.ts';
import { bytesOf } from '../files/location.ts';
import type { FoundSeries } from '../files/snapshots.ts';
import { checkFilePlace, writeWhole } from '../files/whole-file.ts';
import { placeOutside } from '../typed/outside.ts';
import type { ScanTools } from '../scan/scan-volume.ts';
import {
  endLine,
  EXPORT_MAGIC,
  FormatError,
  gapLine,
  headerLine,
  isHostName,
  parseHeader,
  scanLine,
} from './export-format.ts';
import { interrupted, readUnread } from './read-unread.ts';

export interface ExportPlace extends Pick<ScanTools, 'db' | 'host'> {
  /** As typed, or printable; relative to cwd. */
  readonly file: string;
  readonly cwd: string;
  /** The series as it lies on disk (scanSeries' plan.found, or checkBackup's answer). */
  readonly found: FoundSeries;
  readonly crossMounts: boolean;
}

export interface ExportOptions extends ExportPlace, Pick<ScanTools, 'nowMs' | 'signal' | 'onProgress'> {
  /** The series' volume, scanned by scanSeries. */
  readonly volume: Volume;
}

export interface ExportSummary {
  /** Absolute, printable, real path. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly host: string;
  readonly series: string;
  readonly exportedMs: number;
  readonly scans: number;
  /** Of these, snapshots that are no longer on disk: their versions are history. */
  readonly pruned: number;
  readonly versions: number;
  readonly gaps: number;
  /** What was read for this export. */
  readonly read: Count;
  /** File versions of snapshots on disk that are exported without a digest, because no copy of them could be read. */
  readonly unread: Count;
  /** Copies that could not be read; of a version with another copy that could, too. */
  readonly failures: number;
  /** The first of them. */
  readonly unreadable: readonly ImportedGap[];
  /** An earlier export of the same series was replaced. */
  readonly replaced: boolean;
}

const UNREADABLE_SHOWN = 20;
const WORDS = { what: 'export', option: '--export' };
const HEADER_BYTES_MAX = 64 * 1024;

/**
 * Where the export will lie. To be asked before the scan, so that hours of work do not end in a refusal; exportSeries
 * asks again.
 * @returns absolute, printable, real path
 * @throws RollcallError when it would lie inside a volume, has no directory, or would replace anything but an export of
 *   this series
 */
export async function checkExportFile(place: ExportPlace): Promise<string> {
  const { found, host } = place;
  if (!isHostName(host)) {
    throw new RollcallError(
      `This machine's name (${JSON.stringify(host)}) cannot be used before the ':' of a remote path.`,
      {
        next: 'Give it one with hostname(1): letters, digits, dots and dashes.',
      },
    );
  }
  const volumes = [
    ...(await placesOnHost(place.db.pool, host)),
    ...[...found.snapshots, ...found.leftOut].map(({ path }) => path),
  ];
  const at = { cwd: place.cwd, crossMounts: place.crossMounts, bricksRescued: false };
  const file = placeOutside({ ...WORDS, argument: place.file }, at, { volumes, series: [found] });
  checkFilePlace(file, WORDS);
  replaceable(file, host, found.series.key);
  return file;
}

function refuse(file: string, why: string): RollcallError {
  return new RollcallError(`The export ${file} ${why}.`, { next: 'Choose another file with --export.' });
}

/** Whether an export of this series lies there. Throws for anything else that does. */
function replaceable(file: string, host: string, series: string): boolean {
  let fd: number;
  try {
    if (!lstatSync(bytesOf(file)).isFile()) throw refuse(file, 'exists, and is not a file');
    fd = openSync(bytesOf(file), 'r');
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (errno === 'ENOENT') return false;
    throw refuse(file, `exists and cannot be read (${errnoText(errno)})`);
  }
  try {
    const buffer = Buffer.alloc(HEADER_BYTES_MAX);
    const [line = ''] = buffer.toString('utf8', 0, readSync(fd, buffer)).split('\n', 1);
    if (!line.startsWith(EXPORT_MAGIC)) throw refuse(file, 'would overwrite a file that is not an export of Rollcall');
    const header = parseHeader(line);
    if (header.host === host && header.series === series) return true;
    throw refuse(file, `would overwrite the export of another backup (${header.host}:${header.series})`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refuse(file, `would overwrite an export that cannot be understood: ${error.message}`);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads what is unread of a series and writes the export: whole or not at all, mode 0600. Run again it reads only what
 * is new.
 * @throws RollcallError for a place that cannot be used, a scan that is running, a full disk, an interruption (130)
 */
export async function exportSeries(options: ExportOptions): Promise<ExportSummary> {
  const { db, volume, host, found, signal } = options;
  const file = await checkExportFile(options);
  const series = found.series.key;
  if (volume.key !== `series:${host}:${series}`) {
    throw new RollcallError(`${volume.name} is not the backup ${series} of this machine (${host}).`, {
      next: `Make the export on ${volume.host}, where its snapshots are.`,
    });
  }
  await refuseUnsettled(db, volume);
  const { read, unreadable, failures } = await readUnread({
    db,
    volume,
    nowMs: options.nowMs,
    signal,
    onProgress: (done, total) =>
      options.onProgress(`export: reading what is unread, ${total.files} files in all`, done),
  });
  const unread = await countUnread(db.pool, volume.id);
  const exportedMs = Math.round(options.nowMs());
  const header = headerLine({ host, series, path: volume.path, exportedMs });
  const replaced = replaceable(file, host, series);
  const written = await writeExport(file, header, unreadable, options);
  return {
    file,
    host,
    series,
    exportedMs,
    ...written.value,
    bytes: written.bytes,
    read,
    unread,
    failures,
    unreadable: unreadable.slice(0, UNREADABLE_SHOWN),
    replaced,
  };
}

type Written = Pick<ExportSummary, 'scans' | 'versions' | 'gaps' | 'sha256' | 'pruned'>;

/** Writes all lines from one view of the catalog. */
function writeExport(
  file: string,
  header: string,
  unreadable: readonly ImportedGap[],
  { db, volume, signal, onProgress }: ExportOptions,
): ReturnType<typeof writeWhole<Written>> {
  const hash = createHash('sha256');
  return writeWhole(file, WORDS, (append) =>
    inTransaction(db, async (client) => {
      const write = (text: string): void => {
        const raw = Buffer.from(text);
        hash.update(raw);
        append(raw);
      };
      await freezeView(client);
      const scans = await scansToExport(client, volume.id);
      const counts = { scans: scans.length, versions: 0, gaps: unreadable.length };
      const told = (): void => {
        if (signal.aborted) throw interrupted();
        onProgress('export: writing', { files: counts.versions, bytes: 0 });
      };
      write(header);
      for (const scan of scans) write(scanLine(scan));
      for await (const lines of versionLines(client, volume.id, volume.rootId)) {
        write(`${lines.join('\n')}\n`);
        counts.versions += lines.length;
        told();
      }
      for await (const lines of gapLines(client, volume.id)) {
        write(`${lines.join('\n')}\n`);
        counts.gaps += lines.length;
        told();
      }
      for (const gap of unreadable) write(`${gapLine(gap)}\n`);
      const sha256 = hash.digest('hex');
      append(Buffer.from(endLine({ ...counts, sha256 })));
      return { ...counts, sha256, pruned: scans.filter((scan) => scan.pruned !== null).length };
    }),
  );
}

async function refuseUnsettled(db: Database, volume: Volume): Promise<void> {
  const running = await runningScan(db.pool, volume.id);
  if (running !== null) {
    throw new RollcallError(`A scan of ${volume.name} is running (${running.scan.path}).`, {
      next: 'Wait until it has ended, or continue it with the same rollcall scan; then export.',
    });
  }
  if ((await scansToExport(db.pool, volume.id)).length === 0) {
    throw new RollcallError(`Nothing of ${volume.name} has been scanned completely, so there is nothing to export.`, {
      next: 'Scan it first: rollcall scan PATTERN.',
    });
  }
}
