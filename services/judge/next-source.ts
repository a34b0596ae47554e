// When the best copy of a loss fails while its restore list is written, that is a fact like another: the path is judged once more with it.
import type { Source } from '../../domain/assessment.ts';
import { nameAt } from '../../domain/facts.ts';
import type { JudgeContext, Judged } from '../../domain/judge/context.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import type { Database } from '../catalog/database.ts';
import type { NextSource } from '../bundle/prove.ts';
import { sourceOf } from './compose.ts';
import { judgeAll, type JudgingTools, type Subject } from './judging.ts';
import type { Loaded } from './load.ts';
import { judgeWithCopies } from './settle.ts';

export interface NextSourceInput {
  readonly db: Database;
  readonly loaded: Pick<Loaded, 'subjects' | 'builder' | 'roots' | 'observers'>;
  readonly context: JudgeContext;
  readonly tools: JudgingTools;
  readonly verdicts: readonly Judged[];
  readonly now: () => number;
}

/** The best of what is left, where that still decides: a copy that stands against another one is no source. */
export function nextSourceOf(input: NextSourceInput): NextSource {
  const { loaded, now } = input;
  const { observers } = loaded;
  const tools: JudgingTools = { ...input.tools, onProgress: () => {} };
  let subjects: Map<string, Subject> | null = null;
  return async (finding, failed) => {
    subjects ??= new Map(loaded.subjects.map((subject) => [subject.facts.path, subject]));
    const subject = subjects.get(finding.path);
    const observer = observers.findIndex(({ scan }) => scan.id === failed.scanId);
    if (subject === undefined || observer < 0) return null;
    withoutCopy(subject, observer, failed, now());
    // A directory is missing for the sake of its files, which an open finding says as well.
    const openFindings = new Map([[finding.path, null], ...input.context.openFindings]);
    const context = { ...input.context, openFindings };
    const own = await judgeAll([subject], context, tools);
    const all = await judgeWithCopies(input.db.pool, { ...loaded, subjects: [subject] }, context, tools, own);
    for (const judged of [...all, ...own]) {
      if (judged.verdict !== finding.verdict || judged.flags.includes(FLAG.sideUnknown)) continue;
      if (judged.source === null || (judged.recovery !== 'exact' && judged.recovery !== 'older')) continue;
      const source = sourceOf(judged.source, observers, now());
      if (source.scanId !== failed.scanId || source.path !== failed.path) return { source, recovery: judged.recovery };
    }
    return null;
  };
}

function withoutCopy(subject: Subject, observer: number, { path }: Source, atMs: number): void {
  const { facts } = subject;
  if (path === nameAt(facts, observer)) {
    const reading = { observer, digest: null, errno: 'CHANGED', inode: 0n, ctimeNs: 0n, atMs };
    subject.facts = { ...facts, readings: [...facts.readings, reading] };
  } else if (facts.surroundings !== undefined) {
    subject.facts = { ...facts, surroundings: { ...facts.surroundings, copies: [] } };
  }
}
