// Whether a version of a path may be called a good copy, by the catalog and what judging found: nothing is read for it.
import { quiet, type Version } from '../version.ts';
import { isAllZeros } from '../window/damage-shape.ts';
import { contentKey } from './keys.ts';

/**
 * Which of these versions (oldest first, of all volumes) must not be taken for good. What an open finding expects is
 * good, and other bytes under its size and mtime are not. Else: what is nothing but zeros after it was not; what two
 * older copies of one content outvote; and what a scan found changed in silence, unless live has it now above
 * suspicion.
 * @param live the newest version of the live volume, or null
 * @param expected what the open findings of the path expect (judge/keys.ts)
 */
export function badVersions(
  versions: readonly Version[],
  live: Version | null,
  expected: ReadonlySet<string>,
): ReadonlySet<Version> {
  const files = versions.filter(({ kind, digest }) => kind === 'file' && digest !== null);
  const isExpected = (version: Version): boolean => expected.has(contentKey(version));
  const isBad = (version: Version, at: number): boolean => {
    if (isExpected(version)) return false;
    const peers = files.filter((one) => quiet(one, version));
    if (peers.some(isExpected)) return true;
    const before = files.slice(0, at);
    if (isAllZeros(version) === true && before.some((one) => one.size !== 0 && isAllZeros(one) === false)) return true;
    const first = peers.findIndex(({ digest }) => digest === version.digest);
    const older = new Set(peers.slice(0, first).map(({ digest }) => digest));
    for (const { digest } of peers.slice(first)) if (digest !== version.digest) older.delete(digest);
    if ([...older].some((digest) => copiesOf(peers, digest) >= 2)) return true;
    return version.suspect && !(live !== null && !live.suspect && live.digest === version.digest);
  };
  return new Set(files.filter(isBad));
}

/** Physical copies that this digest was read from. */
function copiesOf(versions: readonly Version[], digest: bigint | null): number {
  const own = versions.filter((one) => one.digest === digest);
  return new Set(own.map(({ inode, btimeNs, ctimeNs }) => `${inode} ${btimeNs === 0n ? ctimeNs : btimeNs}`)).size;
}
