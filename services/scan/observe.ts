// The interval model for one name: what a running scan saw, held against what the catalog knows, gives rows to insert
// and changes to stage. Pure. The rules: docs/design.md#intervals. Counter-examples: test/catalog.
import type { EndReason, Metadata, Version } from '../../domain/version.ts';
import type { VersionRow } from '../catalog/version-copy.ts';
import { metadataEqual } from '../../domain/version.ts';

/** A name that was met, after its bytes were read, its digest carried, or neither. */
export interface Observed extends Metadata {
  readonly name: string;
  readonly digest: bigint | null;
  /** As Proof.zeroFrom: of the copy that the digest is of. */
  readonly zeroFrom: number | null;
  /** True when the bytes were read in this scan; a carried digest is false. */
  readonly readNow: boolean;
  readonly inode: bigint;
  readonly ctimeNs: bigint;
  readonly btimeNs: bigint;
  readonly nlink: number;
  readonly racy: boolean;
}

/** What the catalog holds of a name around the running scan's seq. */
export interface KnownName {
  /** The version whose interval covers the seq. */
  readonly now: Version | undefined;
  /** Late scans only: the first version that starts after the seq. */
  readonly after: Version | undefined;
}

interface EndingBase {
  readonly name: string;
  /** Which version of the name: the one that starts there. */
  readonly firstSeq: bigint;
}

/** A staged change of an older row; the close applies it. */
export type Ending =
  /** Ends the version at the scan's seq. resumeSeq: a late scan cuts it in two, the second part begins there. */
  | (EndingBase & { readonly kind: 'end'; readonly reason: EndReason; readonly resumeSeq: bigint | null })
  /** The version that starts later was already so at the scan's seq. */
  | (EndingBase & { readonly kind: 'extend' })
  /** Everything below directory/name ends. */
  | (EndingBase & { readonly kind: 'below'; readonly reason: EndReason })
  /** The version's bytes were read from this scan's copy. */
  | (EndingBase & {
      readonly kind: 'proof';
      readonly digest: bigint;
      readonly zeroFrom: number | null;
      readonly inode: bigint;
      readonly ctimeNs: bigint;
      readonly btimeNs: bigint;
      readonly nlink: number;
      readonly suspect: boolean;
      readonly racy: boolean;
    });

export interface NameDiff {
  readonly insert: VersionRow | null;
  readonly endings: readonly Ending[];
}

export interface ScanPoint {
  /** Id of the directory that holds the name. */
  readonly directory: number;
  readonly seq: bigint;
  /** Live volumes refresh a version's proof whenever the copy moved; snapshots keep the copy that was read first. */
  readonly role: 'live' | 'backup';
  /** Every copy is read on purpose: proofs are renewed, so that "trusted since" tells the truth. */
  readonly reread: boolean;
}

const NOTHING: NameDiff = { insert: null, endings: [] };

/**
 * Content changed although nothing announced it: same kind, size and mtime, another digest than was read at the scan
 * `seq` or before it. A digest that was read from a later snapshot says nothing against an older copy that is read
 * after it. A racy digest of the very same inode and ctime may have been overtaken by a write within the same tick,
 * which is no suspicion.
 */
export function changedInSilence(known: Version, seen: Observed, seq: bigint): boolean {
  return (
    (known.readSeq === null || known.readSeq <= seq) &&
    seen.kind === 'file' &&
    known.kind === 'file' &&
    seen.readNow &&
    known.digest !== null &&
    seen.digest !== known.digest &&
    known.size === seen.size &&
    known.mtimeNs === seen.mtimeNs &&
    !(known.racy && known.inode === seen.inode && known.ctimeNs === seen.ctimeNs)
  );
}

/**
 * @param next the next complete scan after the seq that saw the name or its absence (not under a gap); null when the
 *   scan is the newest
 * @param nextLacks why `next` has not got the name, if it has not
 * @param suspect what changedInSilence said, less the digests that were once seen in good standing (the caller looks
 *   them up)
 */
