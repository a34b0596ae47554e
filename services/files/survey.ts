// The top two levels of a snapshot: cheap enough to look at whenever snapshots are listed, and telling enough to know
// one again.
import { isAbsent } from '../../domain/errno.ts';
import { compareBytes, joinPath } from '../../domain/path.ts';
import { isRsyncAtWork } from '../../domain/snapshot-signs.ts';
import { withoutMadeUp } from './btrfs.ts';
import type { Directory } from './directory.ts';
import { openDirectory, openRoot } from './open-directory.ts';
import { FileError } from './errors.ts';
import type { Hasher } from './hash.ts';
import { hex } from '../../domain/digest.ts';
import type { Stat } from './stat.ts';

/**
 * Entries looked at in one survey. 20,000 lstat calls take about 0.1 s on a warm local disk; most snapshots have a few
 * hundred.
 */
const SURVEY_ENTRIES_MAX = 20_000;

export interface Survey {
  /** 16 hex digits over what could be read; null when the root could not be listed. */
  readonly fingerprint: string | null;
  readonly bounded: boolean;
  /** Printable, below the snapshot, sorted; '' is the root itself. */
  readonly unreadable: readonly string[];
  /** Entries of the root; 0 for an empty one, null when it could not be listed. */
  readonly topEntries: number | null;
  /** The newest mtime that is not in the future, of the root and everything looked at; ms since 1970; null for none. */
  readonly newestMtimeMs: number | null;
  /**
   * The newest ctime that is not in the future, of the root and the directories looked at; ms since 1970; null for
   * none.
   */
  readonly changedMs: number | null;
  /** Entries that rsync leaves while it is at work: printable, below the snapshot. */
  readonly signs: readonly string[];
}

/** Printable names of a directory, at most `max`. */
function namesOf(directory: Directory, max: number): { readonly names: readonly string[]; readonly more: boolean } {
  const batches = directory.batches(max + 1);
  const { value } = batches.next();
  // Closes the listing.
  batches.return({ count: 0, duplicates: 0 });
  const names = value !== undefined && 'names' in value ? value.names : [];
  return { names: names.slice(0, max), more: names.length > max };
}

function openBelow(path: string, below: string): Directory {
  const root = openRoot(path);
  try {
    return openDirectory(root, below);
  } finally {
    root.close();
  }
}

function newer(known: number | null, timeNs: bigint, nowMs: number): number | null {
  const timeMs = Number(timeNs / 1_000_000n);
  return timeMs <= nowMs && (known === null || timeMs > known) ? timeMs : known;
}

export interface SurveyOptions {
  readonly hasher: Hasher;
  readonly nowMs: number;
  /**
   * Whether an entry of a directory (absolute, printable) is one of services/files/btrfs.ts: its times tell nothing.
   */
  readonly stub?: (directory: string, name: string, stat: Stat) => boolean;
  /** SURVEY_ENTRIES_MAX unless given. */
  readonly entriesMax?: number;
  /** Absolute printable paths of directories that are not listed: mounts on which that may destroy. */
  readonly closed?: ReadonlySet<string>;
}

/**
 * Looks at the root and its top two levels, following no symlink. What cannot be read is named, never taken to be
 * absent; what vanishes between listing and looking counts as not there. Nothing is thrown but bugs.
 *
 * @param path the snapshot's directory, absolute and printable
 * @param root its own lstat
 */
export function surveySnapshot(path: string, root: Stat, options: SurveyOptions): Survey {
  return new Surveyor(path, options).run(root);
}

/** What one directory holds: directories, printable and below the snapshot, and how many entries in all. */
interface Held {
  readonly directories: readonly string[];
  readonly entries: number;
}

class Surveyor {
  readonly #path: string;
  readonly #options: SurveyOptions;
  readonly #entriesMax: number;
  readonly #signs: string[] = [];
  readonly #unreadable: string[] = [];
  #newestMtimeMs: number | null = null;
  #changedMs: number | null = null;
  #sum = 0n;
  #seen = 0;
  #bounded = false;
  #listed = false;

  constructor(path: string, options: SurveyOptions) {
    this.#path = path;
    this.#options = options;
    this.#entriesMax = options.entriesMax ?? SURVEY_ENTRIES_MAX;
  }

  run(root: Stat): Survey {
    this.#meet(root);
    const top = this.#look(() => openRoot(this.#path), '');
    for (const below of top.directories.toSorted(compareBytes)) {
      if (this.#seen >= this.#entriesMax) {
        this.#bounded = true;
        break;
      }
      this.#look(() => openBelow(this.#path, below), below);
    }
    return {
      fingerprint: this.#listed ? hex(BigInt.asUintN(64, this.#sum)) : null,
      bounded: this.#bounded,
      unreadable: this.#unreadable.sort(),
      topEntries: this.#listed ? top.entries : null,
      newestMtimeMs: this.#newestMtimeMs,
      changedMs: this.#changedMs,
      signs: this.#signs,
    };
  }

  #meet({ kind, mtimeNs, ctimeNs }: Stat): void {
    const { nowMs } = this.#options;
    this.#newestMtimeMs = newer(this.#newestMtimeMs, mtimeNs, nowMs);
    // A file's ctime moves in all generations that share its inode.
    if (kind === 'directory') this.#changedMs = newer(this.#changedMs, ctimeNs, nowMs);
  }

  /** Looks at what a directory holds, and closes it. */
  #look(open: () => Directory, below: string): Held {
    const directories: string[] = [];
    let directory: Directory | null = null;
    try {
      directory = open();
      const { names, more } = namesOf(directory, this.#entriesMax - this.#seen);
      this.#bounded ||= more;
      if (below === '') this.#listed = true;
      this.#seen += names.length;
      for (const name of names) {
        const printable = joinPath(below, name);
        const stat = this.#entryOf(directory, name, printable);
        const isClosed = this.#options.closed?.has(joinPath(this.#path, printable)) === true;
        if (stat?.kind === 'directory' && !isClosed) directories.push(printable);
      }
      return { directories, entries: names.length };
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (below === '' || !isAbsent(error.errno)) this.#unreadable.push(below);
      return { directories, entries: 0 };
    } finally {
      directory?.close();
    }
  }

  #entryOf(directory: Directory, name: string, printable: string): Stat | null {
    const { hasher, stub } = this.#options;
    try {
      const met = directory.lstat(name);
      const isStub = stub?.(directory.path, name, met) === true;
      const stat = isStub ? withoutMadeUp(met) : met;
      if (!isStub) this.#meet(stat);
      // Entry hashes are added, so the order in which a file system lists does not matter.
      this.#sum += hasher.one(Buffer.from(`${printable}\0${stat.kind}\0${stat.size ?? ''}\0${stat.mtimeNs}`));
      if (isRsyncAtWork(name, stat.kind, stat.mode)) this.#signs.push(printable);
      return stat;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (!isAbsent(error.errno)) this.#unreadable.push(printable);
      return null;
    }
  }
}
