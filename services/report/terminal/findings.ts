// Findings as a terminal shows them: by volume, the worst first, each class with its count and what it means, and no
// wall of names. Pure.
import { type Verdict, VERDICT } from '../../../domain/verdicts.ts';
import { grouped } from '../../../domain/grouped.ts';
import { isSideUnknown } from '../../findings.ts';
import type { StoredFinding } from '../../catalog/findings.ts';
import { count, localTime, plural, visible } from '../wording.ts';

/** Lines of one answer, unless asked for more. */
export const SHOWN_MAX = 50;
/** Of a group that does not fit, at least this many are shown: a name is worth more than a count. */
const GROUP_MIN = 3;

const RECOVERIES = { exact: 'identical copy', older: 'only an older copy', none: 'no copy' } as const;

/** What a finding comes down to, for the line above the names. */
function groupOf(finding: StoredFinding): string {
  const { verdict, recovery } = finding;
  if (isSideUnknown(finding.detail)) return `${verdict}, can't tell which copy is right`;
  return recovery === null ? verdict : `${verdict}, ${RECOVERIES[recovery]}`;
}

/** Findings sorted by volume and badness, as lines; `limit` names in all, null for all of them. */
export function findingLines(found: readonly StoredFinding[], limit: number | null): string[] {
  const lines: string[] = [];
  let left = limit ?? Number.POSITIVE_INFINITY;
  for (const [volume, own] of grouped(found, ({ volume: name }) => name)) {
    lines.push(`${visible(volume)}: ${plural(own.length, 'finding')}`);
    const told = new Set<Verdict>();
    for (const [group, its] of grouped(own, groupOf)) {
      const [first] = its;
      if (first === undefined) continue;
      const meaning = told.has(first.verdict) ? '' : ` (${VERDICT[first.verdict].meaning})`;
      told.add(first.verdict);
      lines.push(`  ${group}: ${count(its.length)}${meaning}`);
      const shown = its.length <= left ? its.length : Math.min(its.length, Math.max(GROUP_MIN, left));
      for (const finding of its.slice(0, shown)) lines.push(`    ${line(finding)}`);
      if (shown < its.length) lines.push(`            … and ${count(its.length - shown)} more`);
      left = Math.max(0, left - shown);
    }
  }
  return lines;
}

function line(finding: StoredFinding): string {
  const { state, reason } = finding;
  const closed = state === 'open' ? '' : `  [${state}${reason === null ? '' : `: ${visible(reason)}`}]`;
  return `${String(finding.id).padStart(6)}  ${visible(finding.path)}  ${dates(finding)}${closed}`;
}

/** When it happened as far as that is known, else since when it is known. */
function dates({ detail, openedMs, closedMs }: StoredFinding): string {
  const { between } = detail as {
    readonly between?: { readonly lastSeen: string | null; readonly firstGone: string | null } | null;
  };
  const { lastSeen = null, firstGone = null } = between ?? {};
  const found = `found ${localTime(new Date(openedMs).toISOString())}`;
  const when = [
    ...(lastSeen === null ? [] : [`last good ${localTime(lastSeen)}`]),
    ...(firstGone === null ? [] : [`noticed ${localTime(firstGone)}`]),
  ];
  const known = when.length === 0 ? found : when.join(', ');
  return closedMs === null ? known : `${known}, closed ${localTime(new Date(closedMs).toISOString())}`;
}
