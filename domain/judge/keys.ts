// Stable names of what was expected and what was observed, so that a person's accept binds to the pair and to nothing
// else.
import type { State } from '../assessment.ts';
import { isFromList, type Metadata, LIST_METADATA } from '../version.ts';

/** What a key or a printed state is made of. */
export type Described = Metadata & { readonly digest: bigint | null };

/** XXH64 as 16 hex digits, big-endian. */
export function hexDigest(digest: bigint): string {
  return BigInt.asUintN(64, digest).toString(16).padStart(16, '0');
}

export function stateOf(described: Described): State {
  const told = isFromList(described);
  return {
    kind: described.kind,
    mode: told ? null : described.mode,
    uid: told ? null : described.uid,
    gid: told ? null : described.gid,
    size: described.size,
    mtimeNs: told ? null : described.mtimeNs,
    target: described.target,
    rdev: described.rdev,
    digest: described.digest === null ? null : hexDigest(described.digest),
  };
}

const SECOND_NS = 1_000_000_000n;

/** Whole seconds: backups cut times off, and the same version must keep its name wherever it is seen. */
function mtimeSeconds(described: Described): bigint {
  const rest = described.mtimeNs % SECOND_NS;
  return (described.mtimeNs - (rest < 0n ? rest + SECOND_NS : rest)) / SECOND_NS;
}

/**
 * Names content: no clock, no scan, no owner or mode. An unread file has no content to name, so size and mtime stand
 * for it.
 */
export function contentKey(described: Described): string {
  switch (described.kind) {
    case 'file':
      return described.digest === null
        ? `file ${described.size ?? '?'} unread ${isFromList(described) ? '?' : mtimeSeconds(described)}`
        : `file ${described.size ?? '?'} ${hexDigest(described.digest)}`;
    case 'symlink':
      return `symlink ${described.target}`;
    case 'char-device':
    case 'block-device':
      return `${described.kind} ${described.rdev}`;
    case 'directory':
    case 'fifo':
    case 'socket':
      return described.kind;
  }
}

/** The same of a state that was made for reports. */
export function contentKeyOfState(state: State): string {
  const { mode, uid, gid, mtimeNs } = state;
  const known =
    mode === null || uid === null || gid === null || mtimeNs === null ? LIST_METADATA : { mode, uid, gid, mtimeNs };
  return contentKey({ ...state, ...known, digest: state.digest === null ? null : BigInt(`0x${state.digest}`) });
}

/** What the path should be; null where nothing good is known. */
export function expectedKeyOf(lkg: Described | null): string {
  return lkg === null ? 'nothing' : contentKey(lkg);
}

/** What was found. A file's mtime is part of it: emptied once more at another time is another event. */
export function observedKeyOf(found: Described): string {
  return found.kind === 'file' ? `${contentKey(found)} at ${mtimeSeconds(found)}` : contentKey(found);
}

export const OBSERVED_ABSENT = 'absent';
