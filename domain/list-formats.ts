// The formats of lists that are written and read, as the command line calls them. It imports nothing, because every
// command loads it.

/**
 * Digests of one state. xxhsum and xxhsum-tag hold names raw, as every xxhsum reads them; gnu and bsd escape them, as
 * coreutils and xxhsum from 0.8.2 on do.
 */
const DIGEST_FORMATS = ['xxhsum', 'xxhsum-tag', 'gnu', 'bsd'] as const;
export type DigestFormat = (typeof DIGEST_FORMATS)[number];

/** combined compares two states, as rclone check prints it. */
export const WRITE_FORMATS = [...DIGEST_FORMATS, 'jsonl', 'combined'] as const;
export type WriteFormat = (typeof WRITE_FORMATS)[number];

export const READ_FORMATS = ['checksum', 'borg', 'hashdeep', 'combined', 'lsf', 'jsonl'] as const;
export type ReadFormat = (typeof READ_FORMATS)[number];
