// A shard in the hands of a thread: what it has read so far, and the file that takes long.
import { grouped } from '../../domain/grouped.ts';
import { joinPath } from '../../domain/path.ts';
import type { Shard, ShardFile } from '../catalog/shards.ts';
import type { Used } from '../files/used.ts';
import type { RunningShard } from './pool.ts';

export interface Progress {
  readonly files: number;
  readonly bytes: number;
  /** Files in all, where an earlier scan of the volume tells. */
  readonly filesExpected?: number | null;
  /** More than there can be, where no earlier scan tells: what the file system of the root has in use. */
  readonly atMost?: Used | null;
  /** A file that takes long. */
  readonly slow?: SlowFile | null;
}

/** Path below the root, printable; bytes. */
export interface SlowFile {
  readonly path: string;
  readonly size: number;
  readonly read: number;
}

/** A file that takes longer is named where progress is shown. */
const SLOW_MS = 10_000;

export interface Flight {
  readonly running: RunningShard;
  lastMoved: number;
  movedAtMs: number;
  /** The file that is being read, and since when. */
  reading: { readonly file: ShardFile; readonly sinceMs: number; readonly fromBytes: number } | null;
  counted: { files: number; bytes: number };
}

/** @param watchedMs time in which this process looked at its threads */
export function newFlight(running: RunningShard, watchedMs: number): Flight {
  return { running, lastMoved: -1, movedAtMs: watchedMs, reading: null, counted: { files: 0, bytes: 0 } };
}

/** All flights together, and what was done before them. */
export function progressOf(flights: Iterable<Flight>, done: Progress, watchedMs: number): Progress {
  let { files, bytes } = done;
  let slow: SlowFile | null = null;
  for (const flight of flights) {
    slow ??= slowIn(flight, watchedMs);
    flight.counted = { files: flight.running.progress.files(), bytes: flight.running.progress.bytes() };
    files += flight.counted.files;
    bytes += flight.counted.bytes;
  }
  return { files, bytes, slow };
}

function slowIn(flight: Flight, watchedMs: number): SlowFile | null {
  const { running } = flight;
  const file = readingAt(running);
  const bytes = running.progress.bytes();
  if (file !== flight.reading?.file)
    flight.reading = file === null ? null : { file, sinceMs: watchedMs, fromBytes: bytes };
  const { reading } = flight;
  if (reading === null || watchedMs - reading.sinceMs < SLOW_MS) return null;
  const { directory, name, bytes: size = 0 } = reading.file;
  return { path: joinPath(directory.path, name), size, read: bytes - reading.fromBytes };
}

export function groupedByThread(flights: readonly Flight[]): Flight[][] {
  return [...grouped(flights, ({ running }) => running.thread()).values()];
}

/** Only what is read by a shard of its own takes long. */
function readingAt({ shard, place }: RunningShard): ShardFile | null {
  if (!('files' in shard.work)) return null;
  const at = place();
  return shard.work.files.find((one) => one.directory.id === at?.directory && one.name === at.name) ?? null;
}

/** For whoever debugs. */
export function nameOf({ id, kind, work }: Shard): string {
  if ('files' in work) return `shard ${id} (${kind}, ${work.files.length} files)`;
  if ('directories' in work) return `shard ${id} (${kind}, ${work.directories.length} directories)`;
  return `shard ${id} (${kind}, round ${work.round})`;
}
