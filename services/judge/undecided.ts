// Findings that stay open although this assessment does not tell them again.
import type { Verdict } from '../../domain/verdicts.ts';
import type { Judged } from '../../domain/judge/context.ts';
import { OBSERVED_ABSENT, observedKeyOf } from '../../domain/judge/keys.ts';
import type { OpenFinding } from '../catalog/decisions.ts';
import { standingAt } from '../catalog/neighbours.ts';
import type { Queryable } from '../catalog/scans.ts';
import type { Loaded } from './load.ts';

/** By these a path is as it should be, or nobody knows better. All others find it again, or explain it. */
const SILENT: ReadonlySet<Verdict> = new Set(['intact', 'new', 'modified', 'unprotected']);

/**
 * Open findings that this run says nothing certain of. leftOut: it does not look there. unmoved: a loss that is as it was found, and is not told this
 * time because less is looked at (no --backup, fewer snapshots, a shorter --since). Only a return, a restore or a person closes it.
 */
export async function undecidedOf(
  client: Queryable,
  { builder, roots, subjects, decisions }: Loaded,
  verdicts: readonly Judged[],
): Promise<{ leftOut: OpenFinding[]; unmoved: OpenFinding[] }> {
  const leftOut: OpenFinding[] = [];
  const losses: OpenFinding[] = [];
  for (const open of decisions.open) {
    if (builder.leftOut(open.path, open.isDirectory) !== null) leftOut.push(open);
    else if (open.isLoss) losses.push(open);
  }
  if (losses.length === 0) return { leftOut, unmoved: [] };
  /** What is there now; null where the verdict speaks for itself. */
  const observed = new Map<string, string | null>();
  subjects.forEach(({ facts }, i) => {
    const judged = verdicts[i];
    if (judged === undefined) return;
    observed.set(facts.path, SILENT.has(judged.verdict) && judged.accepted === null ? judged.observedKey : null);
  });
  const live = roots.find((root) => root.live);
  if (live === undefined) throw new Error('an assessment has a live root');
  const plain = losses.filter(({ path }) => !observed.has(path)).map(({ path }) => path);
  const standing = await standingAt(client, live, plain);
  for (const path of plain) {
    const version = standing.get(path);
    observed.set(path, version === undefined ? OBSERVED_ABSENT : observedKeyOf(version));
  }
  return { leftOut, unmoved: losses.filter((open) => observed.get(open.path) === open.observed) };
}