export function diffPresent(
  point: ScanPoint,
  known: KnownName,
  seen: Observed,
  next: bigint | null,
  nextLacks: 'vanished' | 'excluded',
  suspect: boolean,
): NameDiff {
  const { now, after } = known;
  if (now !== undefined && metadataEqual(now, seen) && !digestDiffers(now, seen)) return proofOf(point, now, seen);
  const endings: Ending[] = [];
  const resumes = now !== undefined && next !== null && (now.endSeq === null || now.endSeq > next);
  if (now !== undefined) {
    endings.push({
      kind: 'end',
      name: seen.name,
      firstSeq: now.firstSeq,
      reason: 'changed',
      resumeSeq: resumes ? next : null,
    });
    if (now.kind === 'directory' && seen.kind !== 'directory') {
      endings.push({ kind: 'below', name: seen.name, firstSeq: now.firstSeq, reason: 'vanished' });
    }
  }
  const follower = after !== undefined && after.firstSeq === next ? after : undefined;
  if (!resumes && follower !== undefined && metadataEqual(follower, seen) && !digestDiffers(follower, seen)) {
    endings.push({ kind: 'extend', name: seen.name, firstSeq: follower.firstSeq });
    if (seen.readNow && seen.digest !== null && follower.digest === null) endings.push(proof(follower, seen, false));
    return { insert: null, endings };
  }
  let endReason: EndReason | null = null;
  if (next !== null) {
    if (resumes || follower !== undefined) endReason = 'changed';
    else endReason = now?.endReason ?? nextLacks;
  }
  // Spelled out: spreading one object of this size into another was a tenth of a first scan (2026-11-23, 2 cores,
  // 200,000 files).
  const insert: VersionRow = {
    directory: point.directory,
    name: seen.name,
    kind: seen.kind,
    mode: seen.mode,
    uid: seen.uid,
    gid: seen.gid,
    size: seen.size,
    mtimeNs: seen.mtimeNs,
    target: seen.target,
    rdev: seen.rdev,
    firstSeq: point.seq,
    endSeq: next,
    endReason,
    digest: seen.digest,
    zeroFrom: seen.zeroFrom,
    readSeq: seen.digest === null ? null : seen.readNow ? point.seq : (now?.readSeq ?? point.seq),
    inode: seen.inode,
    ctimeNs: seen.ctimeNs,
    btimeNs: seen.btimeNs,
    nlink: seen.nlink,
    // Content that is suspect stays so when only its metadata moves: a chmod is no person's word for the bytes.
    suspect: suspect || (now?.suspect === true && seen.digest !== null && seen.digest === now.digest),
    racy: seen.racy,
  };
  return { insert, endings };
}

/** The name is proven absent, or no longer in scope. */
export function diffGone(
  name: string,
  known: Version,
  reason: 'vanished' | 'excluded',
  next: bigint | null,
): readonly Ending[] {
  const resumes = next !== null && (known.endSeq === null || known.endSeq > next);
  const end: Ending = { kind: 'end', name, firstSeq: known.firstSeq, reason, resumeSeq: resumes ? next : null };
  return known.kind === 'directory' ? [end, { kind: 'below', name, firstSeq: known.firstSeq, reason }] : [end];
}

function digestDiffers(known: Version, seen: Observed): boolean {
  return seen.kind === 'file' && seen.readNow && known.digest !== null && seen.digest !== known.digest;
}

function proofOf(point: ScanPoint, known: Version, seen: Observed): NameDiff {
  if (seen.kind !== 'file' || !seen.readNow || seen.digest === null) return NOTHING;
  const moved = known.inode !== seen.inode || known.ctimeNs !== seen.ctimeNs;
  const settled = known.racy && !seen.racy;
  const looksUnknown = known.zeroFrom === null && seen.zeroFrom !== null;
  if (
    known.digest === null ||
    looksUnknown ||
    settled ||
    point.reread ||
    (point.role === 'live' && (moved || known.racy))
  ) {
    return { insert: null, endings: [proof(known, seen, known.digest !== null && known.suspect)] };
  }
  return NOTHING;
}

function proof(known: Version, seen: Observed, suspect: boolean): Ending {
  if (seen.digest === null) throw new Error('a proof needs a digest');
  return {
    kind: 'proof',
    name: seen.name,
    firstSeq: known.firstSeq,
    digest: seen.digest,
    zeroFrom: seen.zeroFrom,
    inode: seen.inode,
    ctimeNs: seen.ctimeNs,
    btimeNs: seen.btimeNs,
    nlink: seen.nlink,
    suspect,
    racy: seen.racy,
  };
}
