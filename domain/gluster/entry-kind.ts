// What a brick's entry is. GlusterFS itself asks for mode and mark only; size tells an empty pointer from content that
// is marked as one.
import type { BrickEntry } from './brick.ts';
import type { EntryKind } from './union.ts';

const LINK_MODE = 0o1000;
/** Set-group-ID and sticky: the source of a migration bears both, and no client ever shows them on a file. */
const MIGRATING_MODE = 0o3000;

/** Size and mode of a file are right from the start of its migration, so neither says that its content is there. */
export function entryKindOf({ kind, mode, linkto, size }: BrickEntry): EntryKind {
  if (kind !== 'file') return 'data';
  const isLinkMode = mode === LINK_MODE;
  if (linkto === null) return isLinkMode ? 'mark lost' : 'data';
  if (isLinkMode) return size === 0 ? 'link' : 'hidden';
  if (isMigrating(mode)) return 'migrating';
  return size === 0 ? 'shadow' : 'data';
}

/** What clients take for a pointer, whatever its size. */
export function isPointer(is: EntryKind): boolean {
  return is === 'link' || is === 'hidden';
}

/** What users see behind the name. */
export function isContent(is: EntryKind): boolean {
  return is === 'data' || is === 'migrating' || is === 'shadow';
}

function isMigrating(mode: number): boolean {
  return (mode & MIGRATING_MODE) === MIGRATING_MODE;
}

/** Mode and time as a client shows them. A migration that died leaves its mode bits for ever; no client shows them. */
export function asSeen(entry: BrickEntry): BrickEntry {
  return {
    ...entry,
    mode: entry.kind === 'file' && isMigrating(entry.mode) ? entry.mode & ~MIGRATING_MODE : entry.mode,
    mtimeNs: entry.mdataMtimeNs ?? entry.mtimeNs,
  };
}
