// What an assessment says: the verdict of every path that is not plainly intact, the window, the timeline, the counts,
// the restore plan. This is the seam between judging, the restore bundle, the report and the command line.
import type { BrickEvidence } from './gluster/evidence.ts';
import type { Orphan } from './gluster/orphans.ts';
import type { Verdict } from './verdicts.ts';
import type { Kind } from './version.ts';

export const RECOVERIES = ['exact', 'older', 'none'] as const;
/**
 * exact: a readable copy same as LKG; older: something newer than the source is known to have existed; none: no source.
 */
export type Recovery = (typeof RECOVERIES)[number];

/** Why a path is gone or damaged, with the signals that fired. Person means: probably deleted by a person. */
export interface Cause {
  readonly cause: 'silent' | 'person' | 'unknown';
  readonly signals: readonly string[];
}

/**
 * One state of a path, as far as reports and restores need it. Digest is 16 hex digits (XXH64, big-endian) or null when
 * unread. What only an imported list tells of has no mode, owner or mtime, and may have no size.
 */
export interface State {
  readonly kind: Kind;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly size: number | null;
  readonly mtimeNs: bigint | null;
  readonly target: string | null;
  readonly rdev: bigint | null;
  readonly digest: string | null;
}

/** A copy to restore from: one path in one snapshot that is on disk now, or in the live volume itself (inTarget). */
export interface Source {
  readonly scanId: bigint;
  /** Of an inTarget copy: the live volume's name. */
  readonly series: string;
  /** 'live' for an inTarget copy. */
  readonly snapshot: string;
  /** On which its root lies; null in a bundle of a version that did not say: on the volume's own. */
  readonly host: string | null;
  /** Printable path of the snapshot's directory, as given (absolute); of an inTarget copy the live root. */
  readonly root: string;
  /** Printable path below root; differs from the finding's path only when content is taken from another name. */
  readonly path: string;
  /** ISO 8601, UTC: when the state was taken, as `from` or `from/to` where it is an interval. */
  readonly asOf: string;
  readonly state: State;
  /** How the source is known to be readable: read here when judged, or read on its own host when exported. */
  readonly proof: 'read' | 'export';
  readonly proofAtMs: number;
  /**
   * It lies in the volume that it is restored into (lost+found, a copy elsewhere in live), always under another path
   * than the finding's.
   */
  readonly inTarget: boolean;
}

export interface LiveInode {
  readonly inode: bigint;
  readonly nlink: number;
}

export interface Finding {
  readonly volume: string;
  /** Printable path below the volume's root. */
  readonly path: string;
  readonly kind: Kind;
  readonly verdict: Verdict;
  /** Small print: 'metadata differs', 'other backup stale', 'side unknown', 'restored until the next backup' … */
  readonly flags: readonly string[];
  /** Null where recovery has no meaning for the verdict (new, modified, moved, deleted without a source asked …). */
  readonly recovery: Recovery | null;
  readonly source: Source | null;
  /** Last known good: what the path should be, and when that was so (ISO 8601). */
  readonly expected: State | null;
  readonly expectedAsOf: string | null;
  /** What lies there now; null when absent or not readable. */
  readonly found: State | null;
  /** ISO 8601 pair for what vanished or changed: last sighting and first proof of absence (or change). */
  readonly between: { readonly lastSeen: string | null; readonly firstGone: string | null } | null;
  readonly cause: Cause | null;
  /** moved: where to; missing: a candidate, 'may have moved to'. */
  readonly movedTo: string | null;
  /** unreadable: errno and, when the gap lies above, that directory. */
  readonly errno: string | null;
  readonly below: string | null;
  /** For a hard-linked name that is gone: a surviving name with the same content, to be linked after comparing. */
  readonly linkTo: string | null;
  /**
   * The inode of the newest live observation of a file, by which names that were one file are told from those that were
   * not; null where none is known.
   */
  readonly liveInode?: LiveInode | null;
  /** A person's acceptance of exactly this pair of states. */
  readonly accepted: { readonly reason: string; readonly atMs: number } | null;
  /** Identity of the pair (expected, observed), for `accept` and for recognising a finding again. */
  readonly expectedKey: string;
  readonly observedKey: string;
  /** hidden, unreachable, misplaced: what the bricks have of it; missing: what is left of it, and where it belongs. */
  readonly bricks?: BrickEvidence;
  /** Sentences for a person: which observations the verdict stands on. */
  readonly evidence?: readonly string[];
}

/** A burst or a quiet stretch: [from, to] between two consecutive complete scans. Times ISO 8601. */
export interface Interval {
  readonly series: string;
  readonly from: string;
  readonly to: string;
  /** Name of the snapshot at each end; 'live' for the live scan. */
  readonly fromName: string;
  readonly toName: string;
  readonly days: number;
  readonly added: number;
  readonly changed: number;
  /** Paths that vanished, moves subtracted. */
  readonly vanished: number;
  readonly moved: number;
  readonly damaged: number;
  /** Of those that vanished: whose directory says that nobody deleted them. */
  readonly silent: number;
  /** More than this volume's habit. */
  readonly burst: boolean;
  /** It is a loss interval: more than the silent counts as lost in it. */
  readonly inWindow: boolean;
  /** Why it is one: 'silent' | 'burst' | 'sensitive' | 'damage' | 'beside'; empty where only --since says so. */
  readonly rules: readonly string[];
  /** More vanished than usual, and it counts as ordinary deletions all the same. */
  readonly beyondLine: boolean;
}

/** The loss intervals. */
export interface Window {
  readonly since: string | null;
  /** 'burst' | 'silent' | 'since' | 'no burst' | 'too few snapshots': why the loss intervals are what they are. */
  readonly reason: string;
  readonly intervals: readonly Interval[];
}

export interface Tally {
  readonly files: number;
  readonly bytes: number;
}

/** Something about the whole assessment that a person must know, with the command or step that follows from it. */
export interface Condition {
  readonly code: string;
  readonly text: string;
}

export interface Assessment {
  readonly volume: string;
  readonly livePath: string;
  /** On which livePath lies; null in a bundle of a version that did not say. */
  readonly liveHost: string | null;
  readonly liveScan: { readonly id: bigint; readonly asOf: string };
  readonly series: readonly {
    readonly name: string;
    readonly pattern: string;
    readonly snapshots: number;
    readonly newest: string | null;
    readonly newestAsOf: string | null;
  }[];
  readonly window: Window;
  readonly timeline: readonly Interval[];
  /** Everything with an observation in scope: non-directories and directories counted apart. */
  readonly universe: { readonly paths: number; readonly directories: number };
  /**
   * Non-directories by verdict; adds up to universe.paths. Bytes are those of LKG, or of what is found where there is
   * no LKG.
   */
  readonly verdicts: Readonly<Record<Verdict, Tally>>;
  /** Directories by verdict; adds up to universe.directories. */
  readonly directories: Readonly<Record<Verdict, number>>;
  readonly recovery: Readonly<Record<Recovery, Tally>>;
  /** Every path that is not intact (directories too), sorted by path in byte order. */
  readonly findings: readonly Finding[];
  /** On bricks, content without a name that no finding was found to be. Left out where there is none. */
  readonly orphans?: readonly Orphan[];
  /** What could not be read and what would not hold still, a sentence each. */
  readonly incomplete: readonly string[];
  readonly conditions: readonly Condition[];
  readonly bytesRead: number;
  /** Bytes whose digests were carried, and the oldest reading among them (ISO 8601, null if none). */
  readonly bytesTrusted: number;
  readonly trustedSince: string | null;
  readonly createdMs: number;
}
