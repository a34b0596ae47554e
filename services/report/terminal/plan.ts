// The order of the snapshots, printed before the work: where a wrong pattern or a misread date shows.
import { isEstimated, orderIsEstimated } from '../../../domain/snapshot-order.ts';
import { iso } from '../../../domain/window/timeline.ts';
import { localTime } from '../wording.ts';
import type { SeriesPlan } from '../../scan/scan-series.ts';

const SHOWN_MAX = 40;

export function planLines(pattern: string, plan: SeriesPlan): string[] {
  const { found, steps, known } = plan;
  const lines = [
    `${pattern}: ${found.snapshots.length} snapshot${found.snapshots.length === 1 ? '' : 's'}, oldest first; ${known} known, ${steps.length} to look at`,
  ];
  const looked = new Map(steps.map((step) => [step.snapshot, step.mode]));
  const hidden = Math.max(0, found.snapshots.length - SHOWN_MAX);
  if (hidden > 0) lines.push(`  … ${hidden} older ones`);
  for (const snapshot of found.snapshots.slice(hidden)) {
    const mode = looked.get(snapshot);
    const what =
      mode === undefined
        ? snapshot.withinLimit
          ? 'known'
          : 'left out by --snapshots'
        : mode === 'list'
          ? 'list'
          : 'list and read';
    lines.push(`  ${snapshot.name}  ${when(snapshot.asOf)}  ${what}`);
  }
  for (const one of found.leftOut) lines.push(`  left out: ${one.path}: ${one.reason}`);
  return lines;
}

function when(asOf: { readonly fromMs: number; readonly toMs: number; readonly source: string }): string {
  const estimated = isEstimated(asOf)
    ? orderIsEstimated(asOf)
      ? ' (estimated, and so is its place in the order)'
      : ' (estimated)'
    : '';
  return `${localTime(`${iso(asOf.fromMs)}/${iso(asOf.toMs)}`)}${estimated}`;
}
