// After the first verdicts: other places of the lost bytes, the second look at what is not intact, and directories as the sum of their files.
import type { Verdict } from '../../domain/verdicts.ts';
import { isGap, versionAt } from '../../domain/facts.ts';
import type { JudgeContext, Judged } from '../../domain/judge/context.ts';
import { compareBytes } from '../../domain/path.ts';
import { directoryFates, type Fate } from '../../domain/window/directory-fates.ts';
import type { Moves } from '../../domain/window/moves.ts';
import type { Queryable } from '../catalog/scans.ts';
import { kindOf } from './compose.ts';
import { judgeAll, type JudgingTools, type Subject } from './judging.ts';
import type { Loaded } from './load.ts';
import { lookAgain } from './lookup.ts';
import { addCopies } from './surroundings.ts';

/** Judges again what has no exact source, with the places where its bytes stand under other names. */
export async function judgeWithCopies(
  client: Queryable,
  loaded: Pick<Loaded, 'subjects' | 'builder' | 'roots'>,
  context: JudgeContext,
  tools: JudgingTools,
  verdicts: readonly Judged[],
): Promise<Judged[]> {
  const wanted = loaded.subjects.flatMap((subject, i) => {
    const judged = verdicts[i];
    const state = judged?.lkg?.state;
    if (judged === undefined || judged.recovery === null || judged.recovery === 'exact') return [];
    if (state?.kind !== 'file' || state.digest === null || state.size === null || state.size === 0) return [];
    return [{ subject, size: state.size, digest: BigInt(`0x${state.digest}`) }];
  });
  if (wanted.length === 0) return [...verdicts];
  const helped = await addCopies(client, loaded.builder, loaded.roots, wanted);
  return judgeSome(loaded.subjects, verdicts, helped, context, tools);
}

async function judgeSome(
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  some: readonly Subject[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<Judged[]> {
  if (some.length === 0) return [...verdicts];
  const judged = await judgeAll(some, context, tools);
  const bySubject = new Map(some.map((subject, i) => [subject, judged[i]]));
  return subjects.map((subject, i) => {
    const verdict = bySubject.get(subject) ?? verdicts[i];
    if (verdict === undefined) throw new Error(`${subject.facts.path} has no verdict`);
    return verdict;
  });
}

/** Rule 10: what is not intact is looked at once more, and judged again where it has moved since the scan. */
export async function lookAtSuspects(
  livePath: string,
  live: number,
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  context: JudgeContext,
  tools: JudgingTools,
  now: () => number,
): Promise<Judged[]> {
  const suspects = subjects.filter((subject, i) => {
    const sight = subject.facts.sights[live] ?? null;
    return verdicts[i]?.verdict !== 'intact' && (sight === null || !isGap(sight));
  });
  if (suspects.length === 0) return [...verdicts];
  suspects.sort((a, b) => compareBytes(a.facts.path, b.facts.path));
  const { looks } = await lookAgain(
    livePath,
    suspects.map(({ facts }) => ({ path: facts.path, seen: versionAt(facts.sights, live) })),
  );
  const moved: Subject[] = [];
  suspects.forEach((subject, i) => {
    const look = looks[i];
    if (look === undefined || look.outcome === 'as seen') return;
    const errno = look.errno ?? 'CHANGED';
    const reading = { observer: live, digest: null, errno, inode: 0n, ctimeNs: 0n, atMs: now() };
    subject.facts = { ...subject.facts, readings: [...subject.facts.readings, reading] };
    moved.push(subject);
  });
  return judgeSome(subjects, verdicts, moved, context, tools);
}

/**
 * A directory whose files all moved or were deleted is so itself; one with a missing file is missing, so that a restore makes it again.
 */
export async function settleDirectories(
  live: number,
  subjects: readonly Subject[],
  verdicts: readonly Judged[],
  context: JudgeContext,
  tools: JudgingTools,
): Promise<Judged[]> {
  const gone = (verdict: Verdict | undefined): verdict is Fate['fate'] =>
    verdict === 'missing' || verdict === 'moved' || verdict === 'deleted';
  const directories: Subject[] = [];
  const files: Fate[] = [];
  subjects.forEach((subject, i) => {
    const judged = verdicts[i];
    if (judged === undefined || subject.facts.sights[live] !== null) return;
    const { path } = subject.facts;
    const isDirectory = kindOf({ subject, judged }) === 'directory';
    if (isDirectory && gone(judged.verdict) && judged.accepted === null) directories.push(subject);
    else if (!isDirectory)
      files.push({ path, fate: gone(judged.verdict) ? judged.verdict : 'missing', movedTo: judged.movedTo });
  });
  if (directories.length === 0) return [...verdicts];
  const fates = directoryFates(
    directories.map(({ facts }) => facts.path),
    files,
  );
  const asMissing = directories.filter(
    ({ facts }) => fates.get(facts.path)?.fate === 'missing' && !context.openFindings.has(facts.path),
  );
  const needed = new Set(asMissing.map(({ facts }) => facts.path));
  const moved = new Map([...context.moves.moved].filter(([path]) => !needed.has(path)));
  const settled = await judgeSome(
    subjects,
    verdicts,
    asMissing,
    {
      ...context,
      openFindings: new Map([...context.openFindings, ...[...needed].map((path) => [path, null] as const)]),
      moves: { ...context.moves, moved } satisfies Moves,
    },
    tools,
  );
  const places = new Set(directories);
  return settled.map((judged, i) => {
    const subject = subjects[i];
    const fate = subject === undefined || !places.has(subject) ? undefined : fates.get(subject.facts.path);
    if (fate === undefined || fate.fate === 'missing') return judged;
    return {
      ...judged,
      verdict: fate.fate,
      movedTo: fate.movedTo ?? judged.movedTo,
      recovery: null,
      source: null,
      cause: fate.fate === 'moved' ? null : judged.cause,
      evidence: [...judged.evidence, fate.fate === 'moved' ? 'Its files moved.' : 'All of its files were deleted.'],
    };
  });
}
