// What a writer that was killed has left beside its output. Whole outputs appear by a rename; until then they are called NAME.partial-PID.
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { errnoOf } from './errors.ts';
import { bytesOf } from './location.ts';
import { isAlive } from '../processes.ts';

/** The end of a name that says: not whole, and who writes it. */
export function partialMark(): string {
  return `.partial-${process.pid}`;
}

/**
 * Removes what writers that are gone have left in a directory. Only what belongs to this user and what `isOurs` knows, for the directory is not
 * Rollcall's. Nothing fails where it cannot: it is a kindness.
 * @param isOurs asked for each name that ends in the mark; the path is raw
 */
export function removeLeftovers(directory: string, isOurs: (name: string, path: Buffer) => boolean): void {
  try {
    for (const name of readdirSync(bytesOf(directory), { encoding: 'buffer' })) {
      const text = name.toString('latin1');
      const pid = /\.partial-(\d+)$/.exec(text)?.[1];
      if (pid === undefined || isAlive(Number(pid))) continue;
      const path = Buffer.concat([bytesOf(directory), Buffer.from('/'), name]);
      if (lstatSync(path).uid === process.geteuid?.() && isOurs(text, path)) rmSync(path, { recursive: true });
    }
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  }
}
