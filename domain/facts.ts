// What judging looks at: for one path, what every complete scan saw of it, and what was read on request.
// Built by services/reconcile from the catalog; consumed by the pure functions that judge.
import type { Gap, Scan } from './scan.ts';
import type { Version } from './version.ts';

/** One complete scan as an observer. Observers are ordered by as_of (ties: backups before live, then seq); live now is the last. */
export interface Observer {
  readonly scan: Scan;
  readonly role: 'live' | 'backup';
  /** The volume's name: a series for backups. */
  readonly volume: string;
}

/** What one observer saw of a path: the version that holds there, null (absent: proven), or the gap that hides it. */
export type Sight = Version | null | Gap;

export function isGap(sight: Sight): sight is Gap {
  return sight !== null && 'status' in sight;
}

/** One physical copy at one reading, made because judge asked for it (or when the scan read it and nothing else is known). */
export interface Reading {
  /** Index into the observers. */
  readonly observer: number;
  /** Null when it could not be read; then errno says why (ENOENT: the copy is gone; 'CHANGED': it moved while it was read). */
  readonly digest: bigint | null;
  readonly errno: string | null;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
}

/** How the bytes of one copy look beside those of another: what row 7 (truncated) needs. */
export interface Comparison {
  readonly of: number;
  readonly against: number;
  /** Null when both could be read; else why not. */
  readonly errno: string | null;
  /** `of` is shorter and equals the beginning of `against`. */
  readonly truePrefix: boolean;
  /** `of` is not empty and holds nothing but zero bytes. */
  readonly allZeros: boolean;
  /** Bytes of zeros at the end of `of`, and at the end of `against` (whole size if all zeros). */
  readonly zeroTail: number;
  readonly zeroTailAgainst: number;
}

/** What judge asks for when the facts do not suffice; the caller reads, adds it to the facts, and judges again. */
export type Request =
  | { readonly kind: 'read'; readonly observer: number }
  | { readonly kind: 'compare'; readonly of: number; readonly against: number };

export interface PathFacts {
  /** Printable text form, below the volume's root. */
  readonly path: string;
  /** Aligned with the observers. */
  readonly sights: readonly Sight[];
  readonly readings: readonly Reading[];
  readonly comparisons: readonly Comparison[];
}
