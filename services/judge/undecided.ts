// Findings that stay open although this assessment does not report them again.
import { VERDICT } from '../../domain/verdicts.ts';
import { OBSERVED_ABSENT, observedKeyOf } from '../../domain/judge/keys.ts';
import type { OpenFinding } from '../catalog/decisions.ts';
import { standingAt } from '../catalog/neighbours.ts';
import type { Queryable } from '../catalog/scans.ts';
import { verdictOf } from './judging.ts';
import type { Loaded } from './load.ts';

export interface Undecided {
  readonly leftOut: readonly OpenFinding[];
  readonly unmoved: readonly OpenFinding[];
}

/**
 * Open findings that this run says nothing certain of. leftOut: it does not look there. unmoved: a loss that is as it
 * was found, and is not told this time because less is looked at (no --backup, fewer snapshots, a shorter --since).
 * Only a return, a restore or a person closes it.
 */
export async function undecidedOf(client: Queryable, { builder, roots, cases, decisions }: Loaded): Promise<Undecided> {
  const leftOut: OpenFinding[] = [];
  const losses: OpenFinding[] = [];
  for (const open of decisions.open) {
    if (builder.leftOut(open.path, open.isDirectory) !== null) leftOut.push(open);
    else if (open.isLoss) losses.push(open);
  }
  if (losses.length === 0) return { leftOut, unmoved: [] };
  /** What is there now; null where the verdict speaks for itself. */
  const observed = new Map<string, string | null>();
  for (const one of cases) {
    const { verdict, accepted, observedKey } = verdictOf(one);
    // Where a path is as it should be, or that is not known. All other classes find the loss again, or explain it.
    observed.set(one.facts.path, VERDICT[verdict].settlesLoss || accepted !== null ? null : observedKey);
  }
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
