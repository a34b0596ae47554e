// What belongs to a volume: excludes are decided at judging, by today's rules, for both sides; scans only prune by
// them.

/** Rules of one volume. Recorded with every scan, as JSON. */
export interface ScopeRules {
  /** gitignore patterns, in order; the last that matches decides. */
  readonly excludes: readonly string[];
  /** Whether other file systems below the root are entered. */
  readonly crossMounts: boolean;
}

export interface Scope {
  readonly rules: ScopeRules;
  /** Whether a path (printable, below the volume's root) or an ancestor of it is excluded. '' (the root) never is. */
  readonly excluded: (path: string, isDirectory: boolean) => boolean;
}

/**
 * Names that a file system shows at its own root and that are no part of its files: bookkeeping of GlusterFS, and doors
 * to its snapshots. `lost+found` is not among them: what lies there may be what is missing.
 */
export const BUILT_IN_SKIPS = ['.glusterfs', '.snapshots', '.snapshot', '.zfs'] as const;

/**
 * Whether a directory is skipped unasked. Only at the root of a file system: elsewhere `.snapshots` is a user's
 * directory like any other.
 *
 * @param directoryIsFileSystemRoot whether the directory that holds the name is the root of its file system (or
 *   subvolume)
 */
export function isBuiltInSkip(name: string, directoryIsFileSystemRoot: boolean): boolean {
  return directoryIsFileSystemRoot && BUILT_IN_SKIPS.some((skip) => skip === name);
}
