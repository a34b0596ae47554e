// What lies at a place, at one glance and before any scan: enough to tell a typing error from a volume.
import { lstatSync, opendirSync, statSync } from 'node:fs';
import { compareBytes, encodeName, joinPath } from '../../domain/path.ts';
import { errnoOf } from './errors.ts';
import { bytesOf } from './location.ts';

/** Names that are asked of the kernel at once: a directory may have millions. */
const NAMES_AT_ONCE = 1_024;

interface Glimpse {
  /** Printable. */
  readonly name: string;
  readonly isDirectory: boolean;
}

/** As they come. @throws what Node throws */
function* eachName(directory: string): Generator<Glimpse> {
  // Node's types know no names as bytes here.
  const options = { encoding: 'buffer' as BufferEncoding, bufferSize: NAMES_AT_ONCE };
  const open = opendirSync(bytesOf(directory), options);
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync())
      yield { name: encodeName(entry.name as unknown as Buffer), isDirectory: entry.isDirectory() };
  } finally {
    open.closeSync();
  }
}

/** The names in a directory, printable and in byte order; null where it cannot be listed. */
export function namesIn(directory: string): readonly string[] | null {
  return glanceAt(directory, (all) => Array.from(all, ({ name }) => name).sort(compareBytes));
}

/** Whether a directory has a name of this kind: no more of it is listed than that takes. Null as in namesIn(). */
export function hasName(directory: string, isWanted: (name: string) => boolean): boolean | null {
  return glanceAt(directory, (all) => {
    for (const { name } of all) if (isWanted(name)) return true;
    return false;
  });
}

function glanceAt<T>(directory: string, look: (all: Iterable<Glimpse>) => T): T | null {
  try {
    return look(eachName(directory));
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

export function isRegularFile(path: string): boolean {
  return statSync(bytesOf(path)).isFile();
}

/** Null for what cannot be looked at: a brick that is away. */
export function inodeOf(path: string): bigint | null {
  try {
    return statSync(bytesOf(path), { bigint: true }).ino;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

/** mtimes of a directory ('') and of those in it, in ms; empty where it cannot be read. */
export function directoryTimes(path: string): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  try {
    times.set('', lstatSync(bytesOf(path)).mtimeMs);
    const below: string[] = [];
    for (const { name, isDirectory } of eachName(path)) if (isDirectory) below.push(name);
    for (const name of below.sort(compareBytes)) {
      const stat = lstatSync(bytesOf(joinPath(path, name)), { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) times.set(name, stat.mtimeMs);
    }
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return new Map();
  }
  return times;
}
