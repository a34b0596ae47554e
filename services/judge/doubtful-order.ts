// What a person must know where the order of a series' snapshots is not certain: it decides which version is older.
//
import type { Scan } from '../../domain/scan.ts';
import { orderIsEstimated } from '../../domain/snapshot-order.ts';

type Placed = Pick<Scan, 'snapshot' | 'path' | 'asOf'>;

/** The rest of a sentence that begins with the series, and what to do; null where the order is sure. Oldest first. */
export function doubtfulOrder(scans: readonly Placed[]): string | null {
  if (scans.length < 2) return null;
  const nameOf = (scan: Placed | undefined): string => scan?.snapshot ?? scan?.path ?? '';
  const check = `Check that ${nameOf(scans.at(-1))} is the newest. Dated names (2026-11-21) would tell.`;
  const estimated = scans.filter(({ asOf }) => orderIsEstimated(asOf));
  if (estimated.length > 0) {
    const isByDays = estimated.every(({ asOf }) => asOf.source === 'weekday');
    const from = isByDays ? 'the days in their names and the times of their files' : 'the times of their files';
    return `the order of ${estimated.length} of ${scans.length} snapshots is estimated, from ${from}: what is called the newest version may be an older one. ${check}`;
  }
  const at = scans.findIndex(({ asOf }, index) => {
    const next = scans[index + 1]?.asOf;
    return asOf.source === 'name' && next?.source === 'name' && next.fromMs <= asOf.toMs;
  });
  if (at < 0) return null;
  return `the order of ${nameOf(scans[at])} and ${nameOf(scans[at + 1])} is estimated, from their names, because both may be of the same time. ${check}`;
}
