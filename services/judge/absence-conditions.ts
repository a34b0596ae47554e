// What limits the answers about names that are gone: a backup that does not keep the times of directories, and findings
// of earlier rules.
import type { Condition } from '../../domain/assessment.ts';
import type { Absences } from './absences.ts';
import { type Case, verdictOf } from './judging.ts';

export interface AbsenceConditionInput {
  /** Null where nothing is gone. */
  readonly absences: Absences | null;
  readonly series: readonly { readonly name: string; readonly pattern: string }[];
  readonly cases: readonly Case[];
  /** Open findings of losses that earlier rules made, and that this run judged anew. */
  readonly oldFindings: number;
}

export function absenceConditions(input: AbsenceConditionInput): Condition[] {
  const { absences, series, oldFindings } = input;
  const conditions: Condition[] = [];
  const without = series.filter(({ name }) => absences?.keepsTimes.get(name) === 'no');
  if (without.length > 0) {
    const ordinary = untoldDeletions(input);
    const files = ordinary === 1 ? '1 file that vanished is' : `${ordinary} files that vanished are`;
    const cost =
      ordinary === 0 ? '.' : `, and ${files} treated as ordinary deletions; use --since WHEN to count them as losses.`;
    conditions.push({
      code: 'no-directory-times',
      text:
        `${without.map(({ pattern }) => pattern).join(', ')} does not keep the times of directories (rsync -O, rclone and other copies do not): ` +
        `they do not show whether somebody deleted a file or it was lost${cost}`,
    });
  }
  if (oldFindings > 0)
    conditions.push({
      code: 'judged-anew',
      text:
        `${oldFindings} open ${oldFindings === 1 ? 'finding' : 'findings'} of an earlier version of Rollcall ${oldFindings === 1 ? 'was' : 'were'} judged again by today's rules: ` +
        'what they no longer call a loss is closed. This is said once.',
    });
  return conditions;
}

function untoldDeletions({ cases }: AbsenceConditionInput): number {
  return cases.filter((one) => {
    const { verdict, accepted } = verdictOf(one);
    return one.facts.surroundings?.absence?.how === 'untold' && verdict === 'deleted' && accepted === null;
  }).length;
}
