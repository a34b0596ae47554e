// The top two levels of a snapshot: cheap enough to look at whenever snapshots are listed, and telling enough to know
// one again.
import { isAbsent } from '../../domain/errno.ts';
import { compareBytes, joinPath } from '../../domain/path.ts';
import { isRsyncAtWork } from '../../domain/snapshot-signs.ts';
import { mayBeStub } from './btrfs.ts';
import { Columns } from './columns.ts';
import type { Directory } from './directory.ts';
import { openDirectory, openRoot } from './open-directory.ts';
import { FileError, systemError } from './errors.ts';
import type { Hasher } from './hash.ts';
import { hex } from '../../domain/digest.ts';
import { FORMAT_DIRECTORY, FORMAT_FILE, formatAt, kindAt, msAt, type Stat, STATX, sizeAt, unsoundAt } from './stat.ts';

/** Entries looked at in one survey: some 75 ms on a warm local disk. Most snapshots have a few hundred. */
const SURVEY_ENTRIES_MAX = 20_000;
const DOT = 0x2e;
/** Behind a name in the fingerprint: format, size, and mtime in seconds and ns. */
const FIELDS_BYTES = 4 + 8 + 12;

/** One survey at a time. */
let columns: Columns | null = null;

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

function openBelow(path: string, below: string): Directory {
  const root = openRoot(path);
  try {
    return openDirectory(root, below);
  } finally {
    root.close();
  }
}

function newer(known: number | null, timeMs: number, nowMs: number): number | null {
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

/** A directory whose names are listed. */
interface Surveyed {
  readonly directory: Directory;
  readonly all: Columns;
  readonly below: string;
  /** In the hasher's scratch, behind the path of the directory. */
  readonly nameAt: number;
}

class Surveyor {
  readonly #path: string;
  readonly #scratch: DataView;
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
    const { buffer, byteOffset, length } = options.hasher.scratch;
    this.#scratch = new DataView(buffer, byteOffset, length);
    this.#entriesMax = options.entriesMax ?? SURVEY_ENTRIES_MAX;
  }

  run(root: Stat): Survey {
    this.#meet(Number(root.mtimeNs / 1_000_000n), Number(root.ctimeNs / 1_000_000n));
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

  /** @param changedMs null of a file, whose ctime moves in all generations that share its inode */
  #meet(mtimeMs: number, changedMs: number | null): void {
    const { nowMs } = this.#options;
    this.#newestMtimeMs = newer(this.#newestMtimeMs, mtimeMs, nowMs);
    if (changedMs !== null) this.#changedMs = newer(this.#changedMs, changedMs, nowMs);
  }

  /** Looks at what a directory holds, and closes it. */
  #look(open: () => Directory, below: string): Held {
    const directories: string[] = [];
    let directory: Directory | null = null;
    columns ??= new Columns();
    columns.reset();
    try {
      directory = open();
      const max = this.#entriesMax - this.#seen;
      const { to, ended } = columns.list(directory, max, () => undefined);
      const entries = Math.min(to, max);
      this.#bounded ||= !ended || to > max;
      if (below === '') this.#listed = true;
      this.#seen += entries;
      // The path of the directory, before each name.
      const { scratch } = this.#options.hasher;
      const place = { directory, all: columns, below, nameAt: scratch.write(`${below}\0`, 0, 'utf8') };
      for (let index = 0; index < entries; index++) {
        if (!this.#meetEntry(place, index)) continue;
        const printable = joinPath(below, columns.name(index));
        if (this.#options.closed?.has(joinPath(this.#path, printable)) !== true) directories.push(printable);
      }
      return { directories, entries };
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      if (below === '' || !isAbsent(error.errno)) this.#unreadable.push(below);
      return { directories, entries: 0 };
    } finally {
      directory?.close();
    }
  }

  /** @returns whether it is a directory */
  #meetEntry({ directory, all, below, nameAt }: Surveyed, index: number): boolean {
    const { hasher, stub } = this.#options;
    const { view } = all;
    const at = all.statAt(index);
    const result = all.lookUp(directory, index);
    const error = result === 0 ? unsoundAt(view, at, '') : systemError(result, 'lstat', '');
    if (error !== null) {
      if (!isAbsent(error.errno)) this.#unreadable.push(joinPath(below, all.name(index)));
      return false;
    }
    const format = formatAt(view, at);
    const isDirectory = format === FORMAT_DIRECTORY;
    if (isDirectory && mayBeStub(view, at) && stub?.(directory.path, all.name(index), all.stat(index, '')) === true)
      all.forgetTimes(index);
    else this.#meet(msAt(view, at + STATX.mtime), isDirectory ? msAt(view, at + STATX.ctime) : null);
    const end = all.copyName(index, hasher.scratch, nameAt);
    const fields = this.#scratch;
    fields.setUint8(end, 0);
    fields.setUint32(end + 1, format);
    fields.setFloat64(end + 5, format === FORMAT_FILE ? sizeAt(view, at) : 0);
    for (const word of [0, 4, 8]) fields.setUint32(end + 13 + word, view.getUint32(at + STATX.mtime + word, true));
    // Entry hashes are added, so the order in which a file system lists does not matter.
    this.#sum += hasher.ofScratch(end + 1 + FIELDS_BYTES);
    if (all.nameBytes(index)[0] === DOT) {
      const name = all.name(index);
      const mode = view.getUint16(at + STATX.mode, true) & 0o7777;
      if (isRsyncAtWork(name, kindAt(view, at), mode)) this.#signs.push(joinPath(below, name));
    }
    return isDirectory;
  }
}
