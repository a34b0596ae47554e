// The top two levels of a snapshot: cheap enough to look at whenever snapshots are listed, and telling enough to know one again.
import { lstatSync, opendirSync, readdirSync } from 'node:fs';
import { encodeName, joinPath } from '../../domain/path.ts';
import { isRsyncAtWork } from '../../domain/snapshot-signs.ts';
import { withoutMadeUp } from './btrfs.ts';
import { errnoOf, isAbsent } from './errors.ts';
import type { Hasher } from './hash.ts';
import { hex } from './hash.ts';
import { bytesOf } from './location.ts';
import { type Stat, statOf } from './stat.ts';

/** Entries looked at in one survey. 20,000 lstat calls take about 0.1 s on a warm local disk; most snapshots have a few hundred. */
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
  /** Entries that rsync leaves while it is at work: printable, below the snapshot. */
  readonly signs: readonly string[];
}

/** Names of a directory as bytes, at most `max`; those that are not UTF-8 make Node read it again as buffers. */
function namesOf(directory: Buffer, max: number): { readonly names: readonly Buffer[]; readonly more: boolean } {
  const names: Buffer[] = [];
  const handle = opendirSync(directory);
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      if (names.length === max) return { names, more: true };
      if (entry.name.includes('\ufffd')) {
        const all = readdirSync(directory, { encoding: 'buffer' });
        return { names: all.slice(0, max), more: all.length > max };
      }
      names.push(Buffer.from(entry.name));
    }
  } finally {
    handle.closeSync();
  }
  return { names, more: false };
}

/**
 * Looks at the root and its top two levels, following no symlink. What cannot be read is named, never taken to be absent; what vanishes
 * between listing and looking counts as not there. Nothing is thrown but bugs.
 *
 * @param path the snapshot's directory, absolute and printable
 * @param root its own lstat
 * @param stub whether an entry of a directory (absolute, printable) is one of services/files/btrfs.ts: its times tell nothing
 */
export function surveySnapshot(
  path: string,
  root: Stat,
  hasher: Hasher,
  nowMs: number,
  stub: (directory: string, name: string, stat: Stat) => boolean = () => false,
  entriesMax: number = SURVEY_ENTRIES_MAX,
): Survey {
  const signs: string[] = [];
  const unreadable: string[] = [];
  let newestMtimeMs: number | null = null;
  let sum = 0n;
  let seen = 0;
  let bounded = false;
  let listed = false;

  const meet = (mtimeNs: bigint): void => {
    const mtimeMs = Number(mtimeNs / 1_000_000n);
    if (mtimeMs <= nowMs && (newestMtimeMs === null || mtimeMs > newestMtimeMs)) newestMtimeMs = mtimeMs;
  };

  /** Directories in it, and how many entries it has. */
  const look = (
    directory: Buffer,
    below: string,
  ): { readonly directories: (readonly [string, Buffer])[]; readonly entries: number } => {
    const directories: (readonly [string, Buffer])[] = [];
    let names: readonly Buffer[];
    try {
      const { names: found, more } = namesOf(directory, entriesMax - seen);
      names = found;
      bounded ||= more;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      if (below === '' || !isAbsent(errno)) unreadable.push(below);
      return { directories, entries: 0 };
    }
    if (below === '') listed = true;
    seen += names.length;
    for (const name of names) {
      const printable = joinPath(below, encodeName(name));
      const child = Buffer.concat([directory, Buffer.from('/'), name]);
      try {
        const met = statOf(lstatSync(child, { bigint: true }));
        const isStub = stub(below === '' ? path : joinPath(path, below), encodeName(name), met);
        const stat = isStub ? withoutMadeUp(met) : met;
        if (!isStub) meet(stat.mtimeNs);
        // Entry hashes are added, so the order in which a file system lists does not matter.
        sum += hasher.one(Buffer.from(`${printable}\0${stat.kind}\0${stat.size ?? ''}\0${stat.mtimeNs}`));
        if (stat.kind === 'directory') directories.push([printable, child]);
        if (isRsyncAtWork(encodeName(name), stat.kind, stat.mode)) signs.push(printable);
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === null) throw error;
        if (!isAbsent(errno)) unreadable.push(printable);
      }
    }
    return { directories, entries: names.length };
  };

  meet(root.mtimeNs);
  const top = look(bytesOf(path), '');
  for (const [below, directory] of top.directories.sort((a, b) => Buffer.compare(a[1], b[1]))) {
    if (seen >= entriesMax) {
      bounded = true;
      break;
    }
    look(directory, below);
  }
  return {
    fingerprint: listed ? hex(BigInt.asUintN(64, sum)) : null,
    bounded,
    unreadable: unreadable.sort(),
    topEntries: listed ? top.entries : null,
    newestMtimeMs,
    signs,
  };
}
