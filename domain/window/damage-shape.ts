// What a step from one state of a file to the next looks like, by the shape of the two alone: what counts as damage
// when a burst of it is looked for. It knows nothing of last known good or of loss intervals, so that neither can
// depend on itself.
import { isFromList, quiet, sameMtime, type Version } from '../version.ts';

/** Zeros at the end that the state before does not have: a block of most file systems. */
export const ZERO_TAIL_BYTES_MIN = 4096;

export type DamageShape = 'silent' | 'zeroed' | 'cut off' | 'emptied';

/** What is known of the zeros in a content: Version and Sighting fit. */
export type Looks = Pick<Version, 'kind' | 'size' | 'zeroFrom'>;

/** The content is not empty, and every byte of it is zero. Null: not known. */
export function isAllZeros({ kind, size, zeroFrom }: Looks): boolean | null {
  if (kind !== 'file' || size === 0) return false;
  return zeroFrom === null ? null : zeroFrom === 0;
}

/** Bytes of zeros at its end; its size where all are. Null: not known. */
export function zeroTailOf({ kind, size, zeroFrom }: Looks): number | null {
  if (kind !== 'file' || size === 0) return 0;
  return zeroFrom === null || size === null ? null : size - zeroFrom;
}

/**
 * The shape of the damage between two neighbours in one series, or null for an ordinary change. What was not read tells
 * only of its size and time; a file that becomes zeros counts although the state before it was not read, as few files
 * are zeros. A smaller file is cut off only under an equal mtime: an older one is what comes out of an archive that was
 * unpacked over newer files.
 */
export function damageShape(before: Version, after: Version): DamageShape | null {
  if (before.kind !== 'file' || after.kind !== 'file' || isFromList(before) || isFromList(after)) return null;
  const [was, size] = [before.size ?? 0, after.size ?? 0];
  if (was === 0) return null;
  if (size === 0) return 'emptied';
  const isSame = before.digest !== null && before.digest === after.digest && was === size;
  if (isSame) return null;
  if (isAllZeros(after) === true && isAllZeros(before) !== true) return 'zeroed';
  const [tail, tailBefore] = [zeroTailOf(after), zeroTailOf(before)];
  if (tail !== null && tailBefore !== null && tail >= ZERO_TAIL_BYTES_MIN && tailBefore < ZERO_TAIL_BYTES_MIN)
    return 'zeroed';
  if (quiet(before, after))
    return before.digest !== null && after.digest !== null && before.digest !== after.digest ? 'silent' : null;
  return size < was && sameMtime(before.mtimeNs, after.mtimeNs) ? 'cut off' : null;
}
