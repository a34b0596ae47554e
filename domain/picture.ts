// What a person must see of an assessment first, counted: lost for good, restorable, still fine, and what is in
// between.
import type { Assessment, Finding, Tally } from './assessment.ts';
import { EXIT } from './exit.ts';
import { FLAG } from './judge/flags.ts';
import { exitOfFinding, isLossVerdict, VERDICT } from './verdicts.ts';

/** The fate of a path, for somebody who asks "is it gone?". The six fates partition the universe. */
export type Fate = 'lost' | 'restorable' | 'fine' | 'open' | 'deleted' | 'moved';

/**
 * The fate of one finding. A difference whose side is unknown, a path that could not be read, and one whose copies
 * could not be read stay open. A moved path is neither gone nor fine: its content is counted under the name that it has
 * now.
 */
export function fate(finding: Finding): Fate {
  const { standing } = VERDICT[finding.verdict];
  if (standing === 'deleted' || standing === 'moved') return standing;
  if (standing === 'undecided') return 'open';
  if (standing === 'there') return 'fine';
  if (finding.accepted !== null) return 'fine';
  if (finding.flags.includes(FLAG.sideUnknown)) return 'open';
  if (finding.recovery === 'none' && finding.flags.includes(FLAG.sourceUnreadable)) return 'open';
  return finding.recovery === 'exact' || finding.recovery === 'older' ? 'restorable' : 'lost';
}

export function probablyByPerson(finding: Finding): boolean {
  return finding.cause?.cause === 'person';
}

/** Statistics alone call it lost, and nothing says that a person deleted it. */
export function isUncertain(finding: Finding): boolean {
  return finding.flags.includes(FLAG.uncertain) && !probablyByPerson(finding);
}

/** Bytes of what the path should be, else of what lies there. Directories and links have none. */
export function sizeOf(finding: Finding): number {
  return finding.expected?.size ?? finding.found?.size ?? 0;
}

export interface Picture {
  readonly lost: Tally;
  readonly restorable: Tally;
  /** Parts of restorable. */
  readonly exact: Tally;
  readonly older: Tally;
  readonly fine: Tally;
  readonly open: Tally;
  readonly deleted: Tally;
  /** Old names of what stands under a new one. */
  readonly moved: Tally;
  /** Of lost and restorable: nobody removed or changed it through the file system. */
  readonly silent: Tally;
  /** Of lost and restorable: statistics alone call it lost; left out of the restore unless asked. */
  readonly uncertain: Tally;
  /** Of lost and restorable: probably deleted by a person; left out of the restore unless asked. */
  readonly personDeleted: Tally;
  /** Of open: two copies differ and nothing tells which one is right. */
  readonly sideUnknown: Tally;
  /** Of open: gone or damaged, with copies in a snapshot that could not be read. */
  readonly unreadCopies: Tally;
  /** Of open: not readable here, with a good copy in a backup. */
  readonly openWithCopy: Tally;
  /** Directories that are gone and can be made again, and those that cannot. */
  readonly directoriesRestorable: number;
  readonly directoriesLost: number;
  /** `--since` that would take every quiet deletion into the window; null when there is none. */
  readonly sinceAll: string | null;
  /** Quiet deletions that --since would include: those that no person accepted. */
  readonly quiet: Tally;
}

interface Sum {
  files: number;
  bytes: number;
}

function add(sum: Sum, finding: Finding): void {
  sum.files += 1;
  sum.bytes += sizeOf(finding);
}

/** Counts non-directories; the six fates add up to the universe, because fine is what is left of it. */
export function picture(assessment: Assessment): Picture {
  const sums = {
    lost: { files: 0, bytes: 0 },
    exact: { files: 0, bytes: 0 },
    older: { files: 0, bytes: 0 },
    open: { files: 0, bytes: 0 },
    deleted: { files: 0, bytes: 0 },
    moved: { files: 0, bytes: 0 },
    silent: { files: 0, bytes: 0 },
    uncertain: { files: 0, bytes: 0 },
    personDeleted: { files: 0, bytes: 0 },
    sideUnknown: { files: 0, bytes: 0 },
    unreadCopies: { files: 0, bytes: 0 },
    openWithCopy: { files: 0, bytes: 0 },
    quiet: { files: 0, bytes: 0 },
  };
  let directoriesRestorable = 0;
  let directoriesLost = 0;
  let earliest: { readonly ms: number; readonly iso: string } | null = null;
  for (const finding of assessment.findings) {
    const its = fate(finding);
    if (finding.kind === 'directory') {
      if (its === 'restorable') directoriesRestorable += 1;
      if (its === 'lost') directoriesLost += 1;
      continue;
    }
    if (its === 'deleted') {
      add(sums.deleted, finding);
      if (finding.accepted === null) {
        add(sums.quiet, finding);
        const iso = finding.between?.lastSeen ?? null;
        const ms = iso === null ? Number.NaN : Date.parse(iso.split('/')[0] ?? '');
        if (iso !== null && !Number.isNaN(ms) && (earliest === null || ms < earliest.ms)) earliest = { ms, iso };
      }
    } else if (its === 'moved') {
      add(sums.moved, finding);
    } else if (its === 'open') {
      add(sums.open, finding);
      if (finding.flags.includes(FLAG.sideUnknown)) add(sums.sideUnknown, finding);
      else if (isLossVerdict(finding.verdict)) add(sums.unreadCopies, finding);
      else if (finding.recovery === 'exact' || finding.recovery === 'older') add(sums.openWithCopy, finding);
    } else if (its === 'lost' || its === 'restorable') {
      if (its === 'lost') add(sums.lost, finding);
      else add(finding.recovery === 'older' ? sums.older : sums.exact, finding);
      if (probablyByPerson(finding)) add(sums.personDeleted, finding);
      else if (isUncertain(finding)) add(sums.uncertain, finding);
      else if (finding.cause?.cause === 'silent') add(sums.silent, finding);
    }
  }
  const restorable = { files: sums.exact.files + sums.older.files, bytes: sums.exact.bytes + sums.older.bytes };
  const all = Object.values(assessment.verdicts).reduce((total, tally) => total + tally.bytes, 0);
  const other = [sums.lost, restorable, sums.open, sums.deleted, sums.moved];
  const fine = {
    files: assessment.universe.paths - other.reduce((total, sum) => total + sum.files, 0),
    bytes: Math.max(0, all - other.reduce((total, sum) => total + sum.bytes, 0)),
  };
  return { ...sums, restorable, fine, directoriesRestorable, directoriesLost, sinceAll: earliest?.iso ?? null };
}

/**
 * True when there is nothing that a person should do or know of before going back to bed. What was accepted is known.
 */
export function nothingToReport(assessment: Assessment): boolean {
  return assessment.incomplete.length === 0 && assessment.findings.every((f) => exitOfFinding(f) === EXIT.nothing);
}

/**
 * Whether a snapshot may still be wanted: for what is to be restored, and where copies are to be compared or could not
 * be read.
 */
export function needsHistory(seen: Picture): boolean {
  const { lost, restorable, sideUnknown, unreadCopies, openWithCopy, directoriesRestorable } = seen;
  const files = [lost, restorable, sideUnknown, unreadCopies, openWithCopy].reduce((sum, its) => sum + its.files, 0);
  return files + directoriesRestorable > 0;
}
