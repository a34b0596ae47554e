// What becomes of a path that a host which does not answer would have told of (docs/design.md#silent-hosts): never a
// calm class, and no loss is hidden.
import { EXIT } from '../../domain/exit.ts';
import type { Judged, JudgeContext } from '../../domain/judge/context.ts';
import { FLAG } from '../../domain/judge/flags.ts';
import { VERDICT } from '../../domain/verdicts.ts';
import { type Case, type Silence, verdictOf } from './judging.ts';

/** No scan ever observed this: a later answer is another finding. */
const OBSERVED_UNANSWERED = 'unanswered';

/**
 * After all passes: what is an ordinary class, and rests on what was not answered, is unverified. A loss or damage that
 * complete scans prove stays what it is. What is gone and may have been renamed is unverified too, unless its directory
 * says that nobody touched it, or the loss is known already.
 */
export function settleSilences(cases: readonly Case[], { openFindings }: Pick<JudgeContext, 'openFindings'>): void {
  for (const one of cases) {
    if (one.silences.length === 0) continue;
    const judged = verdictOf(one);
    const { exit } = VERDICT[judged.verdict];
    const isSilent = one.facts.surroundings?.absence?.how === 'silent';
    const mayHaveMoved =
      judged.verdict === 'missing' &&
      one.silences.some((silence) => silence.of === 'move') &&
      !isSilent &&
      !openFindings.has(one.facts.path);
    const evidence = [...judged.evidence, ...new Set(one.silences.map(sentenceOf))];
    one.judged =
      exit === EXIT.nothing || mayHaveMoved
        ? unverified(judged, evidence)
        : { ...judged, flags: flagsOf(judged, one.silences), evidence };
  }
}

function unverified(judged: Judged, evidence: readonly string[]): Judged {
  return {
    ...judged,
    verdict: 'unverified',
    flags: [],
    recovery: null,
    source: null,
    cause: null,
    movedTo: null,
    linkTo: null,
    observedKey: OBSERVED_UNANSWERED,
    evidence,
  };
}

function flagsOf({ flags }: Judged, silences: readonly Silence[]): readonly string[] {
  return silences.some(({ of }) => of === 'now') ? [...flags, FLAG.notLookedAt] : flags;
}

function sentenceOf({ host, of }: Silence): string {
  return {
    copy: `No answer from ${host}: a copy there could not be read.`,
    move: `No answer from ${host}: whether its content has another name now is not known.`,
    now: `No answer from ${host}: it could not be looked at again.`,
  }[of];
}
