// When the best copy of a loss fails while its restore list is written, that is a fact like another: the path is judged
// once more with it.
import type { Finding, Source } from '../../domain/assessment.ts';
import { nameAt } from '../../domain/facts.ts';
import type { JudgeContext } from '../../domain/judge/context.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import type { Database } from '../catalog/database.ts';
import { sourceOf } from './compose.ts';
import { type Case, judgeAll, type JudgingTools, verdictOf } from './judging.ts';
import type { Loaded } from './load.ts';
import { judgeWithCopies } from './settle.ts';

/** Another copy than the finding's own. */
export interface Alternative {
  readonly source: Source;
  readonly recovery: 'exact' | 'older';
}

/**
 * The best copy of a finding besides those that were found to fail, of which `failed` is the last; null where none is
 * left, 'wanted' where other hosts have to be asked first.
 */
export type NextSource = (finding: Finding, failed: Source) => Promise<Alternative | null | 'wanted'>;

export interface NextSourceInput {
  readonly db: Database;
  readonly loaded: Pick<Loaded, 'cases' | 'builder' | 'roots' | 'observers'>;
  readonly context: JudgeContext;
  readonly tools: JudgingTools;
  readonly now: () => number;
}

/** The best of what is left, where that still decides: a copy that contradicts another one is no source. */
export function nextSourceOf(input: NextSourceInput): NextSource {
  const { loaded, now } = input;
  const { observers } = loaded;
  const tools: JudgingTools = { ...input.tools, onProgress: () => {} };
  let cases: Map<string, Case> | null = null;
  return async (finding, failed) => {
    cases ??= new Map(loaded.cases.map((one) => [one.facts.path, one]));
    const one = cases.get(finding.path);
    const observer = observers.findIndex(({ scan }) => scan.id === failed.scanId);
    if (one === undefined || observer < 0) return null;
    withoutCopy(one, observer, failed, now());
    // A directory is missing for the sake of its files, which an open finding says as well.
    const openFindings = new Map([[finding.path, null], ...input.context.openFindings]);
    const context = { ...input.context, openFindings };
    await judgeAll([one], context, tools);
    if (one.parked) return 'wanted';
    const own = verdictOf(one);
    await judgeWithCopies(input.db.pool, { ...loaded, cases: [one] }, context, tools);
    if (one.parked) return 'wanted';
    for (const judged of [verdictOf(one), own]) {
      if (judged.verdict !== finding.verdict || judged.flags.includes(FLAG.sideUnknown)) continue;
      if (judged.source === null || (judged.recovery !== 'exact' && judged.recovery !== 'older')) continue;
      const source = sourceOf(judged.source, observers, now());
      if (source.scanId !== failed.scanId || source.path !== failed.path) return { source, recovery: judged.recovery };
    }
    return null;
  };
}

function withoutCopy(one: Case, observer: number, { path }: Source, atMs: number): void {
  const { facts } = one;
  if (path === nameAt(facts, observer)) {
    const reading = { observer, digest: null, errno: 'CHANGED', inode: 0n, ctimeNs: 0n, atMs };
    one.facts = { ...facts, readings: [...facts.readings, reading] };
  } else if (facts.surroundings !== undefined) {
    one.facts = { ...facts, surroundings: { ...facts.surroundings, copies: [] } };
  }
}
