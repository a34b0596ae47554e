// How much room the file system of the bundled Postgres has.
import { statfsSync } from 'node:fs';
import { decodePath } from '../../domain/path.ts';

export interface Room {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** @param stateDir absolute, printable @returns null where it cannot be told */
export function roomFor(stateDir: string): Room | null {
  try {
    const { bavail, bsize, blocks } = statfsSync(Buffer.from(decodePath(stateDir)));
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}
