// What is there, by listings alone. On FUSE, NFS and SMB mounts no absent name is ever looked up: on GlusterFS the
// lookup of a name that is not listed can delete the last copy of a file, through a read-only mount too
// (docs/design.md#rule-9).
import { baseName, parentOf } from '../../domain/path.ts';
import type { Directory } from './directory.ts';
import { openDirectory, openRoot } from './open-directory.ts';
import { FileError } from './errors.ts';

/** Names held at once. Paths come sorted, so what was listed long ago is rarely asked for again. */
const NAMES_MAX = 500_000;
const BATCH = 1_024;

/** The directory stays the caller's, and is used until the last question. */
export class ListedNames {
  readonly #root: Directory;
  readonly #listed = new Map<string, ReadonlySet<string> | FileError | null>();
  #held = 0;

  constructor(root: Directory) {
    this.#root = root;
  }

  /**
   * Whether a printable path below the root is in the listing of its directory, and each directory above it in that of
   * its own. No name is opened that a listing has not brought. Throws FileError where a directory on the way cannot be
   * listed (ENOTDIR, ELOOP: it is none).
   */
  has(path: string): boolean {
    if (path === '') return true;
    const names = this.#namesIn(parentOf(path));
    if (names instanceof FileError) throw names;
    return names?.has(baseName(path)) ?? false;
  }

  /** Null where the directory itself is not there. */
  #namesIn(path: string): ReadonlySet<string> | FileError | null {
    const known = this.#listed.get(path);
    if (known !== undefined) return known;
    const names = this.#list(path);
    if (this.#held > NAMES_MAX) {
      this.#listed.clear();
      this.#held = 0;
    }
    this.#listed.set(path, names);
    this.#held += names instanceof Set ? names.size : 1;
    return names;
  }

  #list(path: string): ReadonlySet<string> | FileError | null {
    try {
      if (!this.has(path)) return null;
      const directory = openDirectory(this.#root, path);
      try {
        const names = new Set<string>();
        directory.list(BATCH, (batch) => {
          for (const name of batch) names.add(name);
        });
        return names;
      } finally {
        directory.close();
      }
    } catch (error) {
      if (error instanceof FileError) return error;
      throw error;
    }
  }
}

/** Whether a directory's listing has a path below it; false where it cannot be listed. */
export function listedIn(directory: string, path: string): boolean {
  try {
    const root = openRoot(directory);
    try {
      return new ListedNames(root).has(path);
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}
