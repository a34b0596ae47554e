// What a restore of a finding needs beyond the plain one. Derived from the finding, never stored beside it. Pure.
import type { Finding, Recovery } from '../assessment.ts';
import { isDamageVerdict } from '../verdicts.ts';
import { FLAG } from '../judge/flags.ts';

/** Options of restore.sh, without their dashes: what it must be told before it touches an entry. */
export const NEEDS = ['damaged', 'older', 'person-deleted', 'uncertain'] as const;
export type Need = (typeof NEEDS)[number];

/**
 * What a plain restore leaves out because it may have gone on purpose: a person's deletion, and what statistics alone
 * call lost.
 */
export function isLeftByDefault(needs: readonly string[]): boolean {
  return needs.includes('person-deleted') || needs.includes('uncertain');
}

type Needing = Pick<Finding, 'verdict' | 'flags' | 'cause' | 'found' | 'source'>;

/**
 * `replaces`: content that lies there is exchanged, rather than put where nothing is, or beside. `recovery` is that of
 * the copy that is taken, which may be another than the finding's own.
 */
export function needsOf(finding: Needing, { replaces, recovery }: { replaces: boolean; recovery: Recovery }): Need[] {
  // A directory has no content that could be older.
  const older = recovery === 'older' && finding.source?.state.kind !== 'directory';
  return [
    ...(replaces ? (['damaged'] as const) : []),
    ...(older ? (['older'] as const) : []),
    ...(finding.cause?.cause === 'person' && !replaces ? (['person-deleted'] as const) : []),
    ...(finding.flags.includes(FLAG.uncertain) && !replaces ? (['uncertain'] as const) : []),
  ];
}

/** As findings.jsonl and --json have it: also where the finding is in no list. 'side-backup' is an option of assess. */
export function allNeedsOf(finding: Needing & Pick<Finding, 'recovery'>): string[] {
  if (finding.flags.includes(FLAG.sideUnknown)) return ['side-backup'];
  const { recovery, source, found } = finding;
  if (source === null || (recovery !== 'exact' && recovery !== 'older')) return [];
  return needsOf(finding, {
    replaces: isDamageVerdict(finding.verdict) && found?.kind === source.state.kind,
    recovery,
  });
}
