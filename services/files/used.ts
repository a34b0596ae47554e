// How much lies on a file system: more than a tree of it can hold.
import { statfsSync } from 'node:fs';
import { bytesOf } from './location.ts';

export interface Used {
  /** Null where the file system does not count them (btrfs). */
  readonly files: number | null;
  readonly bytes: number;
}

/** What the file system of a path has in use; null where it does not say. */
export function usedBelow(path: string): Used | null {
  try {
    const { blocks, bfree, bsize, files, ffree } = statfsSync(bytesOf(path));
    return { files: files > 0 && files >= ffree ? files - ffree : null, bytes: (blocks - bfree) * bsize };
  } catch {
    // An estimate is not worth a failure: the scan tells what is wrong with the path.
    return null;
  }
}
