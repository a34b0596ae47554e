// What lies at a place, at one glance and before any scan: enough to tell a typing error from a volume.
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { compareBytes, encodeName, joinPath } from '../../domain/path.ts';
import { errnoOf } from './errors.ts';
import { bytesOf } from './location.ts';

/** The names in a directory, printable and in byte order; null where it cannot be listed. */
export function namesIn(directory: string): readonly string[] | null {
  try {
    return readdirSync(bytesOf(directory), { encoding: 'buffer' }).map(encodeName).sort(compareBytes);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

export function isRegularFile(path: string): boolean {
  return statSync(bytesOf(path)).isFile();
}

export function inodeOf(path: string): bigint {
  return statSync(bytesOf(path), { bigint: true }).ino;
}

/** mtimes of a directory ('') and of those in it, in ms; empty where it cannot be read. */
export function directoryTimes(path: string): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  try {
    times.set('', lstatSync(bytesOf(path)).mtimeMs);
    for (const name of readdirSync(bytesOf(path), { encoding: 'buffer' }).map(encodeName).sort(compareBytes)) {
      const stat = lstatSync(bytesOf(joinPath(path, name)), { throwIfNoEntry: false });
      if (stat?.isDirectory() === true) times.set(name, stat.mtimeMs);
    }
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return new Map();
  }
  return times;
}
