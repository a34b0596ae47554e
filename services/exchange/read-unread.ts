// Before an export: every file of a series whose content nobody has read yet is read from one copy, so that its digest
// can travel.
import { errnoText, gapStatusOf } from '../../domain/errno.ts';
import { EXIT, RollcallError } from '../../domain/exit.ts';
import type { Observer } from '../../domain/facts.ts';
import { joinPath } from '../../domain/path.ts';
import type { Scan } from '../../domain/scan.ts';
import { connect, type Connection, type Database, inTransaction } from '../catalog/database.ts';
import { type Count, countUnread, type UnreadFile, unreadFiles } from '../catalog/export.ts';
import type { ImportedGap } from '../catalog/import.ts';
import { type CopyRead, recordReadings } from '../catalog/readings.ts';
import { completeScans } from '../catalog/scans.ts';
import { rootMarks } from '../catalog/snapshots.ts';
import type { Volume } from '../catalog/volumes.ts';
import { FileError } from '../files/errors.ts';
import { openScannedRoot } from '../files/identity.ts';
import { Hosts } from '../judge/hosts.ts';
import { type ExecuteRequests, type FullReading, readingsOf } from '../judge/readings.ts';

export interface ReadUnread {
  readonly read: Count;
  /** Copies that could not be read, by scan and path: exported as gaps. The first 100,000 of them. */
  readonly unreadable: readonly ImportedGap[];
  /** All of them. */
  readonly failures: number;
}

export interface ReadingOptions {
  readonly db: Database;
  readonly volume: Volume;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  /** Files and bytes read, of how many. */
  readonly onProgress: (done: Count, total: Count) => void;
}

/** What is read is recorded after so many bytes, so that an interruption costs little. */
const BATCH_BYTES = 256 * 1024 * 1024;
/** Each is a line of the export; beyond that many a copy is exported as unread, without the reason. */
const UNREADABLE_KEPT = 100_000;

export function interrupted(): RollcallError {
  return new RollcallError('Interrupted. What was read is kept; no export was written.', {
    exit: EXIT.interrupted,
    next: 'Run the same command again: it continues where this one stopped.',
  });
}

/**
 * Reads each unread version that holds in a snapshot on disk, from the newest snapshot in which it holds and can be
 * read, and records its digest. A copy that cannot be read is reported, and the next older one is tried. May be
 * interrupted and called again.
 * @throws RollcallError when a whole snapshot cannot be opened, another scan of the series runs, or the signal aborts
 *   (130)
 */
export async function readUnread(options: ReadingOptions): Promise<ReadUnread> {
  const { db, volume, nowMs, signal } = options;
  const total = await countUnread(db.pool, volume.id);
  let read: Count = { files: 0, bytes: 0 };
  const unreadable: ImportedGap[] = [];
  let failures = 0;
  if (total.files === 0) return { read, unreadable, failures };
  const newestFirst = (await completeScans(db.pool, volume.id)).filter((scan) => scan.pruned === null).reverse();
  const marks = await rootMarks(
    db.pool,
    newestFirst.map(({ id }) => id),
  );
  const execute = readingsOf({
    hosts: new Hosts(volume.host, null),
    now: nowMs,
    onProgress: (files, bytes) => {
      read = { files: read.files + files, bytes: read.bytes + bytes };
      options.onProgress(read, total);
    },
  });
  const client = await connect(db.address, { applicationName: 'rollcall export' });
  try {
    for (const scan of newestFirst) {
      const observer: Observer = { scan, role: 'backup', volume: volume.name, mark: marks.get(scan.id) };
      let opened = false;
      for await (const files of unreadFiles(client, scan)) {
        if (!opened) tryRoot(observer);
        opened = true;
        for (const batch of batchesOf(files)) {
          if (signal.aborted) throw interrupted();
          const { reads, failed } = await readBatch(execute, observer, batch);
          if (reads.length > 0) await record(client, volume, reads);
          failures += failed.length;
          for (const gap of failed) if (unreadable.length < UNREADABLE_KEPT) unreadable.push(gap);
        }
      }
    }
  } finally {
    await client.end().catch(() => undefined);
  }
  return { read, unreadable: unreadable.reverse(), failures };
}

async function record(client: Connection, volume: Volume, reads: readonly CopyRead[]): Promise<void> {
  const { leftOut } = await inTransaction(client, (transaction) => recordReadings(transaction, reads));
  if (leftOut === 0) return;
  throw new RollcallError(`Another scan of ${volume.name} has begun: what is read now cannot be recorded.`, {
    exit: EXIT.failure,
    next: 'Run the same command again when that scan is over: it continues where this one stopped.',
  });
}

/** A snapshot that is not there is one error, and not a million unreadable files. */
function tryRoot({ scan, mark }: Observer): void {
  try {
    openScannedRoot(scan.path, mark).close();
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new RollcallError(
      `The snapshot ${scan.path} was scanned and cannot be opened now (${errnoText(error.errno)}).`,
      {
        next:
          error.errno === 'ESTALE'
            ? 'Another directory is there now: wait until the backup has rotated its snapshots, then run the same command again.'
            : 'Check that it is mounted and may be read by this user, then run the same command again.',
        cause: error,
      },
    );
  }
}

function* batchesOf(files: readonly UnreadFile[]): Generator<readonly UnreadFile[]> {
  let batch: UnreadFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const size = file.version.size ?? 0;
    if (batch.length > 0 && bytes + size > BATCH_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

async function readBatch(
  execute: ExecuteRequests,
  observer: Observer,
  batch: readonly UnreadFile[],
): Promise<{ reads: CopyRead[]; failed: ImportedGap[] }> {
  const { scan } = observer;
  const asked = batch.map((file) => ({
    file,
    facts: { path: joinPath(file.directory, file.name), sights: [file.version], readings: [], comparisons: [] },
    requests: [{ kind: 'read' as const, observer: 0 }],
  }));
  const { answers } = await execute(asked, [observer]);
  const reads: CopyRead[] = [];
  const failed: ImportedGap[] = [];
  for (const {
    asked: { file },
    readings: [reading],
  } of answers) {
    if (reading === undefined) throw new Error(`${file.name} was asked for and not answered`);
    if (reading.digest === null) failed.push(gapOf(scan, file, reading));
    else reads.push(copyOf(scan, file, reading, reading.digest));
  }
  return { reads, failed };
}

function copyOf(scan: Scan, file: UnreadFile, reading: FullReading, digest: bigint): CopyRead {
  const { directoryId: directory, name, version } = file;
  const { zeroFrom = null, inode, ctimeNs, btimeNs, nlink, racy } = reading;
  const copy = { digest, zeroFrom, inode, ctimeNs, btimeNs, nlink, racy };
  return { root: scan.rootId, seq: scan.seq, directory, name, version, ...copy };
}

/**
 * 'CHANGED' is no errno: another state lies there than the one that was scanned, or the file moved while it was read.
 */
function gapOf(scan: Scan, { directory, name }: UnreadFile, { errno }: FullReading): ImportedGap {
  const moved = errno === null || errno === 'CHANGED';
  return {
    seq: scan.seq,
    directory,
    name,
    status: moved ? 'unsettled' : gapStatusOf(errno),
    errno: moved ? null : errno,
    detail: moved ? 'it was not what the scan saw when the export read it' : 'the export could not read it',
  };
}
