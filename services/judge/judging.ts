// Judging with its reading loop: what judge asks for is read, added to the facts, and judge goes on, until every path
// has a verdict.
import type { Finding } from '../../domain/assessment.ts';
import type { Observer, PathFacts, Request } from '../../domain/facts.ts';
import type { JudgeContext, Judged } from '../../domain/judge/context.ts';
import { judge } from '../../domain/judge/judge.ts';
import type { ExecuteRequests, FullReading } from './readings.ts';

/**
 * A host that did not answer: of a copy that judging asked for, of the content by which a move would have been known,
 * or of what lies there now.
 */
export interface Silence {
  readonly host: string;
  readonly of: 'copy' | 'move' | 'now';
}

/** One path on its way through judging: passes add to its facts, give it a verdict, and make a finding of that. */
export interface Case {
  /** Directory id and name in the catalog; null for a name that only a gap ever saw. */
  readonly directory: number | null;
  readonly name: string;
  /** Facts grow while it is judged; they are replaced, never changed. */
  facts: PathFacts;
  /** Null until judgeAll has been here. Later passes may replace it. */
  judged: Judged | null;
  /** Another host has to be asked first: judging it ended without a verdict. */
  parked: boolean;
  /** What is not known of it because a host did not answer. */
  silences: readonly Silence[];
  /** What the assessment says of it; null for what is intact, and until that is known. */
  finding: Finding | null;
}

export function openCase(directory: number | null, name: string, facts: PathFacts): Case {
  return { directory, name, facts, judged: null, parked: false, silences: [], finding: null };
}

/** Its verdict. Asking before it was judged is a bug. */
export function verdictOf({ judged, facts }: Case): Judged {
  if (judged === null) throw new Error(`${facts.path} has no verdict`);
  return judged;
}

/** A reading that the catalog may keep. */
export interface CaseReading {
  readonly one: Case;
  readonly reading: FullReading;
}

export interface JudgingTools {
  readonly observers: readonly Observer[];
  readonly execute: ExecuteRequests;
  /** Called with every copy that could be read. */
  readonly onReading: (read: CaseReading) => void;
  readonly onBytes: (bytes: number) => void;
  /** Called between batches; may throw to stop. */
  readonly onProgress: (done: number, total: number) => void;
}

/** Nothing is asked twice, so a path asks at most once per copy and pair of copies. Beyond this something is wrong. */
const ROUNDS_MAX = 500;
const BATCH = 2_000;

/** Gives every case its verdict. */
export async function judgeAll(cases: readonly Case[], context: JudgeContext, tools: JudgingTools): Promise<void> {
  for (let start = 0; start < cases.length; start += BATCH) {
    tools.onProgress(start, cases.length);
    await judgeBatch(cases.slice(start, start + BATCH), context, tools);
  }
}

/** Judging that waits for copies to be read. */
interface Waiting {
  readonly one: Case;
  readonly judging: ReturnType<typeof judge>;
  readonly facts: PathFacts;
  readonly requests: readonly Request[];
}

async function judgeBatch(cases: readonly Case[], context: JudgeContext, tools: JudgingTools): Promise<void> {
  let waiting = cases.flatMap((one) => goOn(one, judge(one.facts, context)));
  for (let round = 0; waiting.length > 0; round++) {
    if (round >= ROUNDS_MAX) throw new Error(`${waiting[0]?.facts.path}: judging asks for copies without an end`);
    const answered = await readFor(waiting, tools);
    waiting = answered.flatMap(({ one, judging }) => goOn(one, judging));
  }
}

/** Judges until there is a verdict, or something to read. */
function goOn(one: Case, judging: Waiting['judging']): Waiting[] {
  const step = judging.next(one.facts);
  if (step.done !== true) {
    one.parked = true;
    return [{ one, judging, facts: one.facts, requests: step.value }];
  }
  one.judged = step.value;
  one.parked = false;
  return [];
}

/**
 * Reads what these cases ask for, and adds what came of it to their facts.
 * @returns those that have their answers; the rest waits for other hosts
 */
export async function readFor<W extends Pick<Waiting, 'one' | 'facts' | 'requests'>>(
  asked: readonly W[],
  tools: JudgingTools,
  of: Silence['of'] = 'copy',
): Promise<W[]> {
  const { answers, bytesRead } = await tools.execute(asked, tools.observers);
  tools.onBytes(bytesRead);
  for (const {
    asked: { one, facts },
    readings,
    comparisons,
    silent,
  } of answers) {
    for (const reading of readings) if (reading.digest !== null) tools.onReading({ one, reading });
    if (silent !== null) one.silences = [...one.silences, { host: silent, of }];
    one.facts = {
      ...facts,
      readings: [...facts.readings, ...readings],
      comparisons: [...facts.comparisons, ...comparisons],
    };
  }
  return answers.map(({ asked: one }) => one);
}
