// One entry of a restore list: what comes back, from where, to which name, and what restore.sh must be told before it
// touches it.
import type { Finding, Source, State } from '../assessment.ts';
import { decodePath } from '../path.ts';
import { isBeside } from './beside.ts';
import { isDamaged } from './eligible.ts';
import { type Need, needsOf } from './needs.ts';

/**
 * copy: the name is absent and comes from the snapshot (also content that is put beside) · replace: damaged content is
 * exchanged, if it still is that content · link: a hard link to a name that is there · directory: made, and given its
 * metadata last.
 */
export type Action = 'copy' | 'replace' | 'link' | 'directory';

/** What a damaged entry must still be, for it to be replaced. */
export interface Obstacle {
  readonly state: State;
  /** 64 hex digits; null for what is not a regular file. */
  readonly sha256: string | null;
}

/** What was read when the lists were written (docs/design.md#rule-10). */
export interface Proof {
  /** state.digest is what was read now, or what the export says; null only for what is not a file. */
  readonly source: Source;
  readonly recovery: 'exact' | 'older';
  /** Of the source; null where nobody needs it, or where only an export has read it. */
  readonly sha256: string | null;
  /** Equal for names that are hard links to one copy in one snapshot; null where unknown or nlink is 1. */
  readonly inode: string | null;
  /** Only for damaged paths. */
  readonly obstacle: Obstacle | null;
  /** SHA-256 of the surviving name of a hard link, when it holds the expected content; else null. */
  readonly survivorSha256: string | null;
  /** The finding's own source where it failed, and why; null where it is the source. */
  readonly insteadOf: { readonly source: Source; readonly why: string } | null;
}

export interface Entry {
  readonly finding: Finding;
  /**
   * Printable, below the target. Differs from the finding's path for what is put beside, or lay below a directory that
   * was replaced.
   */
  readonly destination: string;
  readonly list: string;
  /** Lists are restored in this order; 0 unless the freshest come first. */
  readonly age: number;
  readonly needs: readonly Need[];
  readonly action: Action;
  /** Index into the plan's sources. */
  readonly source: number;
  readonly sourcePath: string;
  /** What will lie there. */
  readonly state: State;
  /** Owner, mode and mtime are those of the lost name, not of the copy. */
  readonly hasOwnMetadata: boolean;
  readonly recovery: 'exact' | 'older';
  readonly insteadOf: Proof['insteadOf'];
  /** Printable, below the target: the name to link to. */
  readonly linkTo: string | null;
  readonly sha256: string | null;
  readonly obstacle: Obstacle | null;
}

/** rsync and the kernel take 4,095 bytes with the root before it; rsync's temporary name wants a few more. */
const PATH_BYTES_MAX = 4_000;
export const TOO_LONG = 'its path is too long for rsync';

export function tooLong(path: string): boolean {
  return path.length > PATH_BYTES_MAX / 4 && decodePath(path).length > PATH_BYTES_MAX;
}

function listName(base: 'missing' | 'damaged' | 'beside', needs: readonly Need[], age: number): string {
  const parts = [
    ...(needs.includes('person-deleted') ? ['person'] : []),
    ...(needs.includes('uncertain') ? ['uncertain'] : []),
    ...(needs.includes('older') ? ['older'] : []),
  ];
  if (base !== 'missing' || parts.length === 0) parts.push(base);
  if (age > 0) parts.push(String(age));
  return parts.join('-');
}

/**
 * Which names were one file is known from live, not from a backup that may have been deduplicated: by inode; unknown
 * where nobody saw it live.
 */
export function ownInode({ liveInode }: Finding): string {
  if (liveInode === null || liveInode === undefined) return 'unknown';
  return liveInode.nlink < 2 ? 'alone' : String(liveInode.inode);
}

/** A copy under another name has its content only: the rest is what the lost name had, as far as that is known. */
function ownMetadata({ path, expected }: Finding, { source }: Proof): State | null {
  const { state } = source;
  if (source.path === path || expected === null || expected.kind !== state.kind) return null;
  const own = {
    ...state,
    mode: expected.mode ?? state.mode,
    uid: expected.uid ?? state.uid,
    gid: expected.gid ?? state.gid,
    mtimeNs: expected.mtimeNs ?? state.mtimeNs,
  };
  const isKnown = [expected.mode, expected.uid, expected.mtimeNs].some((field) => field !== null);
  return isKnown ? own : null;
}

/** What is known of an entry besides its finding and its proof. */
export interface Placed {
  readonly destination: string;
  /** Index into the plan's sources. */
  readonly source: number;
  readonly age: number;
  /** What statistics alone call lost needs no option. */
  readonly uncertainToo: boolean;
}

export function entryOf(finding: Finding, proof: Proof, { destination, source, age, uncertainToo }: Placed): Entry {
  const own = ownMetadata(finding, proof);
  const state = own ?? proof.source.state;
  const beside = isBeside(finding, proof);
  const replace = isDamaged(finding) && !beside;
  const needs = needsOf({ ...finding, source: proof.source }, { replaces: replace, recovery: proof.recovery }).filter(
    (need) => !(uncertainToo && need === 'uncertain'),
  );
  const link = finding.linkTo !== null && proof.survivorSha256 !== null && state.kind === 'file' && !beside && !replace;
  return {
    finding,
    destination,
    list: listName(beside ? 'beside' : replace ? 'damaged' : 'missing', needs, age),
    age,
    needs,
    action: state.kind === 'directory' ? 'directory' : replace ? 'replace' : link ? 'link' : 'copy',
    source,
    sourcePath: proof.source.path,
    state,
    hasOwnMetadata: own !== null,
    recovery: proof.recovery,
    insteadOf: proof.insteadOf,
    linkTo: link ? finding.linkTo : null,
    sha256: link ? proof.survivorSha256 : proof.sha256,
    obstacle: replace ? proof.obstacle : null,
  };
}
