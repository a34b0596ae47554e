// What may stand in a restore list at all, whatever its source is worth. Pure.
import { isOfMedium } from '../errno.ts';
import type { Assessment, Finding, Recovery } from '../assessment.ts';
import { isDamageVerdict, VERDICT } from '../verdicts.ts';
import { FLAG } from '../judge/flags.ts';

/** A loss that recovery has a meaning for, and that nobody has accepted. */
export function isLoss(finding: Finding): boolean {
  return VERDICT[finding.verdict].restored !== 'no' && finding.accepted === null;
}

export function isDamaged(finding: Finding): boolean {
  return isDamageVerdict(finding.verdict);
}

/** A bundle is written when a person may want something back, must know that it is lost, or has to rescue it. */
export function wantsBundle({ findings, orphans = [] }: Pick<Assessment, 'findings' | 'orphans'>): boolean {
  return (
    orphans.some(({ isUnlinked }) => !isUnlinked) ||
    findings.some(({ recovery, bricks }) => recovery !== null || bricks?.copies.some(({ rescue }) => rescue) === true)
  );
}

/** Why a loss with a source stands in no list, whatever its source is worth; null where it may stand in one. */
export function ruledOut(finding: Finding): string | null {
  if (finding.flags.includes(FLAG.sideUnknown)) return FLAG.sideUnknown;
  if (finding.verdict !== 'unreadable') return null;
  if (finding.below !== null) return 'is below a directory that cannot be read';
  // Nothing could be put into it: what lies below stays where it is until the directory is mended.
  if (finding.kind === 'directory') return 'is a directory that cannot be read';
  return isOfMedium(finding.errno ?? '') ? null : `cannot be read (${finding.errno ?? 'no errno'})`;
}

/** The losses whose sources must be proved before the lists are written, in the order of the assessment. */
export function candidates(findings: readonly Finding[]): Finding[] {
  return findings.filter((f) => isLoss(f) && f.source !== null && hasSource(f.recovery) && ruledOut(f) === null);
}

export function hasSource(recovery: Recovery | null): recovery is 'exact' | 'older' {
  return recovery === 'exact' || recovery === 'older';
}
