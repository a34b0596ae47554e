// Judging with its reading loop: what judge asks for is read, added to the facts, and judge is asked again, until every path has a verdict.
import type { Observer, PathFacts, Request } from '../../domain/facts.ts';
import type { JudgeContext, Judged } from '../../domain/judge/context.ts';
import { judge } from '../../domain/judge/judge.ts';
import type { ExecuteRequests, FullReading } from './readings.ts';

/** A path with its place in the catalog. Facts grow while it is judged, and so they are replaced, never changed. */
export interface Subject {
  /** Directory id and name; null for a name that only a gap ever saw. */
  readonly directory: number | null;
  readonly name: string;
  facts: PathFacts;
}

/** A reading that the catalog may keep. */
export interface SubjectReading {
  readonly subject: Subject;
  readonly reading: FullReading;
}

export interface JudgingTools {
  readonly observers: readonly Observer[];
  readonly execute: ExecuteRequests;
  /** Called with every copy that could be read. */
  readonly onReading: (read: SubjectReading) => void;
  readonly onBytes: (bytes: number) => void;
  /** Called between batches; may throw to stop. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Nothing is asked twice, so a path asks at most once per copy and pair of copies. Beyond this something is wrong. */
const ROUNDS_MAX = 500;
const BATCH = 2_000;

/** One verdict per subject, in order. */
export async function judgeAll(
  subjects: readonly Subject[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<Judged[]> {
  const verdicts: Judged[] = [];
  for (let start = 0; start < subjects.length; start += BATCH) {
    tools.onProgress(start, subjects.length);
    verdicts.push(...(await judgeBatch(subjects.slice(start, start + BATCH), context, tools)));
  }
  return verdicts;
}

async function judgeBatch(subjects: readonly Subject[], context: JudgeContext, tools: JudgingTools): Promise<Judged[]> {
  const verdicts = new Map<Subject, Judged>();
  let open = [...subjects];
  for (let round = 0; open.length > 0; round++) {
    const asked: { subject: Subject; facts: PathFacts; requests: readonly Request[] }[] = [];
    for (const subject of open) {
      const outcome = judge(subject.facts, context);
      if (outcome.kind === 'judged') verdicts.set(subject, outcome.judged);
      else asked.push({ subject, facts: subject.facts, requests: outcome.requests });
    }
    if (asked.length === 0) break;
    if (round >= ROUNDS_MAX) throw new Error(`${asked[0]?.facts.path}: judging asks for copies without an end`);
    const answers = await tools.execute(asked, tools.observers);
    tools.onBytes(answers.bytesRead);
    asked.forEach(({ subject, facts }, index) => {
      const readings = answers.readings[index] ?? [];
      for (const reading of readings) if (reading.digest !== null) tools.onReading({ subject, reading });
      subject.facts = {
        ...facts,
        readings: [...facts.readings, ...readings],
        comparisons: [...facts.comparisons, ...(answers.comparisons[index] ?? [])],
      };
    });
    open = asked.map(({ subject }) => subject);
  }
  return subjects.map((subject) => {
    const judged = verdicts.get(subject);
    if (judged === undefined) throw new Error(`${subject.facts.path} has no verdict`);
    return judged;
  });
}
