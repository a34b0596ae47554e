// What judging looks at: for one path, what every complete scan saw of it, and what was read on request.
// Built by services/judge from the catalog; consumed by the pure functions that judge.
import type { Absence } from './absence/witness.ts';
import type { BrickEvidence, BrickVerdict } from './gluster/evidence.ts';
import type { Orphan } from './gluster/orphans.ts';
import type { Gap, Scan } from './scan.ts';
import type { RootMark } from './snapshot-identity.ts';
import type { Version } from './version.ts';

/**
 * One complete scan as an observer. Observers are ordered by as_of (ties: backups before live, then seq); live now is
 * the last.
 */
export interface Observer {
  readonly scan: Scan;
  /** list: names and digests that another tool wrote down. Evidence of what was, never a copy, and no protection. */
  readonly role: 'live' | 'backup' | 'list';
  /** The volume's name: a series for backups. */
  readonly volume: string;
  /** Of the root that was scanned. Left out where nothing is opened, or nothing was recorded. */
  readonly mark?: RootMark | undefined;
}

/** What one observer saw of a path: the version that holds there, null (absent: proven), or the gap that hides it. */
export type Sight = Version | null | Gap;

export function isGap(sight: Sight): sight is Gap {
  return sight !== null && 'status' in sight;
}

/**
 * One physical copy at one reading, made because judge asked for it (or when the scan read it and nothing else is
 * known).
 */
export interface Reading {
  /** Index into the observers. */
  readonly observer: number;
  /**
   * Null when it could not be read; then errno says why (ENOENT: the copy is gone; 'CHANGED': it moved while it was
   * read).
   */
  readonly digest: bigint | null;
  /** As Proof.zeroFrom; left out or null where it is not known. */
  readonly zeroFrom?: number | null;
  readonly errno: string | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  /** Left out or 0n where the file system keeps none. */
  readonly btimeNs?: bigint;
  /** When it was read, in ms; left out where nobody asks. */
  readonly atMs?: number;
}

/** How the bytes of one copy look beside those of another: what row 7 (truncated) needs. */
export interface Comparison {
  readonly of: number;
  readonly against: number;
  /** Null when both could be read; else why not. */
  readonly errno: string | null;
  /** `of` is shorter and equals the beginning of `against`. */
  readonly truePrefix: boolean;
  /**
   * What precedes the zeros at the end of `of` equals the beginning of `against`. Looked at only where the zeros are a
   * block or more.
   */
  readonly alikeBeforeZeros: boolean;
}

/** What judge asks for when the facts do not suffice; the caller reads, adds it to the facts, and judges again. */
export type Request =
  /**
   * another: a second physical copy is wanted, so that one whose bytes are known already (a hard link) need not be read
   * again.
   */
  | { readonly kind: 'read'; readonly observer: number; readonly another?: true }
  | { readonly kind: 'compare'; readonly of: number; readonly against: number };

/**
 * The name that the same file had before, and what was seen there by those observers that did not see it under its
 * present name.
 */
export interface Former {
  readonly path: string;
  /** Aligned with the observers; null where the present name tells of the file itself. */
  readonly sights: readonly Sight[];
}

export interface PathFacts {
  /** Printable text form, below the volume's root. */
  readonly path: string;
  /** Aligned with the observers. */
  readonly sights: readonly Sight[];
  readonly readings: readonly Reading[];
  readonly comparisons: readonly Comparison[];
  /** What the bricks have of a name that stands, where they contradict one another or users cannot open it. */
  readonly bricks?: { readonly verdict: BrickVerdict; readonly bricks: BrickEvidence };
  /** Content on the bricks that had this name and has none now. */
  readonly orphans?: readonly Orphan[];
  /** What the bricks still say of a name that is on none of them. */
  readonly trace?: BrickEvidence;
  /** What lies around the path; for the cause and the sources of what is gone. May be left out for what is there. */
  readonly surroundings?: Surroundings;
  /**
   * Where the file was renamed and has other content since: integrity is judged by the whole history, protection by
   * this name's own.
   */
  readonly former?: Former;
}

/** The name under which an observer saw the file. */
export function nameAt({ path, former }: PathFacts, observer: number): string {
  return former === undefined || (former.sights[observer] ?? null) === null ? path : former.path;
}

/** The version that an observer saw; null where it saw none, or could not look. */
export function versionAt(sights: readonly Sight[], observer: number): Version | null {
  const sight = sights[observer] ?? null;
  return sight === null || isGap(sight) ? null : sight;
}

/** What an observer saw of the file, under whatever name. */
export function sightAt({ sights, former }: PathFacts, observer: number): Sight {
  return former?.sights[observer] ?? sights[observer] ?? null;
}

/** The facts with what was seen under a former name in their place. */
export function wholeHistory(facts: PathFacts): PathFacts {
  if (facts.former === undefined) return facts;
  return { ...facts, sights: facts.sights.map((_, observer) => sightAt(facts, observer)) };
}

/**
 * Evidence from beside the path. Every part may be missing (null, none): then the signal is not known, which is never
 * "did not fire".
 */
export interface Surroundings {
  /**
   * When and how the name went. Of what is there: when and how it went before it came back, or became what it is; null
   * where neither happened.
   */
  readonly absence: Absence | null;
  /**
   * Non-directories of the same directory that were there at the path's last sighting: gone in the same interval (this
   * path included), left now, and how many different owners those that are gone had.
   */
  readonly siblings: { readonly gone: number; readonly left: number; readonly owners: number } | null;
  /** The same bytes under other names (or of other paths), in snapshots that are on disk. */
  readonly copies: readonly CopyElsewhere[];
  /** A surviving name of the same inode, for a hard-linked name that is gone. */
  readonly linkTo: string | null;
}

export interface CopyElsewhere {
  /** Index into the observers: a backup that is on disk. */
  readonly observer: number;
  /** Printable path below the root. */
  readonly path: string;
  readonly version: Version;
}
